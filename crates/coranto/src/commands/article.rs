//! `coranto article`: a page published by an editor's hand.

use std::path::{Path, PathBuf};

use newsroom::{ArticleId, Problem};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::articles;

use super::house;
use crate::answer::{Answer, tell};
use crate::cli::Article;
use crate::house::{House, store_problem};
use crate::morning;

pub async fn run(of: Article) -> Result<Answer, Problem> {
    let (page, url, common) = match of {
        Article::Import { page, url, common } => (page, url, common),
        Article::Retitle { id, title, standfirst, common } => {
            return retitle(&house(&common).await?, id, &title, standfirst.as_deref()).await;
        }
    };
    let house = house(&common).await?;
    let folder = saved_in(&page);
    let (page, guid) = fetched_or_saved(&house, &page, url.as_deref()).await?;
    let imported = morning::import(&house, page, &guid, folder.as_deref()).await?;
    if let Some(missing) = imported.picture_missing {
        tell(format_args!("Its picture is not with it. {missing}"));
    }
    let Some(id) = imported.article else {
        return Err(Problem::new(
            "This page is published already.",
            "Nothing was changed.",
            "A changed page can be imported again once articles can be edited; until then correct it at its source.",
        ));
    };
    let article = house.store.read(move |tx| articles::by_id(tx, id)).await.map_err(|fault| store_problem(&fault))?;
    let article = article.expect("it has just been published");
    let address = format!("{}/articles/{}/", house.outlet().site, article.slug);
    // An import is published whole: it has a page.
    let told = format!("Published “{}”\n{address}", article.revision.title);
    Ok(Answer::new(json!({"article": id.to_string(), "title": article.revision.title, "url": address}), told))
}

async fn retitle(house: &House, id: ArticleId, title: &str, standfirst: Option<&str>) -> Result<Answer, Problem> {
    let done = desk::retitle(&house.world, &house.store, id, title, standfirst).await;
    let refused = |what: String, act: &str| Err(Problem::new(what, "Nothing was changed.", act));
    match done.map_err(|fault| store_problem(&fault))? {
        desk::Retitled::Done(revision) => {
            morning::publish(house).await?;
            let told = format!("Revision {}: “{}”. Feeds and site say so now.", revision.number, revision.title);
            let json = json!({"article": id.to_string(), "revision": revision.number, "title": revision.title});
            Ok(Answer::new(json, told))
        }
        desk::Retitled::Same => Ok(Answer::new(json!({"article": id.to_string()}), "It says so already.")),
        desk::Retitled::NoArticle => {
            refused(format!("There is no published article {id}."), "`coranto line-up list` shows them with their ids.")
        }
        desk::Retitled::NoText => {
            refused("The headline is empty, too long, or has more than one line.".into(), "Type it on one line.")
        }
    }
}

/// A page by its address or its file, and what makes it the same page next time.
pub async fn fetched_or_saved(
    house: &House,
    named: &str,
    url: Option<&str>,
) -> Result<(gather::Page, String), Problem> {
    if is_address(named) {
        let page = house.gatherer.page(named, gather::Asked::ByEditor).await?;
        return Ok((page, named.to_owned()));
    }
    let bytes = std::fs::read(named).map_err(|fault| {
        Problem::new(
            format!("{named} cannot be read: {fault}."),
            "Nothing was published.",
            "Name a saved page, or an address that begins with https://.",
        )
    })?;
    let page = gather::read_page(&bytes, None, url);
    // A saved page is known by its address, or else by its content.
    let guid = url.map_or_else(|| content_name(&bytes), str::to_owned);
    Ok((page, guid))
}

fn is_address(named: &str) -> bool {
    named.starts_with("http://") || named.starts_with("https://")
}

/// The folder of a saved page; none for an address.
pub fn saved_in(named: &str) -> Option<PathBuf> {
    let folder = (!is_address(named)).then(|| Path::new(named).parent().unwrap_or(Path::new("")))?;
    // A bare file name lies where we are.
    Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.to_owned())
}

fn content_name(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
