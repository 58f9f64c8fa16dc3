//! The morning's work: sources read, items made into articles, the site brought up to date.

use newsroom::{HOUR_MS, ItemId, Ms, PictureId, Policy, Problem, SourceId, SourceKind, Topics};
use store::items::{self, Material};
use store::{pictures, sources};

use crate::house::{House, store_problem};
use crate::saved;

/// How many items are fetched for in one go.
const FETCH_MAX: i64 = 100;

/// What a round of gathering did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Gathered {
    /// Sources read.
    pub sources: usize,
    /// Items never seen before.
    pub fresh: usize,
    /// Articles published.
    pub published: usize,
    /// Articles corrected, because their source changed them.
    pub corrected: usize,
    /// What went wrong, source by source.
    pub problems: Vec<SourceProblem>,
}

/// A source that could not be read.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SourceProblem {
    /// Its address.
    pub source: String,
    /// What happened.
    pub what: String,
    /// What it means for readers.
    pub means: String,
    /// What to do.
    pub r#do: String,
}

impl SourceProblem {
    /// A problem with a source.
    pub fn new(source: &str, problem: &Problem) -> Self {
        let Problem { what, means, act } = problem.clone();
        Self { source: source.into(), what, means, r#do: act }
    }
}

/// Reads sources, makes articles of what is new, and brings the site up to date. `tell` hears of each step.
///
/// # Errors
/// A [`Problem`] when the store or the press fails; a source that fails is in the answer.
pub async fn gather(house: &House, which: gather::Which, tell: impl Fn(&str)) -> Result<Gathered, Problem> {
    let mut told = Gathered::default();
    let visited = gather::once(&house.gatherer, &house.store, which, |one| tell(&one.source.url)).await;
    for one in visited.map_err(|fault| store_problem(&fault))? {
        told.sources += 1;
        told.fresh += one.fresh;
        told.problems.extend(one.problem().map(|p| SourceProblem::new(&one.source.url, p)));
    }
    let language = house.outlet().language;
    let corrected = desk::correct(&house.world, &house.store, &language).await;
    told.corrected = corrected.map_err(|fault| store_problem(&fault))?;
    fetch(house).await.map_err(|fault| store_problem(&fault))?;
    let taken = desk::take_ready(&house.world, &house.store, &language).await;
    told.published = taken.map_err(|fault| store_problem(&fault))?.published.len();
    publish(house).await?;
    Ok(told)
}

/// How long an item waits for a page that cannot be had just now before it is taken with what its feed says, in
/// milliseconds: a site that is down over breakfast is up again by noon.
const PAGE_WAIT_MS: Ms = 4 * HOUR_MS;

/// Fetches what items need beyond their feed. An item whose page may be had later waits for it for a while.
async fn fetch(house: &House) -> store::Result<()> {
    loop {
        let wanting = house.store.read(|tx| items::wanting(tx, FETCH_MAX)).await?;
        let mut kept = false;
        for (filed, had) in gather::materials(&house.gatherer, wanting).await {
            for problem in &had.problems {
                tracing::warn!(item.id = filed.item.id.0, "{problem}");
            }
            if had.later && house.world.now() - filed.item.first_seen < PAGE_WAIT_MS {
                continue;
            }
            keep(house, filed.item.id, had.page, had.picture).await?;
            kept = true;
        }
        if !kept {
            return Ok(());
        }
    }
}

async fn keep(
    house: &House,
    item: ItemId,
    page: Option<gather::Page>,
    picture: Option<gather::Picture>,
) -> store::Result<()> {
    let (now, id) = (house.world.now(), PictureId(house.world.mint()));
    house
        .store
        .write(move |tx| {
            let picture = picture.map(|p| keep_picture(tx, id, p)).transpose()?;
            let (url, html) = page.map_or((None, None), |p| (p.url, Some(p.html)));
            items::keep_material(tx, item, &Material { url, html, picture }, now)
        })
        .await
}

/// Keeps a picture by its content; gives the id it is known by.
fn keep_picture(tx: &store::Write, id: PictureId, picture: gather::Picture) -> store::Result<PictureId> {
    let hash = picture.hash.to_vec();
    let fresh = pictures::Picture { id, hash, file: picture.file(), width: picture.width, height: picture.height };
    Ok(pictures::keep(tx, &fresh, picture.bytes)?.id)
}

/// Brings the site's folder up to date.
///
/// # Errors
/// A [`Problem`] when a page cannot be rendered or written; what was published before stays readable.
pub async fn publish(house: &House) -> Result<press::folder::Changes, Problem> {
    // The settings as they stand: a member may have changed the outlet's name since the house was opened.
    let kept = house.store.read(store::settings::all).await.map_err(|fault| store_problem(&fault))?;
    let outlet = crate::settings::Settings::new(kept).outlet();
    let done = press::publish::publish(&house.world, &house.store, &outlet, &house.site_folder()).await;
    done.map_err(|fault| {
        Problem::new(
            format!("The site could not be published: {fault}."),
            "Readers see the site as it last was; nothing is lost.",
            "Make room on the disk or mend what is named, then run `coranto gather --once` again.",
        )
    })
}

/// What may be done with what a source publishes, and where it belongs.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Ours, partner or watch.
    pub policy: Policy,
    /// The address of the terms that it is republished under, where its pages name none.
    pub licence: Option<String>,
    /// Topics that its articles get.
    pub topics: Topics,
}

