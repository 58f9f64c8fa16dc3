//! Signing in and out, and one's own password.
//!
//! A wrong password, an unknown name and a member who was let go get the same answer after the same work. Whoever is sent
//! here in the middle of a form gets back what they had typed.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use newsroom::MemberId;
use serde::Serialize;
use store::Write;
use store::members::{self, Act, Known};
use zeroize::Zeroizing;

use crate::budget::Whose;
use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::form::Fields;
use crate::guard::own_path;
use crate::password::{self, Match, Weak};
use crate::problem::Trouble;
use crate::session;
use crate::table::{ANYONE, EDITOR, Route, get, post};
use crate::token::{self, Kind};

pub(crate) const ROUTES: &[Route] = &[
    get!("/sign-in", ANYONE, sign_in_page),
    post!("/sign-in", ANYONE, sign_in),
    post!("/sign-out", EDITOR, sign_out),
    get!("/me", EDITOR, me),
    post!("/me/password", EDITOR, change_password),
    post!("/me/sign-out-elsewhere", EDITOR, sign_out_elsewhere),
];

/// Longer than any name or address: what is longer is not looked for.
const WHO_BYTES_MAX: usize = 400;
/// When a bucket is empty the next try is there after a minute at the latest.
const BUSY_SECONDS: u16 = 60;

#[derive(Default, Serialize)]
struct SignInView<'a> {
    who: &'a str,
    next: &'a str,
    kept: &'a str,
    fault: &'a str,
    empty: bool,
}

fn sign_in_view(hall: &Hall, visit: &Visit, status: StatusCode, view: &SignInView<'_>) -> Done {
    hall.pages.show_as(status, &Frame::of(visit), "", "sign_in.html", "Sign in", view)
}

/// Sends somebody who is not signed in to do so first. A form that they sent is kept on the page.
pub(crate) fn first(hall: &Hall, visit: &Visit, sent_something: bool) -> Done {
    if !sent_something {
        let next: String = url::form_urlencoded::byte_serialize(visit.asked.as_bytes()).collect();
        let plain = visit.asked == "/";
        return Ok(see_other(&if plain { "/sign-in".to_owned() } else { format!("/sign-in?next={next}") }));
    }
    let kept = visit.sent.fields.packed();
    let view = SignInView { next: own_path(&visit.asked), kept: &kept, ..SignInView::default() };
    sign_in_view(hall, visit, StatusCode::UNAUTHORIZED, &view)
}

async fn sign_in_page(hall: Arc<Hall>, visit: Visit) -> Done {
    let next = own_path(visit.query.one("next"));
    if visit.signed.is_some() {
        return Ok(see_other(next));
    }
    let founded = hall.desk.store.read(members::founded).await?;
    let view = SignInView { next, empty: !founded, ..SignInView::default() };
    sign_in_view(&hall, &visit, StatusCode::OK, &view)
}

async fn sign_in(hall: Arc<Hall>, mut visit: Visit) -> Done {
    let form = std::mem::take(&mut visit.sent.fields);
    let (who, next, kept) = (form.one("who").trim(), own_path(form.one("next")), form.one("kept"));
    let refused = |status, fault: &str| {
        let view = SignInView { who, next, kept, fault, empty: false };
        sign_in_view(&hall, &visit, status, &view)
    };
    let typed = Zeroizing::new(form.one("password").to_owned());
    if who.is_empty() || who.len() > WHO_BYTES_MAX || typed.is_empty() || typed.chars().count() > password::CHARS_MAX {
        return refused(Trouble::UNFIT, "Type your name or address, and your password.");
    }
    let asked = who.to_owned();
    let device = visit.device.as_ref().map(|device| token::hash(Kind::Device, device));
    let look = hall.desk.store.read(move |tx| {
        let known = members::by_typed(tx, &asked)?;
        let from_here = match (&known, &device) {
            (Some(known), Some(device)) => members::knows_device(tx, device, known.member.id)?,
            _ => false,
        };
        Ok((known, device.filter(|_| from_here)))
    });
    let (known, device) = look.await?;
    if !hall.budget.take(&buckets(&visit, who, device.as_deref()), visit.now) {
        let mut busy = refused(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many tries. Wait a minute, then try again; nothing else is closed to you.",
        )?;
        busy.headers_mut().insert(header::RETRY_AFTER, BUSY_SECONDS.into());
        return Ok(busy);
    }
    let Some(member) = right(&hall, known, typed).await? else {
        note_refusal(&hall, &visit).await?;
        return refused(Trouble::UNFIT, "This name and this password do not go together.");
    };
    let entered = enter(&hall, &mut visit, member, "signed in").await?;
    if kept.is_empty() {
        return Ok(entered.onto(see_other(next)));
    }
    let fields = Fields::read(kept.as_bytes())?;
    Ok(entered.onto(given_back(&hall, &visit, next, &fields)?))
}

