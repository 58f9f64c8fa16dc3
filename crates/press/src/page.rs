//! The pages of the site: which there are, which an article stands on, and how each is rendered.
//!
//! [`render`] is a pure function of the [`Site`] and the [`Page`]. A new story touches its own page and the lists it stands
//! in, never the pages of older stories.

use std::collections::BTreeSet;

use jiff::civil::Date;
use newsroom::{Article, ArticleId, DAY_MS, Form, FreePage, PageId, Topic, TopicId, Withdrawn};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    PressError, Site,
    context::{self, Block, Graph, GraphPicture, Head, Link, Outlet, SignUp, Story, StoryWords, Teaser, dir},
    dates, feeds, language,
    site::{RepublishPolicy, changed, published},
    text, theme,
    words::Words,
};

/// A topic's page shows this many stories: beyond that the archive serves better, and the page stays under its 60 kB.
const TOPIC_STORIES_MAX: usize = 40;
/// Stories beside and under the lead: two columns that end near its foot on a wide screen.
const SECOND_MAX: usize = 2;
const THIRD_MAX: usize = 3;
/// Stories in one section of the front page: one large and two pairs.
const SECTION_STORIES_MAX: usize = 5;
/// How far down the line-up a lead with a picture is looked for: news comes before pictures.
const LEAD_REACH: usize = 4;
/// The sitemap protocol takes 50,000 addresses a file; the newest articles are the ones to find.
const SITEMAP_ARTICLES_MAX: usize = 40_000;
/// The news sitemap takes articles of the last two days, 1,000 at most.
const NEWS_DAYS: i64 = 2;
const NEWS_ARTICLES_MAX: usize = 1_000;
/// A summary in a search result or preview is cut near here anyway; counted in characters.
const DESCRIPTION_CHARS_MAX: usize = 300;

/// The form of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedFormat {
    /// RSS 2.0.
    Rss,
    /// Atom, RFC 4287.
    Atom,
    /// JSON Feed 1.1.
    Json,
}

impl FeedFormat {
    /// Every form.
    pub const EVERY: [Self; 3] = [Self::Rss, Self::Atom, Self::Json];

    /// The feed's file name.
    pub fn file(self) -> &'static str {
        match self {
            Self::Rss => "feed.xml",
            Self::Atom => "feed.atom",
            Self::Json => "feed.json",
        }
    }
}

/// The form of the feed of editions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EditionsFeed {
    /// RSS 2.0.
    Rss,
    /// Atom, RFC 4287.
    Atom,
}

impl EditionsFeed {
    /// Both forms.
    pub const EVERY: [Self; 2] = [Self::Rss, Self::Atom];

    /// The feed's file name.
    pub fn file(self) -> &'static str {
        match self {
            Self::Rss => "editions.xml",
            Self::Atom => "editions.atom",
        }
    }
}

/// One file of the site that the press makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Page {
    /// The style sheet.
    Style,
    /// The outlet's icon: its initial.
    Icon,
    /// An article.
    Article(ArticleId),
    /// The page that shows an article's picture whole.
    Picture(ArticleId),
    /// What stands where an article was that was taken back.
    Withdrawn(ArticleId),
    /// A page of the outlet's own.
    Free(PageId),
    /// A topic.
    Topic(TopicId),
    /// The edition of a local day.
    Day(Date),
    /// A month of the archive: year and month.
    Month(i16, i8),
    /// The archive.
    Archive,
    /// A feed of the site, or of one topic.
    Feed(FeedFormat, Option<TopicId>),
    /// The feed of editions.
    Editions(EditionsFeed),
    /// The sitemap.
    Sitemap,
    /// The sitemap of the last two days.
    NewsSitemap,
    /// What robots are told.
    Robots,
    /// What stands where nothing is.
    NotFound,
    /// The front page.
    Front,
}

/// What a file is: decides its content type, whether it is laid down compressed, and how long it may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An HTML page.
    Html,
    /// An HTML page that says that what stood here was taken back: answered as gone.
    Gone,
    /// RSS.
    Rss,
    /// Atom.
    Atom,
    /// JSON Feed.
    JsonFeed,
    /// A sitemap.
    Xml,
    /// Plain text.
    Text,
    /// A style sheet, named by its content.
    Css,
    /// The icon.
    Svg,
    /// A picture, named by its content.
    Jpeg,
    /// Likewise.
    Png,
    /// Likewise.
    Gif,
    /// Likewise.
    Webp,
    /// Likewise.
    Avif,
}

