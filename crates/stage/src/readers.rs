//! The demo's readers: invented people who sign up through the real form, wait for the real mail, open its link and
//! press the real button.
//!
//! They know nothing of the newsroom but its front page and what lands in their mailbox. What they do over HTTP is what a
//! browser without script does.

mod talk;

use crate::{
    catcher::Catcher,
    form::{self, Form},
    opened::Opened,
    outlets::TOPICS,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use talk::Talk;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::timeout,
};
use world::World;

/// Where the readers have their mailboxes: RFC 2606 and RFC 6761 keep these names for such use. The first few are large,
/// as in life; the numbers are shares of a hundred.
const MAILBOXES: [(&str, u32); 20] = [
    ("gullmail.example", 34),
    ("harbourpost.example", 18),
    ("letterbox.example", 12),
    ("northmail.test", 7),
    ("quaymail.example", 5),
    ("saltmere.example", 3),
    ("ostrey.example", 2),
    ("quillhaven.example", 2),
    ("fennick.test", 2),
    ("tern-islands.example", 2),
    ("ropewalk.example", 2),
    ("lissenwater.example", 2),
    ("northquay-hospital.example", 2),
    ("molestreet-school.test", 1),
    ("marine-station.example", 1),
    ("fishquay.example", 1),
    ("cordeliers.example", 1),
    ("marsa.example", 1),
    ("tideline-readers.test", 1),
    ("xn--drsena-qta.example", 1),
];
/// The readers' languages, in shares of a hundred.
const LANGUAGES: [(&str, u32); 5] = [("en", 62), ("es", 13), ("fr", 10), ("ar", 8), ("zh-Hans", 7)];
/// This share of readers ticks nothing and gets everything, of a hundred.
const EVERYTHING_SHARE: u32 = 40;

/// How long a reader waits for the mail after pressing the button. Real ones give up sooner.
const MAIL_WAIT: Duration = Duration::from_secs(120);
/// Links of a mail that a reader tries: the opt-in letter has one or two.
const LINKS_MAX: usize = 6;

/// An invented reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Their address: `reader-00001@gullmail.example`.
    pub address: String,
    /// The slugs of their topics, of [`TOPICS`]; none means all.
    pub topics: Vec<&'static str>,
    /// BCP 47.
    pub language: &'static str,
}

/// Reader number `number`, from 1: the same one each time.
pub fn reader(number: u32) -> Reader {
    let mut dice = Dice(u64::from(number));
    let mailbox = dice.share(&MAILBOXES);
    let language = dice.share(&LANGUAGES);
    let mut topics = Vec::new();
    if dice.below(100) >= EVERYTHING_SHARE {
        let wanted = 1 + dice.below(3) as usize;
        let mut left: Vec<&str> = TOPICS.iter().map(|(slug, _)| *slug).collect();
        for _ in 0..wanted {
            let place = dice.below(u32::try_from(left.len()).expect("there are six topics")) as usize;
            topics.push(left.remove(place));
        }
        topics.sort_unstable();
    }
    Reader { address: format!("reader-{number:05}@{mailbox}"), topics, language }
}

/// Readers 1 to `count`.
pub fn readers(count: u32) -> impl Iterator<Item = Reader> {
    (1..=count).map(reader)
}

/// A small generator (splitmix64): the readers are part of the demo's script, not of chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) % u64::from(n)).expect("a remainder is below its divisor")
    }

    fn share(&mut self, table: &[(&'static str, u32)]) -> &'static str {
        let mut throw = self.below(table.iter().map(|(_, share)| share).sum());
        for (name, share) in table {
            if throw < *share {
                return name;
            }
            throw -= share;
        }
        unreachable!("a throw is below the sum of the shares")
    }
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The form was sent.
    Asked,
    /// The button behind the mail's link was pressed.
    Confirmed,
}

/// Why a reader did not get through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// The server could not be reached or broke off.
    Unreachable(String),
    /// It answered with another status than a success.
    Refused {
        /// The page asked for.
        path: String,
        /// Its HTTP status.
        status: u16,
    },
    /// The page has no form that asks for an address.
    NoForm,
    /// The mail did not come in time.
    NoMail,
    /// The mail could not be read back from the catcher.
    Unreadable(String),
    /// No link in the mail leads to a page with a button.
    NoLink,
}

impl std::fmt::Display for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "the site could not be reached: {why}"),
            Self::Refused { path, status } => write!(f, "{path} answered {status}"),
            Self::NoForm => f.write_str("the front page has no form that asks for an address"),
            Self::NoMail => write!(f, "no opt-in mail came in {} seconds", MAIL_WAIT.as_secs()),
            Self::Unreadable(why) => write!(f, "the opt-in mail could not be read back: {why}"),
            Self::NoLink => f.write_str("no link in the opt-in mail leads to a page with a button"),
        }
    }
}