/// Whose buckets a try is taken from. An account's bucket goes by what was typed, whether or not there is such a member.
fn buckets(visit: &Visit, who: &str, device: Option<&[u8]>) -> [Whose; 3] {
    let short = |hash: &[u8]| std::array::from_fn(|at| hash[at]);
    let own = match device {
        Some(device) => Whose::Device(short(device)),
        None => Whose::Account(short(&token::hash(Kind::Device, &newsroom::name_key(who)))),
    };
    [Whose::Everyones, Whose::Network(visit.visitor.map(front::Network::of)), own]
}

/// The member, when the password is theirs and they may come in. It takes as long when not.
async fn right(hall: &Hall, known: Option<Known>, typed: Zeroizing<String>) -> Result<Option<MemberId>, Trouble> {
    let known = known.filter(|known| known.member.active);
    let kept = known.as_ref().and_then(|known| known.password.clone());
    let _seat = hall.hashing.acquire().await.expect("the seats are never closed");
    let found = password::compare(&hall.desk.world, typed.clone(), kept).await;
    let Some(member) = known.map(|known| known.member.id).filter(|_| found != Match::No) else { return Ok(None) };
    if found == Match::Old {
        let anew = password::hash(&hall.desk.world, typed).await;
        hall.desk.store.write(move |tx: &Write<'_>| members::rehash(tx, member, &anew)).await?;
    }
    Ok(Some(member))
}

/// A refusal is written down without a name: what was typed may be a password in the wrong field.
async fn note_refusal(hall: &Hall, visit: &Visit) -> Result<(), Trouble> {
    let act = hall.act(visit, "sign-in refused", "");
    Ok(hall.desk.store.write(move |tx: &Write<'_>| members::note(tx, &act)).await?)
}

/// The cookies of somebody who has just come in.
pub(crate) struct Entered(Vec<HeaderValue>);

impl Entered {
    /// An answer that brings them.
    pub(crate) fn onto(self, mut answer: Response<Body>) -> Response<Body> {
        for cookie in self.0 {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        answer
    }
}

/// Signs a member in, in this browser, under a fresh session (ASVS V7.2.4); an earlier one of this browser ends.
pub(crate) async fn enter(
    hall: &Hall,
    visit: &mut Visit,
    member: MemberId,
    how: &'static str,
) -> Result<Entered, Trouble> {
    let world = &hall.desk.world;
    let (fresh, device) = (token::roll(world), visit.device.clone().unwrap_or_else(|| token::roll(world)));
    let (now, secure) = (visit.now, visit.here.secure);
    let act = Act { member: Some(member), ..hall.act(visit, how, "") };
    let before = visit.signed.take().map(|signed| signed.hash);
    let (opened, known) = (fresh.clone(), token::hash(Kind::Device, &device));
    let signed = hall.desk.store.write(move |tx: &Write<'_>| {
        if let Some(before) = before {
            members::end_session(tx, &before)?;
        }
        session::open(tx, &opened, member, now)?;
        members::keep_device(tx, &known, member, now)?;
        members::note(tx, &act)?;
        session::look(tx, opened, now)
    });
    visit.signed = signed.await?;
    Ok(Entered(vec![session::cookie(&fresh, secure), session::device_cookie(&device, secure)]))
}

#[derive(Serialize)]
struct GivenBackView<'a> {
    onto: &'a str,
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
    /// Longer than a line: shown as a text.
    long: bool,
}

/// What somebody typed before their session ended, to be sent once more, where it was going.
pub(crate) fn given_back(hall: &Hall, visit: &Visit, onto: &str, fields: &Fields) -> Done {
    let fields = fields.each().filter(|(name, _)| *name != crate::guard::MARK);
    let fields =
        fields.map(|(name, value)| Field { name, value, long: value.len() > 80 || value.contains('\n') }).collect();
    let view = GivenBackView { onto: own_path(onto), fields };
    hall.pages.show(&Frame::of(visit), "", "given_back.html", "What you typed is here", &view)
}

async fn sign_out(hall: Arc<Hall>, visit: Visit) -> Done {
    let signed = visit.signed.as_ref().expect("only members sign out");
    let (hash, act) = (signed.hash.clone(), hall.act(&visit, "signed out", ""));
    let ended = hall.desk.store.write(move |tx: &Write<'_>| {
        members::end_session(tx, &hash)?;
        members::note(tx, &act)
    });
    ended.await?;
    let mut answer = see_other("/sign-in");
    answer.headers_mut().append(header::SET_COOKIE, session::no_cookie(visit.here.secure));
    // ASVS V14.3.1: nothing of the desk stays in the browser.
    answer.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(answer)
}

#[derive(Serialize)]
struct SelfView {
    name: String,
    address: String,
    role: &'static str,
    chars_min: usize,
    fault: String,
}

fn self_view(hall: &Hall, visit: &Visit, status: StatusCode, fault: &str) -> Done {
    let member = visit.member();
    let view = SelfView {
        name: member.name.clone(),
        address: member.address.expose().to_owned(),
        role: member.role.word(),
        chars_min: password::CHARS_MIN,
        fault: fault.to_owned(),
    };
    hall.pages.show_as(status, &Frame::of(visit), "/me", "self.html", "You", &view)
}

async fn me(hall: Arc<Hall>, visit: Visit) -> Done {
    self_view(&hall, &visit, StatusCode::OK, "")
}

async fn change_password(hall: Arc<Hall>, mut visit: Visit) -> Done {
    let form = std::mem::take(&mut visit.sent.fields);
    let member = visit.member().clone();
    let own = [Whose::Everyones, Whose::Network(visit.visitor.map(front::Network::of)), {
        let hash = token::hash(Kind::Device, &member.id.to_string());
        Whose::Account(std::array::from_fn(|at| hash[at]))
    }];
    if !hall.budget.take(&own, visit.now) {
        return self_view(
            &hall,
            &visit,
            StatusCode::TOO_MANY_REQUESTS,
            "Too many tries. Wait a minute, then try again.",
        );
    }
    let id = member.id;
    let known = hall.desk.store.read(move |tx| members::by_id(tx, id)).await?;
    // ASVS V6.2.3: the old one is asked for, so that an unattended browser changes nothing.
    if right(&hall, known, Zeroizing::new(form.one("old").to_owned())).await?.is_none() {
        return self_view(&hall, &visit, Trouble::UNFIT, "The password you have now is another one.");
    }
    let hash = match fresh_password(&hall, &form, &[&member.name, member.address.expose(), &visit.outlet.name]).await {
        Ok(hash) => hash,
        Err(fault) => return self_view(&hall, &visit, Trouble::UNFIT, &fault),
    };
    let act = hall.act(&visit, "changed their password", "");
    let kept = hall.desk.store.write(move |tx: &Write<'_>| {
        members::set_password(tx, id, &hash)?;
        members::note(tx, &act)
    });
    kept.await?;
    visit.signed = None;
    let entered = enter(&hall, &mut visit, id, "signed in").await?;
    Ok(entered.onto(see_other("/me?told=password")))
}

/// A new password from its form, hashed; or what is wrong with it.
pub(crate) async fn fresh_password(hall: &Hall, form: &Fields, names: &[&str]) -> Result<String, String> {
    let typed = Zeroizing::new(form.one("password").to_owned());
    password::judge(&typed, names).map_err(Weak::words)?;
    if *typed != form.one("again") {
        return Err("The two fields differ: type the new password the same way twice.".to_owned());
    }
    let _seat = hall.hashing.acquire().await.expect("the seats are never closed");
    Ok(password::hash(&hall.desk.world, typed).await)
}

async fn sign_out_elsewhere(hall: Arc<Hall>, mut visit: Visit) -> Done {
    let id = visit.member().id;
    hall.desk.store.write(move |tx: &Write<'_>| members::end_sessions(tx, id)).await?;
    visit.signed = None;
    let entered = enter(&hall, &mut visit, id, "signed out everywhere else").await?;
    Ok(entered.onto(see_other("/me?told=out-all")))
}
