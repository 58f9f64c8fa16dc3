//! What a form says: its fields, within limits of size, count and time, and one file.
//!
//! A field that a form has once and that comes twice is refused (ASVS V15.3.7): which of the two counts is no guess of ours.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use newsroom::Problem;

use crate::problem::Trouble;

/// A form without a file: an article of half a megabyte in a script whose letters take nine bytes each when a form sends
/// them (RFC 3986 §2.1), and room for the rest.
const FORM_BYTES_MAX: usize = 5 << 20;
/// A form of somebody who is not signed in: a name, a password, and where to go next. What they had typed before their
/// session ended comes back through this door too, so that it is no smaller than the other.
const DOOR_BYTES_MAX: usize = 16 << 20;
/// A picture and the form around it.
const UPLOAD_BYTES_MAX: usize = PICTURE_BYTES_MAX + (2 << 20);
/// What pictures may weigh, and a little more, so that one slightly too large is told so in words.
const PICTURE_BYTES_MAX: usize = gather::PICTURE_BYTES_MAX + (4 << 20);
/// A form must be there after this long; a picture over a phone's connection takes a minute.
const FORM_WAIT: Duration = Duration::from_secs(120);
/// The largest form of the desk: the line-up of a day with 200 items, each with its box.
const FIELDS_MAX: usize = 1_024;
/// Names of fields are ours.
const NAME_BYTES_MAX: usize = 200;
/// Fields that a form may have several times: boxes that are ticked.
const MANY: [&str; 3] = ["topic", "item", "story"];

/// What a route takes as its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Fields.
    Fields,
    /// Fields and a picture.
    Picture,
}

/// The fields of a form or a query, in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of a form sent as `application/x-www-form-urlencoded`.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Trouble> {
        let mut fields = Self::default();
        for (name, value) in url::form_urlencoded::parse(text) {
            fields.push(name.into_owned(), value.into_owned())?;
        }
        Ok(fields)
    }

    fn push(&mut self, name: String, value: String) -> Result<(), Trouble> {
        let twice = !MANY.contains(&name.as_str()) && self.0.iter().any(|(known, _)| *known == name);
        if twice || self.0.len() >= FIELDS_MAX || name.len() > NAME_BYTES_MAX {
            return Err(Trouble::odd_form());
        }
        self.0.push((name, value));
        Ok(())
    }

    /// A field's value; empty when the form has none of that name.
    pub(crate) fn one(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Whether the form has such a field: a box that is ticked, a button that was pressed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Every value of a field that a form may have several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every field, in order.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// These fields as a form would send them, without those that only this one form could use, and without passwords: no
    /// page ever carries one.
    pub(crate) fn packed(&self) -> String {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        let secret = |name: &str| name.ends_with("password") || name == "old" || name == "again";
        for (name, value) in self.each().filter(|(name, _)| *name != crate::guard::MARK && !secret(name)) {
            text.append_pair(name, value);
        }
        text.finish()
    }
}

/// What was sent.
#[derive(Default)]
pub(crate) struct Sent {
    /// Its fields.
    pub(crate) fields: Fields,
    /// The picture that came with them, if one was chosen.
    pub(crate) picture: Option<Bytes>,
}

/// The most that may be sent.
pub(crate) fn bytes_max(takes: Takes, signed_in: bool) -> usize {
    match (takes, signed_in) {
        (Takes::Picture, _) => UPLOAD_BYTES_MAX,
        (Takes::Fields, true) => FORM_BYTES_MAX,
        (Takes::Fields, false) => DOOR_BYTES_MAX,
    }
}

/// Reads a form.
///
/// # Errors
/// The page to show instead: too long, too slow, or no form.
pub(crate) async fn read(request: Request, bytes_max: usize) -> Result<Sent, Trouble> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let many = kind.starts_with("multipart/form-data");
    if !many && !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Trouble::odd_form());
    }
    let body = match tokio::time::timeout(FORM_WAIT, to_bytes(body, bytes_max)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Trouble::too_long(bytes_max)),
        Err(_) => return Err(Trouble::too_slow()),
    };
    if !many {
        return Ok(Sent { fields: Fields::read(&body)?, picture: None });
    }
    let whole = Request::from_parts(parts, Body::from(body));
    let parts = Multipart::from_request(whole, &()).await.map_err(|_| Trouble::odd_form())?;
    read_parts(parts).await
}

async fn read_parts(mut parts: Multipart) -> Result<Sent, Trouble> {
    let mut sent = Sent::default();
    while let Some(part) = parts.next_field().await.map_err(|_| Trouble::odd_form())? {
        let name = part.name().unwrap_or_default().to_owned();
        // The name that the file has on the member's machine is never used: not as a path, not on a page (V5.3.2).
        let is_file = part.file_name().is_some();
        let bytes = part.bytes().await.map_err(|_| Trouble::odd_form())?;
        if is_file {
            // A browser sends an empty file when none was chosen.
            if !bytes.is_empty() {
                sent.picture = Some(bytes);
            }
            continue;
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Trouble::odd_form())?;
        sent.fields.push(name, text)?;
    }
    Ok(sent)
}

impl Trouble {
    fn odd_form() -> Self {
        Self::Said(
            http::StatusCode::BAD_REQUEST,
            Problem::new(
                "This form did not arrive as it was made.",
                "Nothing was changed.",
                "Go back, load the page again, and send it once more.",
            ),
        )
    }

    fn too_long(bytes_max: usize) -> Self {
        Self::Said(
            http::StatusCode::PAYLOAD_TOO_LARGE,
            Problem::new(
                format!("This is more than {} MB.", bytes_max >> 20),
                "Nothing was changed; what you typed is still on the page you came from.",
                "Go back, and choose a smaller picture or shorten the text.",
            ),
        )
    }

    fn too_slow() -> Self {
        Self::Said(
            http::StatusCode::REQUEST_TIMEOUT,
            Problem::new(
                "This form did not arrive in two minutes.",
                "Nothing was changed; what you typed is still on the page you came from.",
                "Go back and send it again, or choose a smaller picture.",
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_comes_twice_is_refused_unless_it_is_a_box() {
        let fields = Fields::read(b"title=A&topic=1&topic=2&alt=").unwrap();
        assert_eq!((fields.one("title"), fields.one("alt"), fields.one("none")), ("A", "", ""));
        assert_eq!(fields.all("topic").collect::<Vec<_>>(), ["1", "2"]);
        assert!(fields.has("alt") && !fields.has("none"));
        assert!(Fields::read(b"title=A&title=B").is_err());
        let flood: String = (0..=FIELDS_MAX).map(|n| format!("f{n}=1&")).collect();
        assert!(Fields::read(flood.as_bytes()).is_err());
    }

    #[test]
    fn what_is_packed_comes_back_without_the_forms_mark() {
        let fields =
            Fields::read(b"title=A%26B&mark=secret&old=p&password=q&relay.password=r&body=%C3%A9%0D%0A").unwrap();
        let back = Fields::read(fields.packed().as_bytes()).unwrap();
        assert_eq!(back.each().collect::<Vec<_>>(), [("title", "A&B"), ("body", "é\r\n")]);
    }
}
