//! The mail that a reader opens: one typed [`EditionView`] of what a cohort gets becomes a subject, an HTML part and a text
//! part, so that no client, no choice of format and no language leaves a reader with less than another.
//!
//! - **Base layer**: tables for layout only, paragraphs, headings, one picture; inline styles in pixels; physical sides. It
//!   is whole without `<style>`, without pictures and in the dark. Every feature that carries the layout has at least 95 %
//!   of the clients that caniemail.com lists.
//! - **Enhancements**, which may be taken away without harm: the `<style>` element with its dark colours and narrow
//!   margins, `class`, `text-decoration`, `word-wrap`, `table-layout`, `lang`, `role`, `aria-*`.
//! - **Personal tail**: only the two links with a reader's tokens and the closing tags. All before it is the same for the
//!   whole cohort, byte for byte.
//!
//! It never links anywhere per reader but by those tokens, never asks for a picture that tells who looked, and never prints
//! a story's text as markup: that passes through [`prose::Clean`] or is escaped.

mod html;
mod language;
mod page;
mod plain;
mod reckon;
mod text;
mod words;

pub(crate) use page::choose_subject;
pub use page::{SUBJECT_CHARS_MAX, subject};

use jiff::civil::Date;
use newsroom::{BlockKind, EditionKind, Format};

/// Gmail cuts a message that is longer than about 102 kB; at this many encoded bytes a part is too long to send.
pub const PART_BYTES_MAX: usize = 90_000;
/// At this many encoded bytes of a part an editor should be told.
pub const PART_BYTES_WARN: usize = 60_000;

/// What stands for a reader's preferences token in a personal tail.
pub const PREFERENCES_SLOT: &str = "{{preferences}}";
/// What stands for a reader's unsubscribe token in a personal tail.
pub const UNSUBSCRIBE_SLOT: &str = "{{unsubscribe}}";

/// One cohort's edition, as its mail shows it. All text is as it came: cleaning and escaping are done here.
#[derive(Clone, Debug)]
pub struct EditionView {
    /// The outlet's name.
    pub outlet: String,
    /// The newsletter's name: the masthead.
    pub newsletter: String,
    /// The outlet's site, an absolute address.
    pub site: String,
    /// BCP 47 language of the mail's own words; English where there is no table for it.
    pub language: String,
    /// Daily, weekly or breaking: what the end says.
    pub kind: EditionKind,
    /// The readers' local date.
    pub date: Date,
    /// The stories in line-up order; the first is the lead.
    pub stories: Vec<StoryView>,
    /// Subject, preview text and note.
    pub envelope: EnvelopeView,
    /// House blocks, in the order in which they stand.
    pub blocks: Vec<BlockView>,
    /// How many more stories are new to these readers and stand on the site alone.
    pub more: usize,
    /// Corrections to what earlier editions said.
    pub corrections: Vec<CorrectionView>,
    /// Where the outlet can be reached by post, on as many lines as it likes. Required of a bulk sender by law in many
    /// countries (CAN-SPAM, 15 U.S.C. §7704(a)(5)).
    pub postal_address: String,
    /// This edition on the site, an absolute address: `…/editions/YYYY/MM/DD/`.
    pub web: String,
    /// Where the reader's own links lead.
    pub doors: Doors,
}

/// What the editors wrote around the stories. Empty texts mean: chosen by itself, or none.
#[derive(Clone, Debug, Default)]
pub struct EnvelopeView {
    /// The subject; empty: the lead's headline.
    pub subject: String,
    /// Subjects of the last edition: the same one twice running reads like the same mail.
    pub last_subjects: Vec<String>,
    /// What inboxes show beside the subject; empty: the next headlines.
    pub preview: String,
    /// The note's paragraphs.
    pub note: Vec<String>,
    /// Who signs it.
    pub signed: String,
    /// BCP 47 language of what they wrote.
    pub language: String,
}

/// A house block.
#[derive(Clone, Debug)]
pub struct BlockView {
    /// What sort: decides its label.
    pub kind: BlockKind,
    /// BCP 47 language of its words.
    pub language: String,
    /// Its headline.
    pub title: String,
    /// A few sentences.
    pub text: String,
    /// The one address it leads to.
    pub url: String,
    /// The words of that link.
    pub link_words: String,
}

/// The absolute addresses that a token is put behind: `https://courier.example/unsubscribe/`.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The page on which a reader changes what they get.
    pub preferences: String,
    /// The page on which a reader ends it.
    pub unsubscribe: String,
}

