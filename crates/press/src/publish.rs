//! What the store holds is laid down as the public site.
//!
//! Reads every published article, the topics and the editions, renders the site off the async threads and lays what
//! changed. One publisher at a time on a folder, across processes; a second one waits its turn and then finds the newest
//! state, so that an older site is never laid over a newer one. It changes nothing in the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use newsroom::{Article, ArticleId, EditionId, Ms, Outlet};
use store::{Read, Store, editions, envelope};
use world::World;

use crate::{
    DayEdition, DeskView, OutletView, PressError, RepublishPolicy, SignUpWords, Site, SiteView,
    folder::{Changes, Folder},
    render_site,
};

/// Articles are read from the store this many at a time, so that no read transaction is long.
const ARTICLES_A_READ: i64 = 500;
/// Editions likewise.
const EDITIONS_A_READ: i64 = 200;
/// Pictures are carried from the store to the folder this many at a time: at 2 MB each, 16 MB of memory.
const PICTURES_A_CARRY: usize = 8;
/// How often a publisher that waits looks again whether the folder is free, in milliseconds.
const TURN_MS: i64 = 100;
/// How long it waits before it gives up, in milliseconds: the largest site is laid well within it.
const TURN_WAIT_MS: i64 = 120_000;

/// Lays the site of `outlet` into `folder` as the store has it now.
///
/// # Errors
/// [`PressError::Busy`] when another publisher holds the folder for two minutes; others as they come. What was published
/// before stays readable after each of them.
pub async fn publish(world: &World, store: &Store, outlet: &Outlet, folder: &Path) -> Result<Changes, PressError> {
    let turn = take_turn(world, folder).await?;
    let site = Site::new(gather(store, outlet, world.now()).await?)?;
    let root = folder.to_owned();
    let mut folder = world.compute(move || Folder::open(root)).await?;
    let wanted = site.picture_files();
    let mut carried = Changes::default();
    for names in missing(&folder, &wanted).chunks(PICTURES_A_CARRY) {
        let pictures = read_pictures(store, names.to_vec()).await?;
        let laid: Result<(Folder, Changes), PressError> = world
            .compute(move || {
                let names = pictures.keys().cloned().collect();
                let mut fetch = |name: &str| Ok(pictures.get(name).cloned().flatten());
                let changes = folder.lay_some(std::iter::empty(), &names, &mut fetch, &[])?;
                Ok((folder, changes))
            })
            .await;
        let (back, changes) = laid?;
        folder = back;
        carried.written.extend(changes.written);
    }
    let mut changes = world.compute(move || folder.lay_all(render_site(&site), &wanted, &mut |_| Ok(None))).await?;
    changes.kept -= carried.written.len();
    changes.written.extend(carried.written);
    drop(turn);
    Ok(changes)
}

/// Waits until no other publisher holds `folder`. The file given holds it until dropped, or its process ends.
async fn take_turn(world: &World, folder: &Path) -> Result<File, PressError> {
    let place = folder.to_owned();
    let file = world.compute(move || lock_file(&place)).await?;
    for _ in 0..TURN_WAIT_MS / TURN_MS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => world.sleep(TURN_MS).await,
            Err(TryLockError::Error(source)) => {
                return Err(PressError::Folder { what: format!("taking hold of {}", folder.display()), source });
            }
        }
    }
    Err(PressError::Busy)
}

fn lock_file(folder: &Path) -> Result<File, PressError> {
    let room = crate::folder::room(folder);
    let place: PathBuf = room.join("turn");
    let open = || {
        std::fs::create_dir_all(&room)?;
        File::options().create(true).truncate(false).write(true).open(&place)
    };
    open().map_err(|source| PressError::Folder { what: format!("opening {}", place.display()), source })
}

/// Everything the site is made from, as the store has it.
async fn gather(store: &Store, outlet: &Outlet, now: Ms) -> Result<SiteView, PressError> {
    let topics = store.read(store::topics::list).await?;
    let mut articles: Vec<Article> = Vec::new();
    let mut below = i64::MAX;
    loop {
        let some = store.read(move |tx| store::articles::published(tx, below, ARTICLES_A_READ)).await?;
        let Some(lowest) = some.iter().filter_map(|article| article.published).map(|published| published.rank).min()
        else {
            break;
        };
        below = lowest;
        articles.extend(some);
    }
    Ok(SiteView {
        outlet: OutletView::of(outlet),
        topics,
        articles,
        editions: store.read(day_editions).await?,
        blocks: store
            .read(move |tx| store::blocks::running(tx, now))
            .await?
            .into_iter()
            .filter(|b| b.on_site(now))
            .collect(),
        sign_up: SignUpWords::of(outlet),
        republished: RepublishPolicy::default(),
        desk: desk(store).await?,
    })
}

/// What members added.
async fn desk(store: &Store) -> Result<DeskView, PressError> {
    let (pages, notes) = store.read(|tx| Ok((store::pages::list(tx)?, store::revisions::corrections(tx)?))).await?;
    let mut desk = DeskView { pages, ..DeskView::default() };
    for (article, note) in notes {
        desk.corrections.entry(article).or_default().push(note);
    }
    let mut below = i64::MAX;
    loop {
        let some = store.read(move |tx| store::revisions::withdrawn(tx, below, ARTICLES_A_READ)).await?;
        let Some(last) = some.last() else { return Ok(desk) };
        below = last.article.0;
        desk.withdrawn.extend(some);
    }
}

/// The editions of the main newsletter: one a local date. Where a date has several kinds, the earliest cut speaks.
fn day_editions(tx: &Read<'_>) -> store::Result<Vec<DayEdition>> {
    let Some(newsletter) = store::newsletters::list(tx)?.into_iter().next() else { return Ok(Vec::new()) };
    let mut by_date = BTreeMap::new();
    let mut below = EditionId(i64::MAX);
    loop {
        let some = editions::list(tx, newsletter.id, below, EDITIONS_A_READ)?;
        let Some(lowest) = some.iter().map(|edition| edition.id).min() else { break };
        below = lowest;
        for edition in some {
            let (line_up, lead) = line_up(tx, edition.id)?;
            let day = DayEdition { date: edition.date.clone(), subject: edition.subject, line_up, lead };
            by_date.insert(edition.date, day);
        }
    }
    Ok(by_date.into_values().collect())
}

/// The line-up of an edition's first departure, and the lead that an editor chose.
fn line_up(tx: &Read<'_>, edition: EditionId) -> store::Result<(Vec<ArticleId>, Option<ArticleId>)> {
    let Some(first) = editions::departures_of(tx, edition)?.into_iter().next() else { return Ok((Vec::new(), None)) };
    let line_up = editions::line_up(tx, first.id)?.into_iter().map(|entry| entry.article).collect();
    Ok((line_up, envelope::of_departure(tx, first.id)?.lead))
}

async fn read_pictures(store: &Store, names: Vec<String>) -> Result<BTreeMap<String, Option<Vec<u8>>>, PressError> {
    let read = move |tx: &Read<'_>| {
        names.into_iter().map(|name| Ok((name.clone(), store::pictures::bytes(tx, &name)?))).collect()
    };
    Ok(store.read(read).await?)
}

/// Picture files that are wanted and do not lie there, in order.
fn missing(folder: &Folder, wanted: &BTreeSet<String>) -> Vec<String> {
    wanted.iter().filter(|name| !folder.holds(&format!("/pictures/{name}"))).cloned().collect()
}
