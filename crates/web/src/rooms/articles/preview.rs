//! What readers will see: the site's own page of what was typed, saved or not, for a frame in which nothing acts.

use std::collections::BTreeMap;

use newsroom::{Article, ArticleState, Form, Published, Revision, slug};
use press::{DeskView, OutletView, Page, RepublishPolicy, SignUpWords, Site, SiteView};

use crate::door::{Hall, Visit};
use crate::problem::Trouble;

/// The page of a revision as the press makes it.
pub(super) async fn of(
    hall: &Hall,
    visit: &Visit,
    of: Option<&Article>,
    revision: &Revision,
) -> Result<String, Trouble> {
    let published = of.and_then(|article| article.published);
    let article = Article {
        id: revision.article,
        slug: of.map_or_else(|| slug(&revision.title, revision.article), |article| article.slug.clone()),
        state: ArticleState::Published,
        item: of.and_then(|article| article.item),
        // A card has no page here; what is typed is shown as the page that it would have.
        form: Form::Page,
        published: published.or(Some(Published { at: visit.now, rank: i64::MAX, source_date: None })),
        revision: revision.clone(),
    };
    let note = visit.sent.fields.one("note").trim().to_owned();
    let read = hall.desk.store.read(|tx| Ok((store::topics::list(tx)?, store::pages::list(tx)?)));
    let (topics, pages) = read.await?;
    let mut corrections = BTreeMap::new();
    if published.is_some() && !note.is_empty() {
        corrections.insert(article.id, vec![newsroom::CorrectionNote { at: visit.now, note }]);
    }
    let desk = DeskView { pages, corrections, withdrawn: Vec::new() };
    let id = article.id;
    render(visit, vec![article], topics, desk, Page::Article(id))
}

/// A page of a site that holds these alone.
fn render(
    visit: &Visit,
    articles: Vec<Article>,
    topics: Vec<newsroom::Topic>,
    desk: DeskView,
    page: Page,
) -> Result<String, Trouble> {
    let outlet = &visit.outlet;
    let site = Site::new(SiteView {
        outlet: OutletView::of(outlet),
        topics,
        articles,
        editions: Vec::new(),
        sign_up: SignUpWords::of(outlet),
        republished: RepublishPolicy::default(),
        blocks: Vec::new(),
        desk,
    })?;
    let file = press::render(&site, page)?.ok_or_else(Trouble::not_found)?;
    Ok(String::from_utf8(file.bytes).expect("the press writes UTF-8"))
}

/// A free page as the press makes it.
pub(crate) async fn dressed(hall: &Hall, visit: &Visit, page: newsroom::FreePage) -> Result<String, Trouble> {
    let read = hall.desk.store.read(|tx| Ok((store::topics::list(tx)?, store::pages::list(tx)?)));
    let (topics, mut pages) = read.await?;
    let id = page.id;
    pages.retain(|other| other.id != id && other.slug != page.slug);
    pages.push(newsroom::FreePage { public: true, ..page });
    let desk = DeskView { pages, ..DeskView::default() };
    render(visit, Vec::new(), topics, desk, Page::Free(id))
}
