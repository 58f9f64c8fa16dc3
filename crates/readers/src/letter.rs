//! Letters with one link: the opt-in asks the holder of an address whether they want a newsletter, behind a page with one
//! button; the other leads a reader to their choices. Each says who asks and for what, and that doing nothing is enough.
//!
//! It holds no word that the person who filled in the form could choose, or a stranger could write through it to anyone.
//! All letters of one outlet, newsletter and language are the same but for the token.

mod words;

use ::mail::mime::{Draft, DraftPart};
use ::mail::shared::{Identity, MakeUpFault, Purpose, SharedMail};
use newsroom::{Newsletter, Outlet};
use prose::{TemplateFault, Templates};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

use words::{Face, Said, Words};

/// What a letter leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errand {
    /// The page that confirms a subscription.
    Confirm,
    /// The page of a reader's choices.
    Choices,
}

impl Errand {
    /// What stands for the token in the letter's tail.
    pub fn slot(self) -> &'static str {
        match self {
            Self::Confirm => "{{confirm}}",
            Self::Choices => "{{preferences}}",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Confirm => "/confirm/",
            Self::Choices => "/preferences/",
        }
    }

    fn said(self, words: &'static Words) -> &'static Said {
        match self {
            Self::Confirm => &words.confirm,
            Self::Choices => &words.choices,
        }
    }
}
/// Longer subjects are cut by every inbox.
pub const SUBJECT_CHARS_MAX: usize = 120;
/// Names of outlets and newsletters, and lines of an address: what leaves a subject room for its own words.
const NAME_CHARS_MAX: usize = 96;
/// Addresses have seven lines at most (UPU S42); a little more for telephone and registration.
const POSTAL_LINES_MAX: usize = 10;
/// RFC 3676 §4.2 asks for 78 at most; 72 leaves room for a reply's marks.
const COLUMNS: usize = 72;

/// Compiled once.
static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    Templates::new(&[
        ("letter.html", include_str!("../templates/letter.html")),
        ("tail.html", include_str!("../templates/tail.html")),
    ])
    .expect("the letter's own templates compile: a test prints them in every language")
});

/// Distinguishes a letter's MIME boundaries from an edition's; the same for all, so that the same words are the same bytes.
const BOUNDARY_SEED: &[u8] = b"opt-in letter";

/// A letter made up for sending: what its copies share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The subject line, plain text.
    pub subject: String,
    /// The kept form of its [`SharedMail`].
    pub body: Vec<u8>,
    /// SHA-256 of that form: letters with the same fingerprint are the same letter.
    pub fingerprint: Vec<u8>,
}

/// Why a letter cannot be made: the outlet's settings need correcting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterFault {
    /// It cannot be drafted.
    #[error(transparent)]
    Draft(#[from] DraftFault),
    /// It cannot be made up.
    #[error(transparent)]
    MakeUp(#[from] MakeUpFault),
}

/// Makes a newsletter's letter in a language: the same words give the same bytes, today and tomorrow.
///
/// # Errors
/// [`LetterFault`].
pub fn make(outlet: &Outlet, newsletter: &Newsletter, errand: Errand, language: &str) -> Result<Made, LetterFault> {
    let drafted = draft(&LetterView {
        errand,
        outlet: &outlet.name,
        newsletter: &newsletter.title,
        language,
        postal_address: &outlet.postal_address,
        link: &format!("{}{}", outlet.site, errand.path()),
    })?;
    make_up(outlet, &drafted)
}

/// Makes a drafted letter up for sending.
pub(crate) fn make_up(outlet: &Outlet, drafted: &LetterDraft) -> Result<Made, LetterFault> {
    let identity = Identity::new(&outlet.name, &outlet.from, outlet.reply_to.as_deref(), &outlet.mail_domain)?;
    let mail = SharedMail::new(identity, &drafted.subject, Purpose::Letter, &drafted.parts, BOUNDARY_SEED)?;
    let body = mail.to_bytes();
    Ok(Made { subject: drafted.subject.clone(), fingerprint: Sha256::digest(&body).to_vec(), body })
}

/// Who asks, and for what.
#[derive(Clone, Debug)]
pub struct LetterView<'a> {
    /// What it leads to.
    pub errand: Errand,
    /// The outlet's name.
    pub outlet: &'a str,
    /// The newsletter's name.
    pub newsletter: &'a str,
    /// BCP 47 language of the letter; English where there is no table for it.
    pub language: &'a str,
    /// Where the outlet can be reached by post, on as many lines as it likes.
    pub postal_address: &'a str,
    /// The absolute address that the token is put behind: `https://courier.example/confirm/`.
    pub link: &'a str,
}

/// A letter, drafted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterDraft {
    /// The subject line, plain text.
    pub subject: String,
    /// The parts.
    pub parts: Draft,
}

/// Why a letter cannot be drafted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftFault {
    /// The page it leads to is not an absolute http or https address.
    #[error("the page it leads to is not an http or https address: {0:?}")]
    Address(String),
}

