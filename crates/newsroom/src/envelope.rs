//! An edition's envelope: what a reader sees before the first story.

/// A subject longer than this is cut by every inbox.
const SUBJECT_CHARS_MAX: usize = 120;
/// Inboxes show about this much beside the subject.
const PREVIEW_CHARS_MAX: usize = 150;
/// A note is a few paragraphs: longer, and it is an article.
const NOTE_CHARS_MAX: usize = 1_500;
/// More paragraphs than this push the lead off the first screen.
const NOTE_PARAGRAPHS_MAX: usize = 6;
/// A name, and perhaps what they do.
const SIGNED_CHARS_MAX: usize = 80;

/// Whether a character has no place in a single line: a control character, or one of Unicode's own separators, at which some
/// programs begin a new line.
pub fn ends_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A short word of the editor's to the readers, signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Plain text; an empty line parts paragraphs.
    pub text: String,
    /// Who signs it.
    pub signed: String,
}

/// What an edition carries around its stories. Empty texts mean: chosen by itself, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The subject line; empty: the lead's headline.
    pub subject: String,
    /// What inboxes show beside the subject; empty: the next headlines.
    pub preview: String,
    /// The editor's note; its text is empty when there is none.
    pub note: Note,
}

/// What is wrong with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeFault {
    /// The subject is longer than 120 characters, or has more than one line.
    Subject,
    /// The preview text is longer than 150 characters, or has more than one line.
    Preview,
    /// The note is longer than 1,500 characters or six paragraphs.
    Note,
    /// The signature is longer than 80 characters or has more than one line, or a note has none.
    Signed,
}

impl std::fmt::Display for EnvelopeFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Subject => "the subject is one line of at most 120 characters",
            Self::Preview => "the preview text is one line of at most 150 characters",
            Self::Note => "the note has at most 1,500 characters in six paragraphs",
            Self::Signed => "a note is signed, in one line of at most 80 characters",
        })
    }
}

impl std::error::Error for EnvelopeFault {}

impl Envelope {
    /// Whether nobody has written anything.
    pub fn is_empty(&self) -> bool {
        [&self.subject, &self.preview, &self.note.text].into_iter().all(String::is_empty)
    }

    /// This envelope with blanks at the ends and other line ends mended, checked.
    ///
    /// # Errors
    /// Every [`EnvelopeFault`] found.
    pub fn checked(&self) -> Result<Self, Vec<EnvelopeFault>> {
        let note = Note { text: self.note.paragraphs().join("\n\n"), signed: self.note.signed.trim().to_owned() };
        let tidy = Self { subject: self.subject.trim().to_owned(), preview: self.preview.trim().to_owned(), note };
        let one_line = |text: &str, chars: usize| text.chars().count() <= chars && !text.chars().any(ends_line);
        let mut faults = Vec::new();
        let mut check = |right: bool, fault| faults.extend((!right).then_some(fault));
        check(one_line(&tidy.subject, SUBJECT_CHARS_MAX), EnvelopeFault::Subject);
        check(one_line(&tidy.preview, PREVIEW_CHARS_MAX), EnvelopeFault::Preview);
        let paragraphs = tidy.note.paragraphs().len();
        let short = tidy.note.text.chars().count() <= NOTE_CHARS_MAX && paragraphs <= NOTE_PARAGRAPHS_MAX;
        check(short, EnvelopeFault::Note);
        let signed = paragraphs == 0 || !tidy.note.signed.is_empty();
        check(signed && one_line(&tidy.note.signed, SIGNED_CHARS_MAX), EnvelopeFault::Signed);
        if faults.is_empty() { Ok(tidy) } else { Err(faults) }
    }
}

impl Note {
    /// Its paragraphs, each on one line.
    pub fn paragraphs(&self) -> Vec<String> {
        let mut paragraphs = vec![String::new()];
        for line in self.text.lines().map(str::trim) {
            let open = paragraphs.last_mut().expect("there is always one");
            match (line.is_empty(), open.is_empty()) {
                (true, false) => paragraphs.push(String::new()),
                (true, true) => {}
                (false, true) => open.push_str(line),
                (false, false) => *open = format!("{open} {line}"),
            }
        }
        paragraphs.retain(|paragraph| !paragraph.is_empty());
        paragraphs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_plain_paragraphs_and_signed() {
        let note = Note { text: " Good\r\nmorning.\r\n\r\n\r\nThe port is open. ".into(), signed: " Ana ".into() };
        let tidy = Envelope { note, ..Envelope::default() }.checked().expect("a sound envelope");
        assert_eq!(tidy.note, Note { text: "Good morning.\n\nThe port is open.".into(), signed: "Ana".into() });
        let unsigned =
            Envelope { note: Note { text: "Good morning.".into(), signed: String::new() }, ..Envelope::default() };
        assert_eq!(unsigned.checked(), Err(vec![EnvelopeFault::Signed]));
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let long = Envelope {
            subject: "a\u{2028}b".into(),
            preview: "b".repeat(151),
            note: Note { text: "c".repeat(1_501), signed: "d".repeat(81) },
        };
        let all = vec![EnvelopeFault::Subject, EnvelopeFault::Preview, EnvelopeFault::Note, EnvelopeFault::Signed];
        assert_eq!(long.checked(), Err(all));
    }
}
