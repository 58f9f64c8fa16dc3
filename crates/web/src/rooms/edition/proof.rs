//! The proof of an edition, to be taken away: one line for each reader of it, streamed as it is read. Readers are named by id
//! alone, and what was answered holds no address.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Response, header};
use hyper::body::Frame;
use newsroom::DepartureId;
use post::proof::{Format, Proof};
use store::{Store, editions};

use crate::door::{Done, Hall, Visit};
use crate::problem::Trouble;
use crate::table::{EDITOR, Route, get};

pub(crate) const ROUTES: &[Route] =
    &[get!("/departures/{departure}/proof.csv", EDITOR, csv), get!("/departures/{departure}/proof.json", EDITOR, json)];

async fn csv(hall: Arc<Hall>, visit: Visit) -> Done {
    proof(&hall, &visit, Format::Csv, "csv", "text/csv; charset=utf-8").await
}

async fn json(hall: Arc<Hall>, visit: Visit) -> Done {
    proof(&hall, &visit, Format::Json, "json", "application/json").await
}

/// Of the whole edition, which has a departure for each hour at which readers get it.
async fn proof(hall: &Hall, visit: &Visit, format: Format, ending: &str, kind: &'static str) -> Done {
    let id: DepartureId = visit.place("departure")?;
    let read = hall.desk.store.read(move |tx| {
        let edition = editions::departure_by_id(tx, id)?.and_then(|departure| departure.edition);
        let Some(edition) = edition.map(|edition| editions::by_id(tx, edition)).transpose()?.flatten() else {
            return Ok(None);
        };
        Ok(Some((editions::departures_of(tx, edition.id)?, edition.date)))
    });
    let (departures, date) = read.await?.ok_or_else(Trouble::not_found)?;
    let store = hall.desk.store.clone();
    let proof = Proof::begin(&store, &departures, format).await?;
    let mut answer = Response::new(Body::new(Pieces { next: Some(step(proof, store.clone())), store }));
    let name = format!("attachment; filename=\"proof-{date}.{ending}\"");
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).expect("a date is plain ASCII"));
    Ok(answer)
}

type Step = Pin<Box<dyn Future<Output = (Proof, store::Result<Option<String>>)> + Send>>;

fn step(mut proof: Proof, store: Store) -> Step {
    Box::pin(async move {
        let piece = proof.next(&store).await;
        (proof, piece)
    })
}

/// The proof as a body: a page is read when the last one was taken. When the store fails the download breaks off, so that
/// half a proof is not taken for a whole one.
struct Pieces {
    next: Option<Step>,
    store: Store,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = store::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, store::Error>>> {
        let Some(next) = self.next.as_mut() else { return Poll::Ready(None) };
        let Poll::Ready((proof, piece)) = next.as_mut().poll(cx) else { return Poll::Pending };
        self.next = None;
        Poll::Ready(match piece {
            Ok(Some(piece)) => {
                self.next = Some(step(proof, self.store.clone()));
                Some(Ok(Frame::data(piece.into())))
            }
            Ok(None) => None,
            Err(fault) => Some(Err(fault)),
        })
    }
}