#[derive(Serialize)]
struct Shown<'a> {
    subject: &'a str,
    language: &'static str,
    dir: &'static str,
    side: &'static str,
    face: Face,
    newsletter: &'a str,
    title: &'static str,
    ask: &'a str,
    link: &'a str,
    button: &'static str,
    opens: &'static str,
    ignore: &'static str,
    outlet: &'a str,
    postal: Vec<String>,
}

/// Drafts the letter. The same view gives the same bytes.
///
/// # Errors
/// [`DraftFault::Address`].
pub fn draft(view: &LetterView<'_>) -> Result<LetterDraft, DraftFault> {
    let words = Words::of(view.language);
    let outlet = name_or(view.outlet, view.newsletter);
    let newsletter = name_or(view.newsletter, view.outlet);
    let said = view.errand.said(words);
    let subject = (said.subject)(&newsletter);
    let ask = if newsletter == outlet { (said.ask)(&newsletter) } else { (said.ask_of)(&newsletter, &outlet) };
    let direction = prose::direction(words.language);
    let shown = Shown {
        subject: &subject,
        language: words.language,
        dir: direction.as_str(),
        side: direction.start(),
        face: words.face,
        newsletter: &newsletter,
        title: said.title,
        ask: &ask,
        link: &format!("{}{}", door(view.link)?, view.errand.slot()),
        button: said.button,
        opens: said.opens,
        ignore: said.ignore,
        // These stand in the tail, where two braces would be taken for a slot.
        outlet: &slotless(&outlet),
        postal: postal(view.postal_address).iter().map(|line| slotless(line)).collect(),
    };
    let parts = Draft { text: text(&shown, words.colon), html: Some(html(&shown)) };
    Ok(LetterDraft { subject, parts })
}

fn html(shown: &Shown<'_>) -> DraftPart {
    let printed = |name: &str, printed: Result<String, TemplateFault>| {
        printed.unwrap_or_else(|fault| panic!("the letter's own template {name} prints every letter: {fault}"))
    };
    DraftPart {
        shared: printed("letter.html", TEMPLATES.render("letter.html", shown)),
        personal: printed("tail.html", TEMPLATES.render("tail.html", shown)),
    }
}

fn text(shown: &Shown<'_>, colon: &str) -> DraftPart {
    let Shown { newsletter, title, ask, button, link, opens, ignore, outlet, postal, .. } = shown;
    DraftPart {
        shared: format!("{}\n\n{}\n\n{}\n\n", wrap(newsletter), wrap(title), wrap(ask)),
        personal: format!(
            "{button}{colon}\n{link}\n\n{}\n\n{}\n\n{}\n{}\n",
            wrap(opens),
            wrap(ignore),
            wrap(outlet),
            postal.iter().map(|line| wrap(line)).collect::<Vec<_>>().join("\n")
        ),
    }
}

fn door(address: &str) -> Result<String, DraftFault> {
    let url = prose::link::absolute(address).filter(|url| matches!(url.scheme(), "http" | "https"));
    // The address standard leaves braces as they are in a query.
    url.map(|url| url.as_str().replace('{', "%7B").replace('}', "%7D"))
        .ok_or_else(|| DraftFault::Address(name(address)))
}

/// One line without control characters and bidirectional overrides (UAX #9), at most [`NAME_CHARS_MAX`] characters.
pub(crate) fn name(text: &str) -> String {
    let overrides = |c: &char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    let shown: String = text.chars().take(4 * NAME_CHARS_MAX).filter(|c| !overrides(c)).collect();
    let words: Vec<&str> =
        shown.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(NAME_CHARS_MAX).collect()
}

fn name_or(text: &str, other: &str) -> String {
    let text = name(text);
    if text.is_empty() { name(other) } else { text }
}

fn postal(address: &str) -> Vec<String> {
    address.lines().map(name).filter(|line| !line.is_empty()).take(POSTAL_LINES_MAX).collect()
}

fn slotless(text: &str) -> String {
    text.replace("{{", "{ {").replace("{{", "{ {")
}

