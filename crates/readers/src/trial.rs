//! The trial: a plain mail that shows whether the outlet's mail leaves, is signed and arrives, when there is no story yet.
//!
//! It goes to whoever a member named, holds no link that acts, and is no reader's.

use ::mail::mime::{Draft, DraftPart};
use newsroom::Outlet;

use crate::letter::{LetterDraft, LetterFault, Made, make_up, name, wrap};

/// Makes the outlet's trial mail; `mark` stands before its subject.
///
/// # Errors
/// [`LetterFault`].
pub fn make(outlet: &Outlet, mark: &str) -> Result<Made, LetterFault> {
    make_up(outlet, &draft(outlet, mark))
}

fn draft(outlet: &Outlet, mark: &str) -> LetterDraft {
    let name = name(&outlet.name);
    let postal = Some(outlet.postal_address.trim()).filter(|address| !address.is_empty());
    let text = format!(
        "{}\n\n{}\n\n{}\n\n{name}\n{}\n",
        wrap(&format!("This mail shows that {name} can write to you.")),
        wrap("It left through the outlet's relay, and it is signed with the outlet's own key, as every edition is."),
        wrap(
            "Nothing is published yet, so there is no edition to look at. As soon as there is a story, the same command sends \
             the edition as your readers would get it."
        ),
        postal.unwrap_or_default()
    );
    let subject = format!("{mark}the mail of {name}");
    LetterDraft { subject, parts: Draft { text: DraftPart { shared: text, personal: String::new() }, html: None } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::mail::shared::SharedMail;

    #[test]
    fn a_trial_says_who_writes_and_holds_no_link_and_no_slot() {
        let outlet = Outlet {
            name: "The  Harbour {{Courier}}".to_owned(),
            tagline: String::new(),
            site: "https://courier.example".to_owned(),
            language: "en".to_owned(),
            zone: "UTC".to_owned(),
            postal_address: "Quay Street 12".to_owned(),
            from: "news@courier.example".to_owned(),
            reply_to: None,
            mail_domain: "courier.example".to_owned(),
            selector: "s1".to_owned(),
            invitation: String::new(),
        };
        let made = make(&outlet, "[Test] ").expect("a sound outlet");
        assert_eq!(made.subject, "[Test] the mail of The Harbour {{Courier}}");
        let mail = SharedMail::from_bytes(&made.body).expect("the kept form is read again");
        assert_eq!(mail.body().slots().count(), 0);
        let text = draft(&outlet, "").parts.text.shared;
        assert!(text.contains("Quay Street 12") && !text.contains("http"), "{text}");
    }
}
