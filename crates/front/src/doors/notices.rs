//! The doors to which relays post what became of a copy: `/relay/mailgun` and `/relay/ses`.
//!
//! What comes is sealed unread and laid in. The keys that tell a true notice from a forged one are secrets, and this side
//! holds none: whether it is believed is decided behind the vault, and never told to whoever posted it. So 200 means kept, and
//! no more; it is said when it is durable. While no key is set, nothing is taken.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use newsroom::{NOTICE_BYTES_MAX, Notice, NoticeFrom};
use store::notices::{self, SealedNotice};

use super::{BUSY_SECONDS, Hall, Shared, visitor_of};
use crate::Trouble;
use crate::budget::Budget;
use crate::guard::body_of;

/// Notices that may wait to be judged: at 2 to 10 kB each some 100 MB at worst. Behind the vault thousands are judged in a
/// second; so many wait only while nobody judges, and relays bring again for hours what is refused now.
const WAITING_MAX: i64 = 10_000;
/// How many more are taken before those that wait are counted again: counting is a walk over them.
const COUNT_EVERY: i64 = 64;

/// What these doors remember.
pub(super) struct Intake {
    budget: Budget,
    /// How many more are taken before the next count.
    room: AtomicI64,
    told: [AtomicBool; 2],
}

impl Default for Intake {
    fn default() -> Self {
        Self { budget: Budget::of_notices(), room: AtomicI64::new(0), told: Default::default() }
    }
}

pub(super) async fn mailgun(State(hall): Shared, request: Request) -> Response<Body> {
    door(&hall, NoticeFrom::Mailgun, request).await
}

pub(super) async fn ses(State(hall): Shared, request: Request) -> Response<Body> {
    door(&hall, NoticeFrom::Ses, request).await
}

async fn door(hall: &Hall, from: NoticeFrom, request: Request) -> Response<Body> {
    match take(hall, from, request).await {
        Ok(answer) => answer,
        Err(trouble) => {
            tracing::error!(error = %trouble, relay.name = from.word(), "A relay's notice could not be kept; it is told to bring it again");
            later("It could not be kept just now. Bring it again.\n")
        }
    }
}

fn later(words: &'static str) -> Response<Body> {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, BUSY_SECONDS)], words).into_response()
}

async fn take(hall: &Hall, from: NoticeFrom, request: Request) -> Result<Response<Body>, Trouble> {
    if !is_expected(hall, from).await? {
        return Ok((StatusCode::NOT_FOUND, "Nothing is taken here.\n").into_response());
    }
    if !is_json(from, request.headers()) {
        return Ok(
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Nothing but a notice in JSON is taken here.\n").into_response()
        );
    }
    let (visitor, now) = (visitor_of(&request), hall.front.world.now());
    if !hall.notices.budget.take(visitor, now) {
        let busy = (header::RETRY_AFTER, BUSY_SECONDS);
        return Ok((StatusCode::TOO_MANY_REQUESTS, [busy], "Too many at once. Bring it again.\n").into_response());
    }
    let body = match body_of(request, NOTICE_BYTES_MAX).await {
        Ok(body) => body.to_vec(),
        Err(answer) => return Ok(*answer),
    };
    if !has_room(hall).await? {
        return Ok(later("Too many wait already. Bring it again.\n"));
    }
    lay_in(hall, Notice { from, body }).await?;
    Ok((StatusCode::OK, "Kept.\n").into_response())
}

/// Whether its key is set. While it is not, that is told once, for whoever wonders why nothing comes in.
async fn is_expected(hall: &Hall, from: NoticeFrom) -> Result<bool, Trouble> {
    let kept = hall.front.store.read(move |tx| store::settings::get(tx, from.setting())).await?;
    let is_set = kept.is_some_and(|kept| !kept.is_empty());
    if !is_set && !hall.notices.told[from as usize].swap(true, Ordering::Relaxed) {
        tracing::warn!(
            relay.name = from.word(),
            setting.name = from.setting(),
            "A relay posts notices, and none is taken: without this setting nobody could tell a true one from a forged one"
        );
    }
    Ok(is_set)
}

/// Mailgun says what it sends; SNS says that its JSON is plain text.
fn is_json(from: NoticeFrom, headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let plain = from == NoticeFrom::Ses && essence == "text/plain";
    (plain || essence == "application/json") && headers.get_all(header::CONTENT_TYPE).iter().count() == 1
}

async fn has_room(hall: &Hall) -> Result<bool, Trouble> {
    if hall.notices.room.fetch_sub(1, Ordering::Relaxed) > 0 {
        return Ok(true);
    }
    let waiting = hall.front.store.read(notices::count).await?;
    let is_room = waiting < WAITING_MAX;
    hall.notices.room.store(if is_room { COUNT_EVERY } else { 0 }, Ordering::Relaxed);
    Ok(is_room)
}

async fn lay_in(hall: &Hall, notice: Notice) -> Result<(), Trouble> {
    let (front, id) = (&hall.front, hall.front.world.mint());
    // Recipients stand in it in the clear.
    let plain = zeroize::Zeroizing::new(notice.to_bytes());
    let sealed = front.seal.seal(&plain, &id.to_be_bytes(), &mut |bytes: &mut [u8]| front.world.fill(bytes));
    let sealed = SealedNotice { id, sealed, received: front.world.now() };
    Ok(front.store.write(move |tx| notices::lay_in(tx, &sealed)).await?)
}