pub(crate) fn wrap(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let wide = word.chars().count();
        if column > 0 && column + 1 + wide > COLUMNS {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += wide;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: [&str; 5] = ["en", "ar", "es", "fr", "zh"];

    fn view(language: &str) -> LetterView<'_> {
        LetterView {
            errand: Errand::Confirm,
            outlet: "The Harbour Courier",
            newsletter: "Morning Tide",
            language,
            postal_address: "Quay Street 12\n4050-123 Porto\nPortugal",
            link: "https://courier.example/confirm/",
        }
    }

    fn drafted(view: &LetterView<'_>) -> LetterDraft {
        draft(view).expect("a sound letter")
    }

    fn whole(part: &DraftPart) -> String {
        format!("{}{}", part.shared, part.personal)
    }

    #[test]
    fn both_parts_say_who_asks_for_what_and_how_to_answer_in_every_language() {
        let errands = [Errand::Confirm, Errand::Choices];
        for (language, errand) in LANGUAGES.into_iter().flat_map(|l| errands.map(|e| (l, e))) {
            let page = format!("https://courier.example{}", errand.path());
            let letter = drafted(&LetterView { errand, link: &page, ..view(language) });
            let html = letter.parts.html.expect("an HTML part");
            assert!(letter.subject.contains("Morning Tide"), "{language}");
            for part in [&letter.parts.text, &html] {
                let whole = whole(part).replace('\n', " ");
                for said in ["The Harbour Courier", "Morning Tide", "Quay Street 12", "4050-123 Porto", "Portugal"] {
                    assert!(whole.contains(said), "{language}: {said}");
                }
                assert_eq!(whole.matches("http").count(), 1, "{language}: one link");
                assert_eq!(part.personal.matches(&format!("{page}{}", errand.slot())).count(), 1, "{language}");
                assert_eq!(whole.matches("{{").count(), 1, "{language}");
                let words = errand.said(Words::of(language));
                assert!(
                    [words.title, words.button, words.ignore].iter().all(|said| whole.contains(said)),
                    "{language}"
                );
            }
            assert_eq!(words::Words::of(language).language, language);
        }
    }

    #[test]
    fn a_letter_is_the_same_bytes_each_time_and_small() {
        let once = drafted(&view("ar"));
        assert_eq!(once, drafted(&view("ar")));
        let html = once.parts.html.expect("an HTML part");
        assert!(html.shared.contains("<html lang=\"ar\" dir=\"rtl\">") && html.shared.contains("text-align:right"));
        assert!(whole(&html).len() < 5_000, "{} bytes", whole(&html).len());
        assert_eq!(drafted(&view("tlh")), drafted(&view("en")));
        assert_eq!(drafted(&view("en-GB")), drafted(&view("en")));
    }

    #[test]
    fn a_hostile_name_stays_text_and_fills_no_slot() {
        let hostile = "<script>alert(1)</script>\"'\r\nBcc: a@example.org\u{202E}{{confirm}}{{{x}}";
        let letter =
            drafted(&LetterView { outlet: hostile, newsletter: hostile, postal_address: hostile, ..view("en") });
        assert!(!letter.subject.contains(char::is_control) && letter.subject.chars().count() <= SUBJECT_CHARS_MAX);
        let html = letter.parts.html.expect("an HTML part");
        for part in [&letter.parts.text, &html] {
            assert_eq!(part.personal.matches("{{").count(), 1, "{}", part.personal);
            assert!(!whole(part).contains(['\r', '\u{202E}']));
        }
        assert!(!whole(&html).contains("<script") && html.shared.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_long_name_leaves_the_subject_whole() {
        let name = "长".repeat(500);
        for language in LANGUAGES {
            let letter = drafted(&LetterView { newsletter: &name, ..view(language) });
            assert!(letter.subject.chars().count() <= SUBJECT_CHARS_MAX, "{language}: {}", letter.subject);
        }
    }

    #[test]
    fn the_same_words_are_the_same_letter() {
        let outlet = Outlet {
            name: "The Harbour Courier".to_owned(),
            tagline: String::new(),
            site: "https://courier.example".to_owned(),
            language: "en".to_owned(),
            zone: "Europe/Lisbon".to_owned(),
            postal_address: "Quay Street 12".to_owned(),
            from: "news@courier.example".to_owned(),
            reply_to: None,
            mail_domain: "courier.example".to_owned(),
            selector: "s1".to_owned(),
            invitation: String::new(),
        };
        let newsletter =
            Newsletter { id: newsroom::NewsletterId(1), slug: "tide".to_owned(), title: "Morning Tide".to_owned() };
        let opt_in = |outlet: &Outlet, language| make(outlet, &newsletter, Errand::Confirm, language);
        let english = opt_in(&outlet, "en").expect("a sound outlet");
        assert_eq!(opt_in(&outlet, "en-GB"), Ok(english.clone()));
        let mail = SharedMail::from_bytes(&english.body).expect("the kept form is read again");
        assert_eq!(mail.body().slots().collect::<Vec<_>>(), ["confirm"]);
        assert_eq!(mail.subject(), "Please confirm: Morning Tide");
        let french = opt_in(&outlet, "fr").expect("a sound outlet");
        assert_ne!(french.fingerprint, english.fingerprint);
        let nobody = Outlet { from: "nobody".to_owned(), ..outlet };
        assert!(matches!(opt_in(&nobody, "en"), Err(LetterFault::MakeUp(_))));
    }

    #[test]
    fn a_letter_without_a_door_is_not_drafted() {
        let lost = LetterView { link: "javascript:alert(1)", ..view("en") };
        assert_eq!(draft(&lost), Err(DraftFault::Address("javascript:alert(1)".to_owned())));
    }

    #[test]
    fn the_text_is_wrapped() {
        for language in ["en", "es", "fr"] {
            let text = whole(&drafted(&view(language)).parts.text);
            assert!(text.lines().all(|line| line.chars().count() <= COLUMNS || line.starts_with("https://")), "{text}");
        }
    }
}
