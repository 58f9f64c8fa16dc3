//! What an edition is made from: the line-up first, in the editors' order, and what follows by itself; what a preview, a
//! cap and a correction do with it.

use edition::correct::{Corrected, correct};
use edition::cut::{Outcome, Wish, cut};
use edition::preview::{For, NO_TOKEN, preview};
use edition::{FILL_SETTING, STORIES_SETTING};
use newsroom::{
    ArticleId, BlockId, BlockKind, BlockPlace, Credit, Departure, DepartureState, EditionKind, Envelope, Form, Format,
    HouseBlock, LineUpChange, Newsletter, NewsletterId, Note, Outlet, ReaderId, Revision, Topics,
};
use store::readers::{self, Line, SealedReader};
use store::{Location, Store, Write, articles, blocks, corrections, editions, envelope, ledger, line_up, settings};
use world::World;

const DAILY: NewsletterId = NewsletterId(1);

struct Newsroom {
    world: World,
    store: Store,
    folder: std::path::PathBuf,
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn outlet() -> Outlet {
    Outlet {
        name: "The Harbour Post".into(),
        tagline: String::new(),
        site: "https://post.example".into(),
        language: "en".into(),
        zone: "UTC".into(),
        postal_address: "1 Quay".into(),
        from: "post@post.example".into(),
        reply_to: None,
        mail_domain: "post.example".into(),
        selector: "c1".into(),
        invitation: String::new(),
    }
}

fn newsletter() -> Newsletter {
    Newsletter { id: DAILY, slug: "daily".into(), title: "The Daily".into() }
}

fn wish(day: i8) -> Wish {
    Wish { newsletter: newsletter(), kind: EditionKind::Daily, date: jiff::civil::date(2026, 11, day), lives_ms: 1_000 }
}

impl Newsroom {
    /// One reader, and `count` published articles: 1 is the oldest, even ones are cards.
    async fn with(name: &str, count: i64) -> Self {
        let folder =
            std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cut-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the build folder can be written");
        let store = Store::open(&Location::Sqlite(folder.join("newsroom.db"))).expect("a fresh database");
        let world = world::simulated::world(7, world::simulated::Internet::new());
        let newsroom = Self { world, store, folder };
        newsroom
            .write(move |tx| {
                store::newsletters::add(tx, &newsletter())?;
                reader(tx, 100)?;
                (1..=count).try_for_each(|id| publish(tx, id))
            })
            .await;
        newsroom
    }

    async fn write<T: Send + 'static>(&self, work: impl FnOnce(&Write) -> store::Result<T> + Send + 'static) -> T {
        self.store.write(work).await.expect("the store works")
    }

    async fn cut(&self, day: i8) -> Departure {
        match cut(&self.world, &self.store, &outlet(), wish(day)).await.expect("a sound edition") {
            Outcome::Cut(departure) => departure,
            other => panic!("{other:?}"),
        }
    }

    /// Everybody gets what was cut, and the edition is over.
    async fn deliver(&self, departure: &Departure) {
        let id = departure.id;
        self.write(move |tx| {
            use DepartureState::{Cut, Open};
            editions::set_state(tx, id, Cut, Open)?;
            let lease = ledger::take_lease(tx, "a", 0, i64::MAX)?.expect("nobody else holds it");
            let copies = ledger::claim(tx, lease, ledger::Claim::Edition(id, -1, -1), 99)?;
            let marks: Vec<_> = copies.iter().map(|c| (c.key, c.cohort, newsroom::RouteId::FIRST)).collect();
            assert!(ledger::mark(tx, lease, &marks)?.into_iter().all(|marked| marked));
            let answer = newsroom::Answer { at: 0, code: 250, text: String::new() };
            let state = newsroom::DeliveryState::Accepted;
            let ended: Vec<_> = copies
                .iter()
                .map(|c| ledger::Settled::new(c, state, None, newsroom::RouteId::FIRST, answer.clone()))
                .collect();
            ledger::settle(tx, lease, &ended)?;
            assert!(ledger::close(tx, id)?);
            Ok(())
        })
        .await;
    }

