//! The mail that the demo's catching server took: what readers got, whatever the newsroom believes.

use interop::scratch::Scratch;
use stage::catcher::Catcher;
use stage::opened::Opened;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Characters of the token in a link.
const TOKEN_CHARS: usize = 44;
/// The doors that a token stands behind.
const DOORS: [&str; 3] = ["/confirm/", "/preferences/", "/unsubscribe/"];

/// One mail, as it came over the wire.
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Head and body.
    pub raw: Vec<u8>,
    /// Read.
    pub opened: Opened,
}

/// Everything caught so far, oldest first.
pub fn caught(folder: &Path) -> Vec<Mail> {
    let mut mails = Vec::new();
    each_of_a_copy(folder, |from, to, raw| {
        let (from, to) = (from.to_owned(), to.to_vec());
        mails.push(Mail { from, to, raw: raw.to_vec(), opened: Opened::parse(raw) });
    });
    mails
}

/// The recipients and the head of everything caught so far, oldest first: for more mail than can be opened in a test.
pub fn each_caught(folder: &Path, mut see: impl FnMut(&[String], &str)) {
    each_of_a_copy(folder, |_, to, raw| {
        let end = raw.windows(4).position(|four| four == b"\r\n\r\n").expect("a mail has a head and a body");
        see(to, std::str::from_utf8(&raw[..end]).expect("a head is plain"));
    });
}

/// A copy is read: opening the original would take the catcher's place.
fn each_of_a_copy(folder: &Path, mut see: impl FnMut(&str, &[String], &[u8])) {
    let copy = Scratch::new("mail").unwrap();
    fs::copy(folder.join("receipts.roll"), copy.path().join("receipts.roll")).unwrap();
    let catcher = Catcher::open(copy.path(), &world::real::world(0)).unwrap();
    catcher.each_message(|receipt, raw| see(&receipt.from, &receipt.to, raw)).unwrap();
}

/// How many bytes of mail were caught so far; 0 before the first.
pub fn caught_bytes(folder: &Path) -> u64 {
    fs::metadata(folder.join("receipts.roll")).map_or(0, |about| about.len())
}

impl Mail {
    /// Every value of a field.
    pub fn fields(&self, name: &str) -> Vec<&str> {
        self.opened
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The one value of a field.
    #[track_caller]
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields(name);
        assert_eq!(found.len(), 1, "{name} of {:?}: {found:?}", self.to);
        found[0]
    }

    /// The departure that it is a copy of; none for a letter.
    pub fn departure(&self) -> Option<&str> {
        self.fields("Feedback-ID").first().and_then(|id| id.split(':').next())
    }

    /// Its text part.
    pub fn text(&self) -> &str {
        self.opened.text.as_deref().expect("every mail has a text part")
    }

    /// Its HTML part.
    pub fn html(&self) -> &str {
        self.opened.html.as_deref().expect("every mail has an HTML part")
    }

    /// Every address in its text, its HTML and its List-Unsubscribe field.
    pub fn links(&self) -> BTreeSet<String> {
        let list = self.fields("List-Unsubscribe").concat();
        [self.text(), self.html(), &list].into_iter().flat_map(addresses).collect()
    }
}

/// The web addresses in a text, as they are typed: `&amp;` is `&`.
pub fn addresses(text: &str) -> BTreeSet<String> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | ')');
    let starts = text.match_indices("http://").chain(text.match_indices("https://"));
    starts.map(|(at, _)| text[at..].split(ends).next().unwrap_or_default().replace("&amp;", "&")).collect()
}

/// The paths of articles on our own site in a text; the site's port differs from run to run, so it is left out.
pub fn articles(text: &str) -> BTreeSet<String> {
    let path = |address: String| Some(address.split_once("/articles/")?.1.split('/').next()?.to_owned());
    addresses(text).into_iter().filter(|address| address.starts_with("http://127.0.0.1:")).filter_map(path).collect()
}

/// `text` with every token replaced by as many dots.
pub fn without_tokens(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(end) = DOORS.iter().filter_map(|door| rest.find(door).map(|at| at + door.len())).min() {
        let (before, after) = rest.split_at(end);
        out.push_str(before);
        let token = after
            .get(..TOKEN_CHARS)
            .filter(|token| token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        out.push_str(if token.is_some() { "…" } else { "" });
        rest = &after[token.map_or(0, str::len)..];
    }
    out + rest
}
