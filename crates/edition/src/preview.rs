//! Previews: the mail that a cohort would get if the edition were cut now, through the same code and of the same bytes, and
//! nothing kept.

use newsroom::{Cohort, CohortId, CohortKey, DepartureId, Format, Ms, Outlet, Topics};
use store::{Store, readers};

use crate::cut::{CutFault, Leaving, Wish};
use crate::mail::{EditionDraft, PREFERENCES_SLOT, UNSUBSCRIBE_SLOT, encoded_bytes};
use crate::materials::Materials;

/// What stands in a preview and in a test copy where a reader's token would: as long as one, and no door takes it.
pub const NO_TOKEN: &str = "THIS-IS-A-TEST-COPY-WITHOUT-A-READERS-TOKEN-";
/// What a test copy's subject begins with.
pub const TEST_MARK: &str = "[Test] ";

/// Which readers a preview is for.
#[derive(Clone, Debug)]
pub struct For {
    /// Their topics.
    pub topics: Topics,
    /// How their copies are made up.
    pub format: Format,
    /// Their language for the mail's own words.
    pub language: String,
    /// What they have seen: everything up to this rank. None: everything that earlier editions carried.
    pub seen_rank: Option<i64>,
}

/// A mail as it would leave.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Its subject.
    pub subject: String,
    /// Its HTML part, as a mail client gets it decoded; none for readers of text alone.
    pub html: Option<String>,
    /// Its text part.
    pub text: String,
    /// How many stories it holds.
    pub stories: usize,
    /// How many more it leads to on the site.
    pub more: usize,
    /// About how many bytes its longer part takes on the wire: an editor is told from
    /// [`crate::mail::PART_BYTES_WARN`] on.
    pub part_bytes: usize,
    /// The mail made up for sending, marked as a test.
    pub test: Cohort,
}

/// The mail that readers would get if the edition were cut now. None: nothing is new to them.
///
/// # Errors
/// [`CutFault`].
pub async fn preview(
    store: &Store,
    outlet: &Outlet,
    wish: Wish,
    of: For,
    now: Ms,
) -> Result<Option<Preview>, CutFault> {
    let newsletter = wish.newsletter.id;
    let seen = match of.seen_rank {
        Some(seen) => seen,
        None => store.read(move |tx| readers::last_rank(tx, newsletter)).await?,
    };
    let materials = Materials::read(store, outlet, wish, Leaving::ByHand, seen, now).await?;
    let key = CohortKey { seen_rank: seen, topics: of.topics, language: of.language, format: of.format };
    let Some(drafted) = materials.draft(&key)? else { return Ok(None) };
    let mail = drafted.mail;
    let part_bytes = [Some(&mail.parts.text), mail.parts.html.as_ref()].into_iter().flatten();
    let part_bytes = part_bytes.map(|part| encoded_bytes(&part.shared) + encoded_bytes(&part.personal)).max();
    let marked = EditionDraft { subject: format!("{TEST_MARK}{}", mail.subject), parts: mail.parts.clone() };
    Ok(Some(Preview {
        stories: drafted.stories.len(),
        more: drafted.more,
        part_bytes: part_bytes.unwrap_or_default(),
        html: mail.parts.html.as_ref().map(shown),
        text: shown(&mail.parts.text),
        test: materials.cohort(DepartureId(0), CohortId(0), &marked)?,
        subject: mail.subject,
    }))
}

fn shown(part: &::mail::mime::DraftPart) -> String {
    let whole = format!("{}{}", part.shared, part.personal);
    whole.replace(PREFERENCES_SLOT, NO_TOKEN).replace(UNSUBSCRIBE_SLOT, NO_TOKEN)
}