    /// The subject and the articles of the first reader's copy, as it was cut.
    async fn copy(&self, departure: &Departure) -> (String, Vec<i64>) {
        let id = departure.id;
        let read = self.store.read(move |tx| {
            let line_up = editions::line_up(tx, id)?;
            let held = line_up.iter().map(|entry| corrections::holders(tx, id, entry.article, (-1, -1), 9));
            let held: Vec<_> = held.collect::<store::Result<_>>()?;
            let stories =
                line_up.iter().zip(&held).filter(|(_, held)| !held.is_empty()).map(|(e, _)| e.article.0).collect();
            let edition =
                editions::by_id(tx, editions::departure_by_id(tx, id)?.expect("it was cut").edition.expect("of one"))?;
            Ok((edition.expect("it was cut").subject, stories))
        });
        read.await.expect("the store reads")
    }
}

fn reader(tx: &Write, id: i64) -> store::Result<()> {
    let who = SealedReader {
        id: ReaderId(id),
        kid: 1,
        sealed: vec![1],
        index: id.to_be_bytes().to_vec(),
        lane: 0,
        language: "en".into(),
        format: Format::Html,
    };
    readers::add(tx, &who, 0)?;
    readers::ask(tx, who.id, DAILY, Topics::ALL, 0)?;
    readers::confirm(tx, who.id, DAILY, &Line { id, door: "form", wording: String::new() }, 0).map(drop)
}

fn publish(tx: &Write, id: i64) -> store::Result<()> {
    let credit = Credit { canonical: Some(format!("https://tug.example/{id}")), ..Credit::default() };
    let revision = Revision {
        article: ArticleId(id),
        number: 1,
        title: format!("Headline {id}"),
        standfirst: "A few words.".into(),
        language: "en".into(),
        credit,
        picture: None,
        topics: Topics::NONE,
        body: prose::Document::default().to_json(),
        made: 0,
    };
    let form = if id % 2 == 0 { Form::Card } else { Form::Page };
    articles::add_as(tx, form, &format!("story-{id}"), None, None, &revision)?;
    articles::publish(tx, ArticleId(id), 0).map(drop)
}

fn everybody(seen_rank: Option<i64>) -> For {
    For { topics: Topics::ALL, format: Format::Html, language: "en".into(), seen_rank }
}

fn line_up_all(tx: &Write, ids: &[i64]) -> store::Result<()> {
    ids.iter().try_for_each(|id| line_up::change(tx, DAILY, None, LineUpChange::Add(ArticleId(*id)), "Ana").map(drop))
}

#[tokio::test(start_paused = true)]
async fn what_the_editors_lined_up_comes_first_and_the_rest_follows_newest_first() {
    let newsroom = Newsroom::with("order", 5).await;
    newsroom.write(|tx| line_up_all(tx, &[2, 4])).await;
    let departure = newsroom.cut(24).await;
    assert_eq!(newsroom.copy(&departure).await, ("Headline 2".into(), vec![2, 4, 5, 3, 1]));
    newsroom.deliver(&departure).await;
    // The next day: what was taken is over, and a subject does not come twice.
    newsroom.write(|tx| publish(tx, 6)).await;
    newsroom.write(|tx| line_up_all(tx, &[1])).await;
    let next = newsroom.cut(25).await;
    assert_eq!(newsroom.copy(&next).await, ("Headline 1".into(), vec![6]), "article 1 was read yesterday");
}

#[tokio::test(start_paused = true)]
async fn a_setting_says_that_only_what_is_lined_up_counts() {
    let newsroom = Newsroom::with("only", 5).await;
    newsroom.write(|tx| settings::put(tx, FILL_SETTING, "lined_up")).await;
    let nothing = cut(&newsroom.world, &newsroom.store, &outlet(), wish(24)).await.expect("no fault");
    assert_eq!(nothing, Outcome::NothingNew);
    newsroom.write(|tx| line_up_all(tx, &[3])).await;
    let departure = newsroom.cut(24).await;
    assert_eq!(newsroom.copy(&departure).await.1, [3]);
    newsroom.deliver(&departure).await;
    newsroom.write(|tx| line_up_all(tx, &[1])).await;
    let next = newsroom.cut(25).await;
    assert_eq!(newsroom.copy(&next).await.1, [1], "passed over yesterday, new to everybody today");
}