/// A rendered file: where it is served, what it is, its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageFile {
    /// Its path on the site, not percent-encoded; a page ends in `/`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Its bytes, not compressed.
    pub bytes: Vec<u8>,
}

impl Page {
    /// Where it is served, not percent-encoded; `None` when the site holds no such page.
    pub fn path(self, site: &Site) -> Option<String> {
        Some(match self {
            Self::Style => theme::style_path().to_owned(),
            Self::Icon => "/icon.svg".to_owned(),
            Self::Article(id) => format!("/articles/{}/", paged(site, id)?.slug),
            Self::Picture(id) => {
                let article = paged(site, id)?;
                site.teaser(article).picture?;
                format!("/articles/{}/picture/", article.slug)
            }
            Self::Withdrawn(id) => format!("/articles/{}/", site.withdrawn(id)?.slug),
            Self::Free(id) => format!("/{}/", site.free_page(id)?.slug),
            Self::Topic(id) => format!("/topics/{}/", site.topic(id)?.slug),
            // An edition that left before anything was published that day has its page too: its mail links to it.
            Self::Day(day) => {
                let stands = site.count_of_day(day) > 0 || !site.edition_order(day).is_empty();
                stands.then(|| context::day_path(day))?
            }
            Self::Month(year, month) => {
                site.days().find(|day| (day.year(), day.month()) == (year, month))?;
                context::month_path(year, month)
            }
            Self::Archive => "/archive/".to_owned(),
            Self::Feed(format, None) => format!("/{}", format.file()),
            Self::Feed(format, Some(id)) => format!("/topics/{}/{}", site.topic(id)?.slug, format.file()),
            Self::Editions(form) => format!("/{}", form.file()),
            Self::Sitemap => "/sitemap.xml".to_owned(),
            Self::NewsSitemap => "/sitemap-news.xml".to_owned(),
            Self::Robots => "/robots.txt".to_owned(),
            Self::NotFound => "/404.html".to_owned(),
            Self::Front => "/".to_owned(),
        })
    }

    fn kind(self) -> Kind {
        match self {
            Self::Style => Kind::Css,
            Self::Icon => Kind::Svg,
            Self::Feed(FeedFormat::Rss, _) | Self::Editions(EditionsFeed::Rss) => Kind::Rss,
            Self::Feed(FeedFormat::Atom, _) | Self::Editions(EditionsFeed::Atom) => Kind::Atom,
            Self::Feed(FeedFormat::Json, _) => Kind::JsonFeed,
            Self::Sitemap | Self::NewsSitemap => Kind::Xml,
            Self::Robots => Kind::Text,
            Self::Withdrawn(_) => Kind::Gone,
            _ => Kind::Html,
        }
    }
}

/// Every page of the site, in the order in which they are laid down: what a page leads to comes before it.
pub fn pages(site: &Site) -> Vec<Page> {
    let mut pages = vec![Page::Style, Page::Icon];
    for article in site.newest().filter(|article| context::card(article).is_none()) {
        pages.push(Page::Article(article.id));
        if site.teaser(article).picture.is_some() {
            pages.push(Page::Picture(article.id));
        }
    }
    pages.extend(site.view.desk.withdrawn.iter().map(|gone| Page::Withdrawn(gone.article)));
    pages.extend(site.view.desk.pages.iter().map(|page| Page::Free(page.id)));
    for topic in &site.view.topics {
        pages.push(Page::Topic(topic.id));
        pages.extend(FeedFormat::EVERY.map(|format| Page::Feed(format, Some(topic.id))));
    }
    let days: BTreeSet<Date> = site.days().chain(site.editions().map(|(day, _)| day)).collect();
    pages.extend(days.into_iter().map(Page::Day));
    pages.extend(site.months().into_iter().map(|(year, month, _)| Page::Month(year, month)));
    pages.extend(FeedFormat::EVERY.map(|format| Page::Feed(format, None)));
    pages.extend(EditionsFeed::EVERY.map(Page::Editions));
    pages.extend([Page::Archive, Page::Sitemap, Page::NewsSitemap, Page::Robots, Page::NotFound, Page::Front]);
    pages
}