impl Default for Terms {
    fn default() -> Self {
        Self { policy: Policy::Partner, licence: None, topics: Topics::NONE }
    }
}

/// Adds a feed by its address. `None`: it is known already.
///
/// # Errors
/// A [`Problem`] when an address is none or the store fails.
pub async fn add_source(house: &House, url: &str, terms: Terms) -> Result<Option<SourceId>, Problem> {
    let parsed = url::Url::parse(url).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    let Some(parsed) = parsed else {
        return Err(Problem::new(
            format!("{url:?} is no web address."),
            "No source was added.",
            "Give the feed's address, like https://partner.example/feed.xml.",
        ));
    };
    if let Some(licence) = &terms.licence
        && !is_web_address(licence)
    {
        return Err(Problem::new(
            format!("{licence:?} is no web address of a licence."),
            "No source was added.",
            "Give the licence's address, like https://creativecommons.org/licenses/by/4.0/.",
        ));
    }
    let source = newsroom::Source {
        id: SourceId(house.world.mint()),
        url: parsed.into(),
        kind: SourceKind::Feed,
        policy: terms.policy,
        licence: terms.licence,
        title: String::new(),
        topics: terms.topics,
        etag: None,
        last_modified: None,
        due: house.world.now(),
        health: newsroom::SourceHealth::default(),
    };
    let id = source.id;
    let added = house.store.write(move |tx| sources::add(tx, &source, gather::INTERVAL_MS_FIRST)).await;
    Ok(added.map_err(|fault| store_problem(&fault))?.then_some(id))
}

/// Whether a text is an absolute http or https address with a host.
pub fn is_web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
}

/// What came of a page that an editor named.
#[derive(Debug)]
pub struct Imported {
    /// Its article. `None`: the page is published already.
    pub article: Option<newsroom::ArticleId>,
    /// Why its lead picture is not with it, if it names one.
    pub picture_missing: Option<Problem>,
}

/// Publishes one page by an editor's hand: from an address or a file's bytes. `folder` is where a saved page lies: browsers
/// lay its pictures beside it.
///
/// # Errors
/// A [`Problem`] for the editor.
pub async fn import(
    house: &House,
    page: gather::Page,
    guid: &str,
    folder: Option<&std::path::Path>,
) -> Result<Imported, Problem> {
    let beside = folder.and_then(|folder| saved::picture(&page, folder));
    let picture = match (beside, page.named_picture()) {
        (Some(found), _) => Some(found),
        (None, Some(url)) => Some(house.gatherer.picture(&url).await),
        (None, None) => None,
    };
    let (picture, picture_missing) = match picture {
        Some(Ok(picture)) => (Some(picture), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    let id = PictureId(house.world.mint());
    let kept = match picture {
        Some(picture) => Some(house.store.write(move |tx| keep_picture(tx, id, picture)).await),
        None => None,
    };
    let picture = kept.transpose().map_err(|fault| store_problem(&fault))?;
    let material = Material { url: page.url, html: Some(page.html), picture };
    let language = house.outlet().language;
    let article = desk::import(&house.world, &house.store, material, guid, &language).await;
    let article = article.map_err(|fault| store_problem(&fault))?;
    publish(house).await?;
    Ok(Imported { article, picture_missing })
}
