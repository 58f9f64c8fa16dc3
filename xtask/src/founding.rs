//! A newsroom for a rig to play with: founded by the real program, filled with readers through the library.
//!
//! Signing thousands of readers up through the form is the demo's work. Here they are sealed and laid in by the same vault
//! and the same verbs of the store, a few hundred to a transaction; nothing about them is special afterwards.

use crate::programs::{Build, Coranto, built};
use anyhow::{Context, Result, anyhow, bail};
use coranto::config::Config;
use coranto::house::House;
use newsroom::{Address, ReaderId, TopicId, Topics};
use stage::outlets::{Format, Morning, Newsstand, TOPICS, first_day};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::readers::{Line, SealedReader};
use store::{readers, topics};

/// How many readers are laid in by one transaction.
const BATCH: usize = 500;
/// One reader of so many reads plain text.
const TEXT_ONE_OF: u32 = 10;

/// A founded newsroom.
pub struct Newsroom {
    /// The real program on its folder.
    pub coranto: Coranto,
    /// The same newsroom through the library, to look at what the program has done.
    pub house: House,
    /// Every reader's address, which only the rig keeps in the clear.
    pub addresses: BTreeMap<ReaderId, String>,
    stories: Stories,
}

/// Where a newsroom is founded.
pub struct Ground<'a> {
    /// A new folder.
    pub folder: &'a Path,
    /// A PostgreSQL address, or none for SQLite.
    pub database: Option<&'a str>,
    /// How the program is compiled.
    pub build: Build,
}

/// The database that is meant by `sqlite` (none), `postgres` (a throw-away server of the rig's own) or an address.
pub fn database(named: &str) -> Result<Option<String>> {
    match named {
        "sqlite" => Ok(None),
        "postgres" => {
            let server = interop::postgres::shared().context("PostgreSQL is not installed")?;
            Ok(Some(server.database()?))
        }
        url if url.starts_with("postgres") => Ok(Some(url.to_owned())),
        other => bail!("{other} is no database: say sqlite, postgres or postgres://…"),
    }
}

impl Newsroom {
    /// Founds a newsroom on `ground` with the settings given, the rest as they are for everybody.
    pub async fn found(ground: &Ground<'_>, settings: &[(&str, String)]) -> Result<Newsroom> {
        let coranto = Coranto { binary: built("coranto", ground.build)?, folder: ground.folder.join("newsroom") };
        coranto.found(ground.database)?;
        let own = [
            ("mail.from", "news@courier.example".to_owned()),
            ("mail.domain", "courier.example".to_owned()),
            ("outlet.postal_address", "The Aldry Courier, 3 Customs Row, Aldry".to_owned()),
        ];
        for (name, value) in own.iter().chain(settings) {
            coranto.ask(&["settings", name, value])?;
        }
        let config = Config::read(&coranto.folder)?;
        let house = House::open(world(), config).await?;
        let stories = Stories::new(ground.folder.join("pages"), house.world.now())?;
        Ok(Newsroom { coranto, house, addresses: BTreeMap::new(), stories })
    }

    /// Founds one and lays in so many readers.
    pub async fn with_readers(ground: &Ground<'_>, settings: &[(&str, String)], count: u32) -> Result<Newsroom> {
        let mut newsroom = Newsroom::found(ground, settings).await?;
        newsroom.enlist(count).await?;
        Ok(newsroom)
    }