/// The pages on which an article stands: what is to be rendered anew when it is published or corrected. A headline that
/// changes also stands under later stories of its topic, and its day's neighbours lead to its day.
pub fn pages_touched_by(site: &Site, article: ArticleId) -> BTreeSet<Page> {
    let mut touched: BTreeSet<Page> =
        [Page::Front, Page::Archive, Page::Sitemap, Page::NewsSitemap].into_iter().collect();
    touched.extend(FeedFormat::EVERY.map(|format| Page::Feed(format, None)));
    touched.extend(EditionsFeed::EVERY.map(Page::Editions));
    let Some(article) = site.article(article) else { return touched };
    touched.insert(Page::Article(article.id));
    touched.insert(Page::Picture(article.id));
    for topic in site.topics_of(article) {
        touched.insert(Page::Topic(topic.id));
        touched.extend(FeedFormat::EVERY.map(|format| Page::Feed(format, Some(topic.id))));
        touched.extend(led_from(site, topic, article).map(|later| Page::Article(later.id)));
    }
    let day = site.day_of(article);
    touched.extend(beside(site, day).into_iter().flatten().chain([day]).map(Page::Day));
    let listed_in = site.view.editions.iter().filter(|edition| edition.line_up.contains(&article.id));
    touched.extend(listed_in.filter_map(|edition| edition.date.parse().ok()).map(Page::Day));
    let month = (day.year(), day.month());
    touched.extend(beside_month(site, month).into_iter().flatten().chain([month]).map(|(y, m)| Page::Month(y, m)));
    touched
}

/// Later stories whose pages lead to this one.
fn led_from<'a>(site: &'a Site, topic: &'a Topic, article: &'a Article) -> impl Iterator<Item = &'a Article> {
    site.of_topic(topic)
        .filter(|later| published(later).rank > published(article).rank)
        .filter(|later| site.earlier(later).is_some_and(|(_, earlier)| earlier.iter().any(|e| e.id == article.id)))
}

/// Every file of the site.
///
/// # Errors
/// As [`render`].
pub fn render_site(site: &Site) -> impl Iterator<Item = Result<PageFile, PressError>> {
    pages(site).into_iter().filter_map(|page| render(site, page).transpose())
}

/// One file of the site; `None` when the site holds no such page.
///
/// # Errors
/// [`PressError::Theme`] when a template fails, [`PressError::Body`] when an article cannot be read.
pub fn render(site: &Site, page: Page) -> Result<Option<PageFile>, PressError> {
    let Some(path) = page.path(site) else { return Ok(None) };
    let bytes = match page {
        Page::Style => theme::style().as_bytes().to_vec(),
        Page::Icon => icon(site)?,
        Page::Article(id) => article(site, found(site.article(id)))?,
        Page::Picture(id) => picture(site, found(site.article(id)))?,
        Page::Withdrawn(id) => withdrawn(site, found(site.withdrawn(id)))?,
        Page::Free(id) => free_page(site, found(site.free_page(id)))?,
        Page::Topic(id) => topic(site, found(site.topic(id)))?,
        Page::Day(day) => day_page(site, day)?,
        Page::Month(year, month) => month_page(site, year, month)?,
        Page::Archive => archive(site)?,
        Page::Feed(format, of) => {
            let encoded = of.and_then(|id| site.topic(id)).map(context::topic_path).unwrap_or_else(|| "/".to_owned());
            let topic = of.and_then(|id| site.topic(id));
            feeds::render(site, format, topic, &format!("{encoded}{}", format.file()))?
        }
        Page::Editions(form) => feeds::render_editions(site, form)?,
        Page::Sitemap => sitemap(site)?,
        Page::NewsSitemap => news_sitemap(site)?,
        Page::Robots => robots(site),
        Page::NotFound => not_found(site)?,
        Page::Front => front(site)?,
    };
    Ok(Some(PageFile { path, kind: page.kind(), bytes }))
}

/// An article that has a page here: a card has none.
fn paged(site: &Site, id: ArticleId) -> Option<&Article> {
    site.article(id).filter(|article| context::card(article).is_none())
}

fn found<T>(it: Option<T>) -> T {
    it.expect("Page::path answers only for what the site holds")
}