impl std::error::Error for Stuck {}

/// The site that readers go to.
#[derive(Clone, Debug)]
pub struct Door {
    /// Where it is served.
    pub address: std::net::SocketAddr,
    /// How its addresses begin, in its pages and mails: `http://127.0.0.1:8080`, without a slash at the end.
    pub site: String,
}

/// What came of signing up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many pressed the last button and were told that it worked.
    pub confirmed: usize,
    /// Who got stuck, and why, in the order of the readers.
    pub stuck: Vec<(Reader, Stuck)>,
}

/// What all the workers of a sign-up share.
struct Crowd {
    world: World,
    door: Door,
    catcher: Arc<Catcher>,
    readers: Vec<Reader>,
    next: AtomicUsize,
    told: mpsc::UnboundedSender<(usize, Result<Step, Stuck>)>,
}

/// Signs `readers` up at `door`: form, mail, link, button, with at most `at_once` connections for the forms and as many
/// for the links. `told` hears of every step, in the order in which they happen. Opt-in mails of an earlier run that were
/// never answered are answered now. It needs somebody to work the newsroom's inbox and post meanwhile.
pub async fn sign_up(
    world: &World,
    door: &Door,
    catcher: &Arc<Catcher>,
    readers: impl IntoIterator<Item = Reader>,
    at_once: usize,
    mut told: impl FnMut(Step),
) -> Outcome {
    let (teller, mut news) = mpsc::unbounded_channel();
    let (asked, to_confirm) = mpsc::unbounded_channel();
    let crowd = Arc::new(Crowd {
        world: world.clone(),
        door: door.clone(),
        catcher: catcher.clone(),
        readers: readers.into_iter().collect(),
        next: AtomicUsize::new(0),
        told: teller,
    });
    let to_confirm = Arc::new(Mutex::new(to_confirm));
    let mut workers = JoinSet::new();
    for _ in 0..at_once.clamp(1, crowd.readers.len().max(1)) {
        workers.spawn(crowd.clone().ask_all(asked.clone()));
        workers.spawn(crowd.clone().confirm_all(to_confirm.clone()));
    }
    let all = crowd.readers.clone();
    drop((asked, crowd));
    let (mut confirmed, mut stuck) = (0, std::collections::BTreeMap::new());
    while let Some((place, step)) = news.recv().await {
        match step {
            Ok(step) => {
                confirmed += usize::from(step == Step::Confirmed);
                told(step);
            }
            Err(why) => drop(stuck.insert(place, why)),
        }
    }
    workers.join_all().await;
    Outcome { confirmed, stuck: stuck.into_iter().map(|(place, why)| (all[place].clone(), why)).collect() }
}

/// A reader who has asked: place in the crowd, and how many mails lay in their mailbox before.
type Asked = (usize, usize);

impl Crowd {
    fn talk(&self) -> Talk {
        Talk::new(&self.world, self.door.address, &self.door.site)
    }

    fn tell(&self, place: usize, step: Result<Step, Stuck>) {
        self.told.send((place, step)).expect("the crowd's news is heard until the last worker has gone");
    }

    /// Sends forms until no reader is left.
    async fn ask_all(self: Arc<Self>, asked: mpsc::UnboundedSender<Asked>) {
        let mut talk = self.talk();
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(reader) = self.readers.get(place) else { return };
            let step = self.ask(&mut talk, reader).await;
            if step.is_ok() {
                // Whoever got through earlier in vain reads that older mail, too.
                asked.send((place, 0)).expect("the confirming half listens until all have asked");
            }
            self.tell(place, step.map(|()| Step::Asked));
        }
    }

    async fn ask(&self, talk: &mut Talk, reader: &Reader) -> Result<(), Stuck> {
        let page = talk.get("/").await?;
        let wanted = |form: &Form| form.posts && form.asks_for("email");
        let mut form = form::forms(&page).into_iter().find(wanted).ok_or(Stuck::NoForm)?;
        form.fill_in("email", &reader.address);
        form.choose("topics", |slug| reader.topics.contains(&slug));
        if form.asks_for("language") {
            form.choose("language", |language| language == reader.language);
        }
        talk.post("/", &form.action, form.body()).await.map(drop)
    }

    /// Answers mails until everybody who asked has been served.
    async fn confirm_all(self: Arc<Self>, asked: Arc<Mutex<mpsc::UnboundedReceiver<Asked>>>) {
        let mut talk = self.talk();
        loop {
            let next = asked.lock().await.recv().await;
            let Some((place, seen)) = next else { return };
            let step = self.confirm(&mut talk, &self.readers[place], seen).await;
            self.tell(place, step.map(|()| Step::Confirmed));
        }
    }

    /// Reads the mailbox from `seen` on until a mail has the link, and presses the button behind it.
    async fn confirm(&self, talk: &mut Talk, reader: &Reader, mut seen: usize) -> Result<(), Stuck> {
        loop {
            let arrival = timeout(MAIL_WAIT, self.catcher.next_message(&reader.address, seen)).await;
            let place = arrival.map_err(|_| Stuck::NoMail)?;
            let message = self.catcher.message(place).map_err(|error| Stuck::Unreadable(error.to_string()))?;
            if press_button(talk, &Opened::parse(&message), &self.door.site).await? {
                return Ok(());
            }
            seen += 1;
            if seen >= self.catcher.places(&reader.address).len() {
                return Err(Stuck::NoLink);
            }
        }
    }
}