/// A story in an edition.
#[derive(Clone, Debug)]
pub struct StoryView {
    /// The headline.
    pub title: String,
    /// BCP 47 language of the story; `und` when unknown.
    pub language: String,
    /// The byline, as written.
    pub byline: Option<String>,
    /// The outlet that it came from, when it is not our own.
    pub outlet: Option<String>,
    /// Where that outlet first published it, an absolute address.
    pub original: Option<String>,
    /// The name of the topic that it stands under.
    pub topic: Option<String>,
    /// Our article page, or where a card leads: an absolute address.
    pub url: String,
    /// The host that a card leads to; none when the story has a page on our site.
    pub at: Option<String>,
    /// Its picture. Only the lead's is shown.
    pub picture: Option<PictureView>,
    /// What of it the mail holds.
    pub body: StoryBody,
}

/// How much of a story the mail holds.
#[derive(Clone, Debug)]
pub enum StoryBody {
    /// A few sentences, in paragraphs.
    Teaser(Vec<String>),
    /// The whole article.
    Full(prose::Document),
}

/// A picture on the outlet's own site.
#[derive(Clone, Debug)]
pub struct PictureView {
    /// Its absolute address, the same for every reader.
    pub url: String,
    /// What it shows, for those who do not see it.
    pub alt: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The caption under it.
    pub caption: Option<String>,
    /// Who made it.
    pub credit: Option<String>,
}

/// A correction.
#[derive(Clone, Debug)]
pub struct CorrectionView {
    /// The headline of the article that was wrong.
    pub title: String,
    /// BCP 47 language of the correction.
    pub language: String,
    /// What was wrong and what is right.
    pub text: String,
    /// The article, an absolute address.
    pub url: String,
}

/// A mail, drafted: what a cohort shares and where its readers' tokens go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditionDraft {
    /// The subject line, plain text.
    pub subject: String,
    /// The parts.
    pub parts: ::mail::mime::Draft,
}

/// Why an edition has no mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftFault {
    /// There is no story: such a mail is not sent.
    #[error("the edition has no story")]
    NoStory,
    /// An address that the mail cannot do without is not an absolute http or https address.
    #[error("{what} is not an http or https address: {address:?}")]
    Address {
        /// Which one, in words.
        what: &'static str,
        /// The address as given.
        address: String,
    },
    /// A part would be longer than [`PART_BYTES_MAX`].
    #[error(
        "the {part} part would have {bytes} encoded bytes, more than {PART_BYTES_MAX}: send teasers or fewer stories"
    )]
    TooLong {
        /// `HTML` or `text`.
        part: &'static str,
        /// Its size on the wire.
        bytes: usize,
    },
}

/// Drafts the mail that a cohort gets. The same view gives the same bytes.
///
/// # Errors
/// [`DraftFault`]: nothing to send, an address that cannot be linked, or more than a mail can hold.
pub fn draft(view: &EditionView, format: Format) -> Result<EditionDraft, DraftFault> {
    let page = page::Page::of(view)?;
    let text = text::part(&page);
    check("text", &text)?;
    let html = match format {
        Format::Text => None,
        Format::Html => {
            let html = html::part(&page);
            check("HTML", &html)?;
            Some(html)
        }
    };
    Ok(EditionDraft { subject: page.subject, parts: ::mail::mime::Draft { text, html } })
}

fn check(part: &'static str, drafted: &::mail::mime::DraftPart) -> Result<(), DraftFault> {
    let bytes = encoded_bytes(&drafted.shared) + encoded_bytes(&drafted.personal);
    if bytes > PART_BYTES_MAX { Err(DraftFault::TooLong { part, bytes }) } else { Ok(()) }
}

/// About how many bytes `text` takes on the wire in the shorter of base64 and quoted-printable (RFC 2045 §6.7, §6.8).
pub fn encoded_bytes(text: &str) -> usize {
    // 57 bytes become a line of 76 characters and its line end.
    let base64 = text.len().div_ceil(57) * 78;
    let quoted = text.bytes().filter(|b| !matches!(b, b'\n' | b' '..=b'<' | b'>'..=b'~')).count();
    let quoted = text.len() + 2 * quoted;
    // A soft line end of three bytes after 73 characters.
    base64.min(quoted + quoted.div_ceil(73) * 3)
}