/// What every page's context has beside its own parts.
#[derive(Serialize)]
pub(crate) struct Whole<T: Serialize> {
    pub site: Outlet,
    pub page: Head,
    pub w: &'static Words,
    pub sign_up: SignUp,
    #[serde(flatten)]
    pub part: T,
}

/// Renders `template` for `part`, as bytes.
pub(crate) fn whole<T: Serialize>(site: &Site, template: &str, page: Head, part: T) -> Result<Vec<u8>, PressError> {
    whole_with(site, template, page, site.sign_up(), part)
}

/// Likewise, with a sign-up form of the caller's.
pub(crate) fn whole_with<T: Serialize>(
    site: &Site,
    template: &str,
    page: Head,
    sign_up: SignUp,
    part: T,
) -> Result<Vec<u8>, PressError> {
    let context = Whole { site: site.outlet(), page, w: site.words(), sign_up, part };
    Ok(theme::templates().render(template, context)?.into_bytes())
}

/// The head of a page in the outlet's language.
pub(crate) fn head(site: &Site, kind: &'static str, title: &str, here: String) -> Head {
    let outlet = &site.view.outlet;
    Head {
        kind,
        lang: outlet.language.clone(),
        dir: dir(&outlet.language),
        title: titled(site, title),
        description: String::new(),
        robots: "",
        canonical: Some(site.absolute(&here)),
        here,
    }
}

/// A story's own page is in the story's language, if anybody said which that is.
fn speak(page: &mut Head, story: &Teaser) {
    if story.lang != language::UNDETERMINED {
        page.lang.clone_from(&story.lang);
        page.dir = story.dir;
    }
}

/// "Headline · Outlet".
fn titled(site: &Site, title: &str) -> String {
    let outlet = text::line(&site.view.outlet.name);
    if title.is_empty() || title == outlet { outlet } else { format!("{title} · {outlet}") }
}

fn described(text: &str) -> String {
    text.chars().take(DESCRIPTION_CHARS_MAX).collect()
}

#[derive(Serialize)]
struct FrontPart {
    graph: Graph,
    today: Option<Today>,
    lead: Option<Teaser>,
    second: Vec<Teaser>,
    third: Vec<Teaser>,
    /// The class by which the grid knows how many columns there are.
    top_shape: &'static str,
    sections: Vec<Section>,
    blocks: Vec<Block>,
}

#[derive(Serialize)]
struct Today {
    date: String,
    label: String,
    href: String,
}

#[derive(Serialize)]
struct Section {
    title: String,
    href: Option<String>,
    stories: Vec<Teaser>,
}

fn front(site: &Site) -> Result<Vec<u8>, PressError> {
    let outlet = site.outlet();
    let today = site.days().next_back();
    let mut order: Vec<&Article> = today.map(|day| site.edition_order(day)).unwrap_or_default();
    let lined_up: BTreeSet<ArticleId> = order.iter().map(|article| article.id).collect();
    order.extend(site.newest().filter(|article| !lined_up.contains(&article.id)).take(FRONT_REACH));
    let mut used = BTreeSet::new();
    // An editor's lead leads; until one has chosen, a picture does.
    let chosen = today.and_then(|day| site.edition(day)).and_then(|edition| edition.lead);
    let lead = chosen.and_then(|id| site.article(id)).or_else(|| lead_of(site, &order));
    used.extend(lead.map(|article| article.id));
    let mut take = |count: usize| -> Vec<&Article> {
        let some: Vec<&Article> =
            order.iter().copied().filter(|article| !used.contains(&article.id)).take(count).collect();
        used.extend(some.iter().map(|article| article.id));
        some
    };
    let (second, third) = (take(SECOND_MAX), take(THIRD_MAX));
    let sections = sections(site, &order, &mut used, today);
    let fresh = |article: &Article| teaser_of_day(site, article, today);
    let teasers = |articles: Vec<&Article>| articles.into_iter().map(fresh).collect::<Vec<_>>();
    let mut page = head(site, "front", "", "/".to_owned());
    page.description = described(&outlet.tagline);
    let graph = Graph {
        kind: "website",
        title: outlet.name.clone(),
        url: site.absolute("/"),
        picture: None,
        json_ld: prose::Clean::json_ld(&json!({
            "@context": "https://schema.org",
            "@type": "NewsMediaOrganization",
            "name": outlet.name,
            "url": site.absolute("/"),
            "description": outlet.tagline,
        })),
    };
    let part = FrontPart {
        graph,
        today: today.map(|day| Today {
            date: day.to_string(),
            label: dates::weekday_and_day(day, &outlet.lang),
            href: context::day_path(day),
        }),
        lead: lead.map(fresh),
        top_shape: match (second.is_empty(), third.is_empty()) {
            (true, _) => "alone",
            (false, true) => "two",
            (false, false) => "three",
        },
        second: teasers(second),
        third: teasers(third),
        sections,
        blocks: site.blocks(),
    };
    whole(site, "front.html", page, part)
}

