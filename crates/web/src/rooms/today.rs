//! Today: how the morning stands, and the way to the rooms in which it is made.

use std::sync::Arc;

use serde::Serialize;
use store::{articles, items};

use crate::door::{Done, Frame, Hall, Visit};
use crate::table::{EDITOR, Route, get};

pub(crate) const ROUTES: &[Route] = &[get!("/", EDITOR, today)];

/// How many waiting items are counted: beyond it, "many" is what matters.
const WAITING_MAX: i64 = 200;

#[derive(Serialize)]
struct TodayView {
    date: String,
    waiting: usize,
    published: i64,
    latest: Vec<Story>,
    /// Relays at fault.
    ill: Vec<String>,
}

#[derive(Serialize)]
struct Story {
    id: String,
    language: String,
    title: String,
    credit: String,
}

async fn today(hall: Arc<Hall>, visit: Visit) -> Done {
    let read = hall.desk.store.read(|tx| {
        Ok((items::waiting(tx, WAITING_MAX)?.len(), articles::count(tx)?, articles::published(tx, i64::MAX, 8)?))
    });
    let (waiting, published, latest) = read.await?;
    let story = |article: newsroom::Article| Story {
        id: article.id.to_string(),
        language: article.revision.language,
        title: article.revision.title,
        credit: [article.revision.credit.byline, article.revision.credit.outlet]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
    };
    let view = TodayView {
        date: crate::rooms::moment::date(visit.now, &visit.outlet.zone),
        waiting,
        published,
        latest: latest.into_iter().map(story).collect(),
        ill: super::ways::ill(&hall, &visit).await?,
    };
    hall.pages.show(&Frame::of(&visit), "/", "today.html", "Today", &view)
}