#[tokio::test(start_paused = true)]
async fn a_copy_has_an_end_and_says_what_is_on_the_site_alone() {
    let newsroom = Newsroom::with("cap", 30).await;
    let shown = async |of| preview(&newsroom.store, &outlet(), wish(24), of, 0).await;
    let by_default = shown(everybody(None)).await.expect("a sound edition").expect("news");
    assert_eq!((by_default.stories, by_default.more), (20, 10));
    assert!(by_default.part_bytes < edition::mail::PART_BYTES_WARN);
    newsroom.write(|tx| settings::put(tx, STORIES_SETTING, "4")).await;
    let short = shown(everybody(None)).await.expect("a sound edition").expect("news");
    let html = short.html.expect("an HTML part");
    assert_eq!((short.stories, short.more), (4, 26));
    assert!(html.contains("More on the site: 26 stories") && short.text.contains("More on the site: 26 stories"));
    assert!(shown(everybody(Some(30))).await.expect("no fault").is_none(), "nothing is new to who has seen it all");
}

#[tokio::test(start_paused = true)]
async fn a_preview_is_the_mail_that_is_cut_and_keeps_nothing() {
    let newsroom = Newsroom::with("preview", 3).await;
    newsroom
        .write(|tx| {
            let note = Note { text: "Good morning.".into(), signed: "Ana".into() };
            let written = Envelope { subject: "The harbour opens".into(), preview: "At last".into(), note };
            assert!(envelope::put(tx, DAILY, None, &written, "Ana")?.is_ok());
            let block = HouseBlock {
                id: BlockId(1),
                kind: BlockKind::Appeal,
                place: BlockPlace::Mail,
                title: "Keep us".into(),
                text: "Please.".into(),
                link: "https://post.example/give".into(),
                link_words: "Give".into(),
                starts: 0,
                ends: i64::MAX,
            };
            blocks::put(tx, &block)
        })
        .await;
    let now = newsroom.world.now();
    let seen = preview(&newsroom.store, &outlet(), wish(24), everybody(None), now).await.expect("sound").expect("news");
    let html = seen.html.expect("an HTML part");
    for said in ["At last", "Good morning.", "— Ana", "Keep us", "Read it at tug.example", NO_TOKEN] {
        assert!(html.contains(said) && seen.text.contains(said), "{said}");
    }
    assert_eq!((seen.subject.as_str(), seen.test.subject.as_str()), ("The harbour opens", "[Test] The harbour opens"));
    let kept = newsroom.store.read(|tx| editions::latest(tx, 9)).await.expect("a look");
    assert!(kept.is_empty(), "a preview cuts nothing");
    let departure = newsroom.cut(24).await;
    let taken = newsroom.store.read(move |tx| envelope::of_departure(tx, departure.id)).await.expect("a look");
    assert_eq!(taken.envelope.subject, "The harbour opens");
    let tomorrow = newsroom.store.read(|tx| envelope::of(tx, DAILY)).await.expect("a look").open_for("2026-11-25");
    assert!(tomorrow.is_empty(), "an envelope is for one day");
}

#[tokio::test(start_paused = true)]
async fn a_correction_is_in_the_copies_that_have_not_left_and_in_no_other() {
    let newsroom = Newsroom::with("correct", 3).await;
    let departure = newsroom.cut(24).await;
    let what = (departure.id, ArticleId(3));
    let correct = async || correct(&newsroom.world, &newsroom.store, &outlet(), &newsletter(), what, "Ana").await;
    newsroom
        .write(|tx| {
            let old = articles::by_id(tx, ArticleId(3))?.expect("it is there").revision;
            articles::revise(tx, &Revision { number: 2, title: "Headline three".into(), ..old })
        })
        .await;
    assert_eq!(correct().await.expect("sound"), Corrected::Copies { copies: 1, cohorts: 1 });
    assert_eq!(correct().await.expect("sound"), Corrected::Copies { copies: 0, cohorts: 0 }, "once is enough");
    let (subject, text) = newsroom
        .write(move |tx| {
            let lease = ledger::take_lease(tx, "a", 0, 1)?.expect("a lease");
            editions::set_state(tx, departure.id, DepartureState::Cut, DepartureState::Open)?;
            let copy = ledger::claim(tx, lease, ledger::Claim::Edition(departure.id, -1, -1), 1)?.remove(0);
            let cohort = ledger::cohort(tx, copy.cohort)?.expect("it is kept");
            Ok((cohort.subject, String::from_utf8_lossy(&cohort.body).into_owned()))
        })
        .await;
    assert_eq!(subject, "Headline three");
    assert!(
        text.contains("Headline three") && !text.contains("Headline 3"),
        "the kept mail has the new headline alone"
    );
    assert_eq!(correct().await.expect("sound"), Corrected::NotPaused, "it is on its way now");
}