/// A teaser on a page of `day`, whose date goes without saying.
fn teaser_of_day(site: &Site, article: &Article, day: Option<Date>) -> Teaser {
    let mut teaser = site.teaser(article);
    if let Some(day) = day {
        let language = site.date_language(&teaser.lang);
        teaser.published_label = dates::recent(published(article).at, day, &site.zone, language);
    }
    teaser
}

/// The front page looks back this many stories beyond today's.
const FRONT_REACH: usize = 150;

/// The first story with a picture near the top of the line-up, else the first.
fn lead_of<'a>(site: &Site, order: &[&'a Article]) -> Option<&'a Article> {
    let pictured = |article: &&&Article| site.teaser(article).picture.is_some();
    order.iter().take(LEAD_REACH).find(pictured).or(order.first()).copied()
}

/// One section for each topic that has stories left, then one for those of no topic.
fn sections(site: &Site, order: &[&Article], used: &mut BTreeSet<ArticleId>, today: Option<Date>) -> Vec<Section> {
    let mut sections = Vec::new();
    for topic in &site.view.topics {
        let of_topic = order.iter().copied().filter(|article| article.revision.topics.has(topic.bit));
        let stories: Vec<&Article> =
            of_topic.filter(|article| !used.contains(&article.id)).take(SECTION_STORIES_MAX).collect();
        used.extend(stories.iter().map(|article| article.id));
        sections.push((Some(topic), stories));
    }
    let rest =
        order.iter().copied().filter(|article| !used.contains(&article.id) && site.topics_of(article).next().is_none());
    sections.push((None, rest.take(SECTION_STORIES_MAX).collect()));
    let full = sections.into_iter().filter(|(_, stories)| !stories.is_empty());
    full.map(|(topic, stories)| Section {
        title: topic.map_or_else(|| site.words().more_stories.to_owned(), |topic| text::line(&topic.title)),
        href: topic.map(context::topic_path),
        stories: pictured_first(stories.into_iter().map(|article| teaser_of_day(site, article, today)).collect()),
    })
    .collect()
}

/// A section opens with a picture when it has one near the top.
fn pictured_first(mut stories: Vec<Teaser>) -> Vec<Teaser> {
    if let Some(at) = stories.iter().take(LEAD_REACH).position(|story| story.picture.is_some()) {
        stories[..=at].rotate_right(1);
    }
    stories
}

#[derive(Serialize)]
struct ArticlePart {
    graph: Graph,
    story: Story,
    sw: StoryWords,
    earlier: Option<Section>,
    blocks: Vec<Block>,
}

fn article(site: &Site, article: &Article) -> Result<Vec<u8>, PressError> {
    let story = site.story(article)?;
    let here = context::article_path(article);
    let mut page = head(site, "article", &story.teaser.title, here.clone());
    speak(&mut page, &story.teaser);
    page.description = described(&story.teaser.standfirst);
    if let Some(original) = story.origin.as_ref().and_then(|origin| origin.url.clone()) {
        match site.view.republished {
            RepublishPolicy::Canonical => page.canonical = Some(original),
            RepublishPolicy::NoIndex => page.robots = "noindex",
            RepublishPolicy::None => {}
        }
    }
    let picture = story.teaser.picture.as_ref().map(|picture| GraphPicture {
        url: site.absolute(&picture.src),
        width: picture.width,
        height: picture.height,
        alt: picture.alt.clone(),
    });
    let graph = Graph {
        kind: "article",
        title: story.teaser.title.clone(),
        url: site.absolute(&here),
        picture,
        json_ld: prose::Clean::json_ld(&news_article(site, article, &story)),
    };
    let sw = site.story_words(&story.teaser.lang);
    let earlier = site.earlier(article).map(|(topic, stories)| Section {
        title: text::line(&topic.title),
        href: Some(context::topic_path(topic)),
        stories: stories.into_iter().map(|article| site.teaser(article)).collect(),
    });
    whole(site, "article.html", page, ArticlePart { graph, story, sw, earlier, blocks: site.blocks() })
}