    /// Lays in so many readers, confirmed, with topics and languages as the demo's readers have them.
    pub async fn enlist(&mut self, count: u32) -> Result<()> {
        let bits = self.topics().await?;
        let all: Vec<u32> = (1..=count).collect();
        for numbers in all.chunks(BATCH) {
            let batch = numbers.iter().map(|number| self.seal(*number, &bits)).collect::<Result<Vec<_>>>()?;
            self.addresses.extend(batch.iter().map(|one| (one.sealed.id, one.address.clone())));
            let (newsletter, now) = (self.house.newsletter.id, self.house.world.now());
            let lay_in = move |tx: &store::Write<'_>| {
                batch.iter().try_for_each(|one| {
                    readers::add(tx, &one.sealed, now)?;
                    readers::ask(tx, one.sealed.id, newsletter, one.topics, now)?;
                    readers::confirm(tx, one.sealed.id, newsletter, &one.line, now).map(|_| ())
                })
            };
            self.house.store.write(lay_in).await?;
        }
        Ok(())
    }

    async fn topics(&self) -> Result<BTreeMap<String, u8>> {
        let ids: Vec<TopicId> = TOPICS.iter().map(|_| TopicId(self.house.world.mint())).collect();
        let made = self.house.store.write(move |tx| {
            let pairs = TOPICS.iter().zip(ids);
            pairs.map(|((slug, title), id)| topics::ensure(tx, id, slug, title)).collect::<store::Result<Vec<_>>>()
        });
        Ok(made.await?.into_iter().flatten().map(|topic| (topic.slug, topic.bit)).collect())
    }

    fn seal(&self, number: u32, bits: &BTreeMap<String, u8>) -> Result<Enlisted> {
        let (world, vault) = (&self.house.world, &self.house.vault);
        let reader = stage::readers::reader(number);
        let address = Address::parse(&reader.address).map_err(|fault| anyhow!("{}: {fault}", reader.address))?;
        let id = ReaderId::from_dice(world.now(), world.dice_u64());
        let (kid, sealed) = vault.seal_address(&address, id, &mut |bytes| world.fill(bytes));
        let chosen = reader.topics.iter().filter_map(|slug| bits.get(*slug));
        let topics = chosen.fold(Topics::NONE, |set, bit| set.with(*bit));
        Ok(Enlisted {
            sealed: SealedReader {
                id,
                kid,
                sealed,
                index: vault.index(&address).to_vec(),
                lane: vault.lane(&address),
                language: reader.language.to_owned(),
                format: if number.is_multiple_of(TEXT_ONE_OF) {
                    newsroom::Format::Text
                } else {
                    newsroom::Format::Html
                },
            },
            topics: if topics == Topics::NONE { Topics::ALL } else { topics },
            line: Line { id: world.mint(), door: "import", wording: "a list of the rig's own".to_owned() },
            address: reader.address,
        })
    }

    /// Publishes the next `count` stories, each by `coranto article import`.
    pub fn publish(&mut self, count: usize) -> Result<()> {
        self.stories.publish(&self.coranto, count)
    }

    /// Closes the library's own look at it: what is left has nothing open in its folder.
    pub fn close(self) -> Closed {
        Closed { coranto: self.coranto, addresses: self.addresses, stories: self.stories }
    }
}

/// A newsroom that only the program opens.
pub struct Closed {
    /// The real program on its folder.
    pub coranto: Coranto,
    /// Every reader's address.
    pub addresses: BTreeMap<ReaderId, String>,
    /// What it publishes next.
    pub stories: Stories,
}

/// A reader about to be laid in.
struct Enlisted {
    sealed: SealedReader,
    topics: Topics,
    line: Line,
    address: String,
}

/// The real world. Processes on one database mint ids apart by their numbers.
pub fn world() -> world::World {
    world::real::world((std::process::id() & 0x3ff) as u16)
}

/// Where a rig's pages pretend to lie: an address that nobody may fetch from, so that no rig asks a name server.
const NOWHERE: &str = "http://127.0.0.1";

/// The demo's stories as saved pages, over and over again under new addresses.
pub struct Stories {
    folder: PathBuf,
    newsstand: Newsstand,
    taken: usize,
}

impl Stories {
    fn new(folder: PathBuf, now: i64) -> Result<Stories> {
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let newsstand = Newsstand::new(first_day(now));
        newsstand.set(Morning::Second);
        Ok(Stories { folder, newsstand, taken: 0 })
    }

    /// Publishes the next `count` stories, each by `coranto article import`.
    pub fn publish(&mut self, coranto: &Coranto, count: usize) -> Result<()> {
        for _ in 0..count {
            let (page, url) = self.next()?;
            let page = page.to_str().context("a path that is text")?;
            coranto.ask(&["article", "import", page, "--url", &url])?;
        }
        Ok(())
    }

    /// The next page, saved, and the address it has.
    fn next(&mut self) -> Result<(PathBuf, String)> {
        // One outlet writes ISO-8859-1, which this has no need to.
        let stories = || self.newsstand.stories().filter(|story| story.outlet.format != Format::Rdf);
        let count = stories().count();
        let (round, place) = (self.taken / count, self.taken % count);
        let story = stories().nth(place).context("a remainder is below the count")?;
        self.taken += 1;
        let page = self.newsstand.page(story.url).with_context(|| format!("{} is no page", story.url))?;
        let html = std::str::from_utf8(page).with_context(|| format!("{} is not UTF-8", story.url))?;
        let home = format!("http://{}", story.outlet.host);
        let url = format!("{NOWHERE}/{round}{}", story.url.strip_prefix(&home).unwrap_or("/"));
        let file = self.folder.join(format!("{}.html", self.taken));
        let html = html.replace(story.url, &url).replace(&home, NOWHERE);
        std::fs::write(&file, html).with_context(|| file.display().to_string())?;
        Ok((file, url))
    }
}
