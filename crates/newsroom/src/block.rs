//! House blocks: the outlet's own appeal, event or sponsor, in its mail and on its site. No picture, one link, no tracking.

use crate::{BlockId, Ms};

/// A block's headline.
const TITLE_CHARS_MAX: usize = 100;
/// A block is a few sentences: longer, and it is an article.
const TEXT_CHARS_MAX: usize = 400;
/// The words of its link.
const LINK_WORDS_CHARS_MAX: usize = 60;
/// Browsers and mail clients take addresses of this length; longer ones carry something that is not an address.
const LINK_BYTES_MAX: usize = 1_000;
/// Query keys that exist to follow a reader from one place to another; the part before `*` is a beginning.
const TRACKING: [&str; 9] = ["utm_*", "fbclid", "gclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid", "vero_id"];

/// What sort of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockKind {
    /// Asks for support.
    Appeal = 1,
    /// Invites.
    Event = 2,
    /// Paid for by somebody else, and labelled so.
    Sponsor = 3,
}

impl BlockKind {
    /// Every kind.
    pub const EVERY: [Self; 3] = [Self::Appeal, Self::Event, Self::Sponsor];

    /// The kind the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is no kind: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        Self::EVERY.into_iter().find(|kind| *kind as i64 == raw).expect("the schema keeps the three kinds")
    }

    /// Its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Appeal => "appeal",
            Self::Event => "event",
            Self::Sponsor => "sponsor",
        }
    }
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockPlace {
    /// In the mail alone.
    Mail = 1,
    /// On the site alone.
    Site = 2,
    /// In both.
    Both = 3,
}

impl BlockPlace {
    /// Every place.
    pub const EVERY: [Self; 3] = [Self::Mail, Self::Site, Self::Both];

    /// The place the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is no place: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        Self::EVERY.into_iter().find(|place| *place as i64 == raw).expect("the schema keeps the three places")
    }

    /// Its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Site => "site",
            Self::Both => "both",
        }
    }
}

/// A house block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseBlock {
    /// Its id.
    pub id: BlockId,
    /// What sort.
    pub kind: BlockKind,
    /// Where it stands.
    pub place: BlockPlace,
    /// Its headline, plain text. For a sponsor, who pays.
    pub title: String,
    /// A few sentences, plain text.
    pub text: String,
    /// The one address it leads to.
    pub link: String,
    /// The words of that link.
    pub link_words: String,
    /// From when on it stands.
    pub starts: Ms,
    /// Until when: from this moment on it does not.
    pub ends: Ms,
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockFault {
    /// No headline, more than 100 characters, or more than one line.
    Title,
    /// No text, more than 400 characters, or more than one line.
    Text,
    /// No http or https address.
    Link,
    /// The address follows readers about.
    Tracking,
    /// No words for the link, more than 60 characters, or more than one line.
    LinkWords,
    /// It ends before it starts.
    Times,
}

impl std::fmt::Display for BlockFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Title => "the headline is one line of at most 100 characters",
            Self::Text => "the text is one paragraph of at most 400 characters",
            Self::Link => "the link is an address that begins with https:// or http://",
            Self::Tracking => "the link carries a mark that follows readers (utm_ and the like): take it off",
            Self::LinkWords => "the link's words are one line of at most 60 characters",
            Self::Times => "the block ends before it starts",
        })
    }
}

impl std::error::Error for BlockFault {}

impl HouseBlock {
    /// Whether it stands at `now` in a mail.
    pub fn in_mail(&self, now: Ms) -> bool {
        self.runs(now) && self.place != BlockPlace::Site
    }

    /// Whether it stands at `now` on the site.
    pub fn on_site(&self, now: Ms) -> bool {
        self.runs(now) && self.place != BlockPlace::Mail
    }

    fn runs(&self, now: Ms) -> bool {
        (self.starts..self.ends).contains(&now)
    }

    /// What is wrong with it: nothing when it may stand.
    pub fn faults(&self) -> Vec<BlockFault> {
        let line = |text: &str, chars: usize| {
            !text.trim().is_empty() && text.chars().count() <= chars && !text.chars().any(crate::ends_line)
        };
        let mut faults = Vec::new();
        let mut check = |right: bool, fault| faults.extend((!right).then_some(fault));
        check(line(&self.title, TITLE_CHARS_MAX), BlockFault::Title);
        check(line(&self.text, TEXT_CHARS_MAX), BlockFault::Text);
        check(is_web_address(&self.link), BlockFault::Link);
        check(!tracks(&self.link), BlockFault::Tracking);
        check(line(&self.link_words, LINK_WORDS_CHARS_MAX), BlockFault::LinkWords);
        check(self.starts < self.ends, BlockFault::Times);
        faults
    }
}

/// An address with a scheme, a host without a name before it (RFC 3986 §7.5), and nothing that ends an attribute or a line.
fn is_web_address(link: &str) -> bool {
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
    let host = rest.map_or("", |rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let plain = !link.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '\\'));
    !host.is_empty() && !host.contains('@') && plain && link.len() <= LINK_BYTES_MAX
}

fn tracks(link: &str) -> bool {
    let query = link.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
    query.split(['&', ';']).map(|pair| pair.split('=').next().unwrap_or_default().to_lowercase()).any(|key| {
        TRACKING.iter().any(|mark| mark.strip_suffix('*').map_or(key == *mark, |beginning| key.starts_with(beginning)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(link: &str) -> HouseBlock {
        HouseBlock {
            id: BlockId(1),
            kind: BlockKind::Appeal,
            place: BlockPlace::Both,
            title: "Keep us at the quay".into(),
            text: "Three hundred readers pay for this mail.".into(),
            link: link.into(),
            link_words: "Support us".into(),
            starts: 10,
            ends: 20,
        }
    }

    #[test]
    fn a_block_leads_to_one_plain_address() {
        assert_eq!(block("https://courier.example/give?amount=5").faults(), []);
        for bad in
            ["", "javascript:alert(1)", "https://", "https://a@b.example/", "https://a.example/ b", "//a.example"]
        {
            assert_eq!(block(bad).faults(), [BlockFault::Link], "{bad}");
        }
        for tracking in ["https://a.example/?utm_source=x", "https://a.example/?a=1&FBCLID=2#b"] {
            assert_eq!(block(tracking).faults(), [BlockFault::Tracking], "{tracking}");
        }
    }

    #[test]
    fn a_block_stands_between_its_times_and_in_its_place() {
        let both = block("https://a.example/");
        assert_eq!([9, 10, 19, 20].map(|now| both.in_mail(now)), [false, true, true, false]);
        let site = HouseBlock { place: BlockPlace::Site, ..both };
        assert!(site.on_site(10) && !site.in_mail(10));
    }

    #[test]
    fn every_fault_of_a_block_is_named_at_once() {
        let empty =
            HouseBlock { title: "a\nb".into(), text: " ".into(), link_words: "c".repeat(61), ends: 10, ..block("x") };
        use BlockFault::{Link, LinkWords, Text, Times, Title};
        assert_eq!(empty.faults(), [Title, Text, Link, LinkWords, Times]);
    }
}