/// schema.org's NewsArticle: who wrote it, where it first stood, under which terms.
fn news_article(site: &Site, article: &Article, story: &Story) -> Value {
    let url = site.absolute(&story.teaser.href);
    let mut it = json!({
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": story.teaser.title,
        "description": story.teaser.standfirst,
        "inLanguage": story.teaser.lang,
        "url": url,
        "mainEntityOfPage": url,
        "datePublished": dates::rfc3339(published(article).at),
        "dateModified": dates::rfc3339(changed(article)),
        "publisher": {
            "@type": "NewsMediaOrganization",
            "name": text::line(&site.view.outlet.name),
            "url": site.absolute("/"),
        },
        "isAccessibleForFree": true,
    });
    let mut put = |name: &str, value: Value| it[name] = value;
    if let Some(byline) = &story.teaser.byline {
        put("author", json!([{ "@type": "Person", "name": byline }]));
    }
    if let Some(outlet) = &story.teaser.outlet {
        put("creditText", json!(outlet));
        put("sourceOrganization", json!({ "@type": "NewsMediaOrganization", "name": outlet }));
    }
    if let Some(original) = story.origin.as_ref().and_then(|origin| origin.url.as_ref()) {
        put("isBasedOn", json!(original));
    }
    if let Some(licence) = &story.licence {
        put("license", json!(licence.url));
    }
    if !story.topics.is_empty() {
        put("articleSection", json!(story.topics.iter().map(|topic| &topic.title).collect::<Vec<_>>()));
    }
    if let Some(picture) = &story.teaser.picture {
        put(
            "image",
            json!({
                "@type": "ImageObject",
                "url": site.absolute(&picture.src),
                "width": picture.width,
                "height": picture.height,
                "caption": picture.caption,
                "creditText": picture.credit,
            }),
        );
    }
    it
}

#[derive(Serialize)]
struct PicturePart {
    story: Teaser,
    sw: StoryWords,
}

fn picture(site: &Site, article: &Article) -> Result<Vec<u8>, PressError> {
    let story = site.teaser(article);
    let mut page = head(site, "picture", &story.title, format!("{}picture/", story.href));
    speak(&mut page, &story);
    // The article is the page to find; this one only shows its picture.
    page.robots = "noindex";
    let sw = site.story_words(&story.lang);
    whole(site, "picture.html", page, PicturePart { story, sw })
}

#[derive(Serialize)]
struct WithdrawnPart {
    gone: Gone,
    sw: StoryWords,
}

#[derive(Serialize)]
struct Gone {
    title: String,
    lang: String,
    dir: &'static str,
    at: String,
    at_label: String,
    note: String,
}

/// What an article's address says after it was taken back.
fn withdrawn(site: &Site, of: &Withdrawn) -> Result<Vec<u8>, PressError> {
    let lang = language::tag(&of.language);
    let title = text::line(&of.title);
    let mut page = head(site, "room", &title, format!("/articles/{}/", text::segment(&of.slug)));
    page.robots = "noindex";
    page.canonical = None;
    let sw = site.story_words(&lang);
    let at_label = dates::minute(of.at, &site.zone, site.date_language(&lang));
    let gone = Gone { title, dir: dir(&lang), lang, at: dates::rfc3339(of.at), at_label, note: text::line(&of.note) };
    whole(site, "withdrawn.html", page, WithdrawnPart { gone, sw })
}

#[derive(Serialize)]
struct FreePart {
    heading: String,
    body: prose::Clean,
}

fn free_page(site: &Site, of: &FreePage) -> Result<Vec<u8>, PressError> {
    let document = prose::Document::from_json(&of.body).map_err(|_| PressError::Page(of.slug.clone()))?;
    let heading = text::line(&of.title);
    let mut page = head(site, "free", &heading, context::free_page_path(of));
    page.description = described(&document.first_words(40));
    whole(site, "free.html", page, FreePart { heading, body: document.to_html(prose::Pictures::Linked) })
}

#[derive(Serialize)]
struct TopicPart {
    topic: context::TopicLink,
    stories: Vec<Teaser>,
    more: bool,
}

