//! The engines, each fresh for one story, and what stories need to begin.

use std::future::Future;

use newsroom::{
    ArticleId, Cohort, CohortId, CohortKey, DepartureId, Edition, EditionId, EditionKind, Format, LineUpEntry,
    Newsletter, NewsletterId, ReaderId, Topics,
};
use store::editions::{self, Audience, Cut, Order, Rendered};
use store::readers::{self, Line, SealedReader};
use store::{Location, Store, newsletters};

/// The moment in which stories begin, in UTC milliseconds.
pub const DAWN: i64 = 1_767_225_600_000;
/// The newsletter of every story.
pub const DAILY: NewsletterId = NewsletterId(1);

/// Tells `story` on every engine and compares the tellings.
pub fn tell<F>(name: &str, story: impl Fn(Store) -> F)
where
    F: Future<Output = Vec<String>>,
{
    tell_at(name, |place| story(Store::open(place).expect("it is fresh")));
}

/// The same for a story of two programs on one database.
pub fn tell_twice<F>(name: &str, story: impl Fn(Store, Store) -> F)
where
    F: Future<Output = Vec<String>>,
{
    tell_at(name, |place| {
        let open = || Store::open(place).expect("it is fresh, or has just been migrated");
        story(open(), open())
    });
}

fn tell_at<F>(name: &str, story: impl Fn(&Location) -> F)
where
    F: Future<Output = Vec<String>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("story-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    // Opened within the runtime, as the program does it.
    let told_on = |place: Location| runtime.block_on(async { story(&place).await });
    let here = told_on(Location::Sqlite(folder.join("newsroom.db")));
    assert!(!here.is_empty(), "a story tells something");
    if let Some(server) = interop::postgres::shared() {
        let database = server.database().expect("a fresh database");
        let there = told_on(Location::Postgres(database));
        assert_eq!(here, there, "the engines disagree");
    }
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

/// A newsletter with `count` active readers, ids from 100; every third chose topic 1 alone.
pub async fn newsroom_with(store: &Store, count: i64) {
    store
        .write(move |tx| {
            newsletters::add(tx, &Newsletter { id: DAILY, slug: "daily".into(), title: "Daily".into() })?;
            for n in 0..count {
                let topics = if n % 3 == 0 { Topics::NONE.with(1) } else { Topics::ALL };
                reader(tx, 100 + n, topics)?;
            }
            Ok(())
        })
        .await
        .expect("a newsroom");
}

/// A reader who asked and confirmed.
pub fn reader(tx: &store::Write, id: i64, topics: Topics) -> store::Result<()> {
    let who = SealedReader {
        id: ReaderId(id),
        kid: 1,
        sealed: vec![1, 2, 3],
        index: id.to_be_bytes().to_vec(),
        lane: id % 4,
        language: "en".into(),
        format: Format::Html,
    };
    readers::add(tx, &who, DAWN)?;
    readers::ask(tx, who.id, DAILY, topics, DAWN)?;
    let line = Line { id: 10_000 + id, door: "mail link", wording: "daily".into() };
    assert!(readers::confirm(tx, who.id, DAILY, &line, DAWN)?, "a fresh subscription is confirmed");
    Ok(())
}

/// An order for an edition with one story for everybody at `rank` and one of topic 1 at `rank + 1`.
pub fn order(date: &str, departure: i64, rank: i64, keys: &[CohortKey]) -> Order {
    let entry = |position, rank, topics| LineUpEntry { position, article: ArticleId(rank), revision: 1, rank, topics };
    let line_up = vec![entry(0, rank, Topics::NONE.with(0)), entry(1, rank + 1, Topics::NONE.with(1))];
    let cohorts = (1..)
        .zip(keys)
        .map(|(n, key)| {
            let wanted = |e: &&LineUpEntry| e.rank > key.seen_rank && key.topics.wants(e.topics);
            let stories = line_up.iter().filter(wanted).map(|e| e.position).collect();
            let cohort = Cohort { id: CohortId(1_000 * departure + n), subject: "News".into(), body: vec![7] };
            Rendered { key: key.clone(), cohort, stories }
        })
        .collect();
    Order {
        edition: Edition {
            id: EditionId(departure + 50),
            newsletter: DAILY,
            kind: EditionKind::Daily,
            date: date.into(),
            subject: "News".into(),
        },
        departure: DepartureId(departure),
        instant: DAWN + departure,
        expires: DAWN + 1_000_000,
        line_up,
        cohorts,
        audience: Audience::Everybody,
        taken: store::envelope::Taken::default(),
    }
}

/// Cuts and opens an edition; tells how the cut ended.
pub async fn cut(store: &Store, date: &'static str, departure: i64, rank: i64) -> Cut {
    store
        .write(move |tx| {
            editions::fold(tx, DAILY)?;
            let wanted = order(date, departure, rank, &[]).edition;
            let due = editions::due_keys(tx, &wanted, &Audience::Everybody)?;
            let keys: Vec<CohortKey> = due.into_iter().map(|(key, _)| key).collect();
            let cut = editions::cut(tx, &order(date, departure, rank, &keys))?;
            if let Cut::Frozen(frozen) = &cut {
                use newsroom::DepartureState::{Cut, Open};
                assert!(editions::set_state(tx, frozen.id, Cut, Open)?, "a fresh cut can be opened");
            }
            Ok(cut)
        })
        .await
        .expect("a cut")
}
