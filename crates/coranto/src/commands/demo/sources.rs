//! `--source`: feeds, OPML lists and saved pages that a person adds to the demo.

use gather::Recognised;
use newsroom::{Policy, Problem, Source, SourceHealth, SourceId, SourceKind, Topics};

use crate::answer::tell;
use crate::cli::Demo;
use crate::house::{House, store_problem};
use crate::morning::{self, SourceProblem, Terms};

/// A source file is at most this long: the largest feed that is read.
const FILE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Adds every source named. What cannot be had is said and left out: the morning goes on.
pub async fn add(of: &Demo, house: &House) -> Result<Vec<SourceProblem>, Problem> {
    let mut problems = Vec::new();
    for named in &of.source {
        if let Err(problem) = one(house, named).await {
            problems.push(SourceProblem::new(named, &problem));
        }
    }
    Ok(problems)
}

async fn one(house: &House, named: &str) -> Result<(), Problem> {
    if named.starts_with("http://") || named.starts_with("https://") {
        // A feed until it turns out to be a page; the round that follows reads it and says how it went.
        return morning::add_source(house, named, Terms::default()).await.map(drop);
    }
    let unread = |why: String| {
        Problem::new(
            format!("{named} cannot be used as a source: {why}."),
            "The morning goes on without it.",
            "Name a feed's address, a saved feed or page, or an OPML list.",
        )
    };
    let size = std::fs::metadata(named).map_err(|fault| unread(fault.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(unread(format!("it has {size} bytes")));
    }
    let bytes = std::fs::read(named).map_err(|fault| unread(fault.to_string()))?;
    match gather::recognise(&bytes, None, None) {
        Some(Recognised::List(listed)) => {
            for one in listed {
                morning::add_source(house, &one.url, Terms::default()).await?;
            }
            Ok(())
        }
        Some(Recognised::Page(page)) => {
            let folder = super::super::article::saved_in(named);
            let imported = morning::import(house, page, named, folder.as_deref()).await?;
            if let Some(missing) = imported.picture_missing {
                tell(format_args!("{named} comes without its picture. {missing}"));
            }
            Ok(())
        }
        Some(Recognised::Feed(feed)) => saved_feed(house, named, &feed).await,
        None => Err(unread("it is no feed, no page and no list of sources".into())),
    }
}

/// A feed that lies in a file: filed once, never polled.
async fn saved_feed(house: &House, named: &str, feed: &gather::Feed) -> Result<(), Problem> {
    let url = format!("file:{}", std::path::absolute(named).unwrap_or_else(|_| named.into()).display());
    let known = house.store.read(store::sources::list).await.map_err(|fault| store_problem(&fault))?;
    let id = known.iter().find(|s| s.url == url).map_or_else(|| SourceId(house.world.mint()), |s| s.id);
    let source = Source {
        id,
        url,
        kind: SourceKind::Feed,
        policy: Policy::Partner,
        licence: None,
        title: feed.title.clone(),
        topics: Topics::NONE,
        etag: None,
        last_modified: None,
        due: i64::MAX,
        health: SourceHealth { stopped: true, ..SourceHealth::default() },
    };
    let (items, kept) = (gather::items(&house.world, id, feed), source.clone());
    let added = house.store.write(move |tx| store::sources::add(tx, &kept, gather::INTERVAL_MS_FIRST)).await;
    added.map_err(|fault| store_problem(&fault))?;
    let outcome =
        gather::Outcome { source, reading: store::sources::Reading::default(), items, went: gather::Went::Read };
    gather::record(&house.store, outcome).await.map_err(|fault| store_problem(&fault))?;
    Ok(())
}