fn topic(site: &Site, topic: &Topic) -> Result<Vec<u8>, PressError> {
    let link = context::topic_link(topic);
    let stories: Vec<Teaser> =
        site.of_topic(topic).take(TOPIC_STORIES_MAX).map(|article| site.teaser(article)).collect();
    let more = site.of_topic(topic).nth(TOPIC_STORIES_MAX).is_some();
    let page = head(site, "topic", &link.title, link.href.clone());
    whole(site, "topic.html", page, TopicPart { topic: link, stories, more })
}

#[derive(Serialize)]
struct DayPart {
    day: DayContext,
    stories: Vec<Teaser>,
}

#[derive(Serialize)]
struct DayContext {
    date: String,
    label: String,
    subject: Option<String>,
    previous: Option<Link>,
    next: Option<Link>,
    month: Link,
}

fn day_page(site: &Site, day: Date) -> Result<Vec<u8>, PressError> {
    let lang = &site.view.outlet.language;
    let label = dates::weekday_and_day(day, lang);
    let [previous, next] =
        beside(site, day).map(|day| day.map(|day| Link { href: context::day_path(day), label: dates::day(day, lang) }));
    let title = format!("{} {}", site.words().edition_of, dates::day(day, lang));
    let page = head(site, "day", &title, context::day_path(day));
    let subject = site.edition(day).map(|edition| text::line(&edition.subject)).filter(|subject| !subject.is_empty());
    let month =
        Link { href: context::month_path(day.year(), day.month()), label: dates::month(day.year(), day.month(), lang) };
    let stories = site.edition_order(day).into_iter().map(|article| teaser_of_day(site, article, Some(day))).collect();
    let day = DayContext { date: day.to_string(), label, subject, previous, next, month };
    whole(site, "day.html", page, DayPart { day, stories })
}

/// The days before and after on which something was published.
fn beside(site: &Site, day: Date) -> [Option<Date>; 2] {
    [site.days().rev().find(|other| *other < day), site.days().find(|other| *other > day)]
}

/// The months before and after in which something was published.
fn beside_month(site: &Site, month: (i16, i8)) -> [Option<(i16, i8)>; 2] {
    let months: Vec<(i16, i8)> = site.months().into_iter().map(|(year, month, _)| (year, month)).collect();
    [months.iter().copied().find(|other| *other < month), months.iter().rev().copied().find(|other| *other > month)]
}

#[derive(Serialize)]
struct MonthPart {
    month: MonthContext,
    days: Vec<MonthDay>,
}

#[derive(Serialize)]
struct MonthContext {
    label: String,
    count: String,
    previous: Option<Link>,
    next: Option<Link>,
}

#[derive(Serialize)]
struct MonthDay {
    number: i8,
    date: String,
    label: String,
    href: String,
    stories: Vec<Teaser>,
}

fn month_page(site: &Site, year: i16, month: i8) -> Result<Vec<u8>, PressError> {
    let lang = &site.view.outlet.language;
    let label = dates::month(year, month, lang);
    let days: Vec<MonthDay> = site
        .days()
        .rev()
        .filter(|day| (day.year(), day.month()) == (year, month))
        .map(|day| MonthDay {
            number: day.day(),
            date: day.to_string(),
            label: dates::weekday_of_month(day, lang),
            href: context::day_path(day),
            stories: site.of_day(day).map(|article| teaser_of_day(site, article, Some(day))).collect(),
        })
        .collect();
    let [previous, next] = beside_month(site, (year, month)).map(|other| {
        other.map(|(year, month)| Link {
            href: context::month_path(year, month),
            label: dates::month(year, month, lang),
        })
    });
    let page = head(site, "month", &label, context::month_path(year, month));
    let count = site.words().stories(days.iter().map(|day| day.stories.len()).sum());
    whole(site, "month.html", page, MonthPart { month: MonthContext { label, count, previous, next }, days })
}

#[derive(Serialize)]
struct ArchivePart {
    years: Vec<Year>,
}

#[derive(Serialize)]
struct Year {
    year: i16,
    months: Vec<YearMonth>,
}

#[derive(Serialize)]
struct YearMonth {
    href: String,
    label: String,
    count: String,
}