/// Opens the links of a mail until one shows a page with a single button, and presses it. A page that asks for something
/// to be typed is the front page or another; the way out (RFC 8058's field names it) is not opened.
async fn press_button(talk: &mut Talk, mail: &Opened, site: &str) -> Result<bool, Stuck> {
    let door = |path: &str| path.split('/').nth(1).map(str::to_owned);
    let way_out = mail.headers.get("List-Unsubscribe").and_then(|field| links(field, site).next()).and_then(door);
    let text = mail.text.as_deref().unwrap_or_default();
    for path in links(text, site).filter(|path| way_out.is_none() || door(path) != way_out).take(LINKS_MAX) {
        let page = talk.get(path).await?;
        let forms = form::forms(&page);
        let mut buttons = forms.iter().filter(|form| form.posts && !form.asks_for("email"));
        if let (Some(button), None) = (buttons.next(), buttons.next()) {
            talk.post(path, &button.action, button.body()).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The paths of the addresses in `text` that lead into `site`.
fn links<'a>(text: &'a str, site: &'a str) -> impl Iterator<Item = &'a str> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ')' | ']');
    text.match_indices(site).filter_map(move |(at, _)| {
        let rest = &text[at + site.len()..];
        let path = &rest[..rest.find(ends).unwrap_or(rest.len())];
        path.starts_with('/').then_some(path.trim_end_matches(['.', ',', ';']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn readers_are_the_same_each_time_and_all_different() {
        let first: Vec<_> = readers(10_000).collect();
        assert_eq!(first, readers(10_000).collect::<Vec<_>>());
        assert_eq!(first.iter().map(|r| &r.address).collect::<BTreeSet<_>>().len(), 10_000);
        assert!(first[0].address.starts_with("reader-00001@"));
    }

    #[test]
    fn readers_have_many_mailboxes_languages_and_wishes() {
        let all: Vec<_> = readers(10_000).collect();
        let mut domains = BTreeMap::new();
        for reader in &all {
            let domain = reader.address.split('@').nth(1).expect("an address has a domain");
            assert!(domain.ends_with(".example") || domain.ends_with(".test"), "{domain} belongs to nobody");
            *domains.entry(domain).or_insert(0) += 1;
        }
        assert_eq!(domains.len(), MAILBOXES.len());
        assert!(domains["gullmail.example"] > 3_000);
        let languages: BTreeSet<_> = all.iter().map(|r| r.language).collect();
        assert_eq!(languages.len(), LANGUAGES.len());
        let everything = all.iter().filter(|r| r.topics.is_empty()).count();
        assert!((3_700..4_300).contains(&everything), "{everything} want everything");
        for (slug, _) in TOPICS {
            assert!(all.iter().any(|r| r.topics.contains(&slug)), "nobody wants {slug} alone");
        }
    }

    #[test]
    fn every_address_is_one_that_may_be_written_to() {
        for reader in readers(500) {
            let parsed = newsroom::Address::parse(&reader.address).expect("a reader's address");
            assert_eq!(parsed.expose(), reader.address);
        }
    }

    #[test]
    fn links_of_a_mail_are_found() {
        let text = "Press here:\r\n<http://127.0.0.1:80/confirm/abc>\r\nOr http://127.0.0.1:80/confirm/abc.\r\nhttp://127.0.0.1:8080/no http://x/";
        let found: Vec<_> = links(text, "http://127.0.0.1:80").collect();
        assert_eq!(found, ["/confirm/abc", "/confirm/abc"]);
    }
}
