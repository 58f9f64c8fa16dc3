//! The next edition's envelope: subject, preview text, and a short signed note.

use std::sync::Arc;

use axum::http::StatusCode;
use newsroom::{Envelope, Note};
use serde::Serialize;
use store::envelope;

use super::{ROOM, today};
use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] =
    &[get!("/edition/envelope", EDITOR, form), post!("/edition/envelope", EDITOR, keep)];

#[derive(Serialize)]
struct EnvelopeView {
    version: i64,
    subject: String,
    preview: String,
    note: String,
    signed: String,
    faults: Vec<String>,
    /// Who changed it meanwhile, and what they wrote.
    other: Option<OtherView>,
}

#[derive(Serialize)]
struct OtherView {
    by: String,
    subject: String,
    preview: String,
    note: String,
    signed: String,
}

async fn form(hall: Arc<Hall>, visit: Visit) -> Done {
    let newsletter = hall.desk.newsletter.id;
    let ready = hall.desk.store.read(move |tx| envelope::of(tx, newsletter)).await?;
    let version = ready.version;
    let open = ready.open_for(&today(&visit).to_string());
    show(&hall, &visit, StatusCode::OK, (version, &open), (Vec::new(), None))
}

fn show(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    (version, envelope): (i64, &Envelope),
    (faults, other): (Vec<String>, Option<OtherView>),
) -> Done {
    let view = EnvelopeView {
        version,
        subject: envelope.subject.clone(),
        preview: envelope.preview.clone(),
        note: envelope.note.text.clone(),
        // A note is signed by whoever writes it, until they say otherwise.
        signed: if envelope.note.signed.is_empty() {
            visit.member().name.clone()
        } else {
            envelope.note.signed.clone()
        },
        faults,
        other,
    };
    hall.pages.show_as(status, &Frame::of(visit), ROOM, "envelope.html", "The envelope", &view)
}

async fn keep(hall: Arc<Hall>, visit: Visit) -> Done {
    let form = &visit.sent.fields;
    let typed = Envelope {
        subject: form.one("subject").to_owned(),
        preview: form.one("preview").to_owned(),
        note: Note { text: form.one("note").to_owned(), signed: form.one("signed").to_owned() },
    };
    let version: i64 = form.one("version").parse().unwrap_or(-1);
    let fresh = match typed.checked() {
        Ok(fresh) => fresh,
        Err(faults) => {
            let faults = faults.iter().map(ToString::to_string).collect();
            return show(&hall, &visit, Trouble::UNFIT, (version, &typed), (faults, None));
        }
    };
    let (newsletter, by) = (hall.desk.newsletter.id, visit.member().name.clone());
    let kept = fresh.clone();
    let put = hall.desk.store.write(move |tx| envelope::put(tx, newsletter, Some(version), &kept, &by)).await?;
    match put {
        Ok(_) => Ok(see_other(&format!("{ROOM}?told=envelope"))),
        // Nothing is lost: both are shown, and the next press of the button decides.
        Err(other) => {
            let shown = OtherView {
                by: other.changed_by,
                subject: other.envelope.subject,
                preview: other.envelope.preview,
                note: other.envelope.note.text,
                signed: other.envelope.note.signed,
            };
            show(&hall, &visit, StatusCode::CONFLICT, (other.version, &fresh), (Vec::new(), Some(shown)))
        }
    }
}