fn archive(site: &Site) -> Result<Vec<u8>, PressError> {
    let mut years: Vec<Year> = Vec::new();
    for (year, month, count) in site.months() {
        let entry = YearMonth {
            href: context::month_path(year, month),
            label: dates::month(year, month, &site.view.outlet.language),
            count: site.words().stories(count),
        };
        match years.last_mut() {
            Some(last) if last.year == year => last.months.push(entry),
            _ => years.push(Year { year, months: vec![entry] }),
        }
    }
    let page = head(site, "archive", site.words().archive, "/archive/".to_owned());
    whole(site, "archive.html", page, ArchivePart { years })
}

#[derive(Serialize)]
struct Nothing {}

fn not_found(site: &Site) -> Result<Vec<u8>, PressError> {
    let mut page = head(site, "room", site.words().not_found, String::new());
    page.robots = "noindex";
    page.canonical = None;
    whole(site, "not_found.html", page, Nothing {})
}

#[derive(Serialize)]
struct Place {
    url: String,
    changed: Option<String>,
}

fn sitemap(site: &Site) -> Result<Vec<u8>, PressError> {
    let place = |path: String, at: Option<i64>| Place { url: site.absolute(&path), changed: at.map(dates::rfc3339) };
    let mut places = vec![place("/".to_owned(), site.changed())];
    places.extend(
        site.view.topics.iter().map(|topic| place(context::topic_path(topic), site.of_topic(topic).map(changed).max())),
    );
    places.extend(site.months().into_iter().map(|(year, month, _)| place(context::month_path(year, month), None)));
    places.extend(
        own(site)
            .take(SITEMAP_ARTICLES_MAX)
            .map(|article| place(context::article_path(article), Some(changed(article)))),
    );
    Ok(theme::templates().render("sitemap.xml", json!({ "places": places }))?.into_bytes())
}

/// Articles whose own address is the one to find here: a sitemap names no page that names another as canonical.
fn own(site: &Site) -> impl Iterator<Item = &Article> {
    site.newest().filter(|article| {
        let original = article.revision.credit.canonical.as_deref().and_then(text::web_address);
        original.is_none() || (site.view.republished == RepublishPolicy::None && article.form == Form::Page)
    })
}

#[derive(Serialize)]
struct NewsPlace {
    url: String,
    lang: String,
    published: String,
    title: String,
}

fn news_sitemap(site: &Site) -> Result<Vec<u8>, PressError> {
    let newest = own(site).map(|article| published(article).at).max().unwrap_or_default();
    let places: Vec<NewsPlace> = own(site)
        .filter(|article| published(article).at > newest - NEWS_DAYS * DAY_MS)
        .take(NEWS_ARTICLES_MAX)
        .map(|article| NewsPlace {
            url: site.absolute(&context::article_path(article)),
            lang: language::tag(&article.revision.language),
            published: dates::rfc3339(published(article).at),
            title: site.title(article),
        })
        .collect();
    let context = json!({ "places": places, "outlet": site.outlet().name });
    Ok(theme::templates().render("news_sitemap.xml", context)?.into_bytes())
}

/// Nothing public is closed to robots; the pages that act on a press of a button are of no use to them.
fn robots(site: &Site) -> Vec<u8> {
    format!(
        "User-agent: *\nDisallow: /subscribe\nDisallow: /confirm/\nDisallow: /unsubscribe/\n\nSitemap: {}\nSitemap: {}\n",
        site.absolute("/sitemap.xml"),
        site.absolute("/sitemap-news.xml")
    )
    .into_bytes()
}

fn icon(site: &Site) -> Result<Vec<u8>, PressError> {
    let letter: String = initial(&text::line(&site.view.outlet.name)).into_iter().collect();
    Ok(theme::templates().render("icon.xml", json!({ "letter": letter }))?.into_bytes())
}

/// The first letter of the outlet's name after an English or French article: the letter people remember it by.
fn initial(name: &str) -> Option<char> {
    let lower = name.to_lowercase();
    let article = ["the ", "le ", "la ", "el "].into_iter().find(|article| lower.starts_with(article));
    let rest = article.and_then(|article| name.get(article.len()..)).unwrap_or(name);
    rest.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().next().unwrap_or(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlet_is_remembered_by_its_noun() {
        assert_eq!(initial("The Lantern"), Some('L'));
        assert_eq!(initial("الفنار"), Some('ا'));
        assert_eq!(initial("…"), None);
    }
}
