//! The site as the press sees it: the outlet, its topics and what it published, in the newsroom's words.
//!
//! [`SiteView`] is what a caller fills in; [`Site`] is the same put in order once: newest first, by topic, by local day.
//! It reads no clock: what is "today" is the day of the newest story.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::Date, tz::TimeZone};
use newsroom::{
    Article, ArticleId, ArticleState, CorrectionNote, FreePage, HouseBlock, Ms, Outlet, PageId, Published, Topic,
    TopicId, Withdrawn,
};

use crate::{PressError, context, dates, language, text, words};

/// The outlet, as its pages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutletView {
    /// Its name, for the nameplate.
    pub name: String,
    /// One line under the name.
    pub tagline: String,
    /// The site's address: scheme, host and port, nothing after (`https://outlet.example`).
    pub url: String,
    /// The language of the page's own words, BCP 47.
    pub language: String,
    /// IANA name of the zone in which its days begin.
    pub zone: String,
}

/// The sign-up block in the outlet's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUpWords {
    /// The heading: what one gets.
    pub heading: String,
    /// What is promised, in a sentence or two.
    pub promise: String,
    /// The word on the button.
    pub button: String,
    /// What happens with the address, under the button.
    pub privacy: String,
}

impl OutletView {
    /// The outlet as its settings say.
    pub fn of(outlet: &Outlet) -> Self {
        Self {
            name: outlet.name.clone(),
            tagline: outlet.tagline.clone(),
            url: outlet.site.clone(),
            language: outlet.language.clone(),
            zone: outlet.zone.clone(),
        }
    }
}

impl SignUpWords {
    /// The outlet's invitation, with the theme's words around it in the outlet's language.
    pub fn of(outlet: &Outlet) -> Self {
        let words = words::words(&outlet.language);
        Self {
            heading: words.the_edition_by_mail.to_owned(),
            promise: outlet.invitation.clone(),
            button: words.sign_up.to_owned(),
            privacy: words.address_promise.to_owned(),
        }
    }
}

/// What the page of a republished article tells search engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepublishPolicy {
    /// The original is the one to list: `rel=canonical` leads there.
    #[default]
    Canonical,
    /// Ours is not to be listed at all: `robots: noindex`.
    NoIndex,
    /// Ours stands for itself.
    None,
}

/// The edition that was cut for a local date: the editors' order for that day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayEdition {
    /// The outlet's local date, `YYYY-MM-DD`, as `newsroom::Edition` keeps it.
    pub date: String,
    /// Its subject line.
    pub subject: String,
    /// Its line-up, first story first.
    pub line_up: Vec<ArticleId>,
    /// The lead, when an editor chose it: it stands first, whether it has a picture or not.
    pub lead: Option<ArticleId>,
}

/// What members add to what is gathered: the outlet's own pages, and what readers are told of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeskView {
    /// The outlet's own pages; only the public ones are shown.
    pub pages: Vec<FreePage>,
    /// What readers are told of changes to an article, in the order they were made.
    pub corrections: BTreeMap<ArticleId, Vec<CorrectionNote>>,
    /// Articles that were taken back: their addresses say so.
    pub withdrawn: Vec<Withdrawn>,
}

/// Everything the public site is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteView {
    /// The outlet.
    pub outlet: OutletView,
    /// Its topics, in the order of the navigation.
    pub topics: Vec<Topic>,
    /// Its articles; only the published ones are shown, in whatever order they come.
    pub articles: Vec<Article>,
    /// The editions it cut, in whatever order they come.
    pub editions: Vec<DayEdition>,
    /// The house blocks that stand on the site now.
    pub blocks: Vec<HouseBlock>,
    /// The sign-up block.
    pub sign_up: SignUpWords,
    /// What pages of republished articles tell search engines.
    pub republished: RepublishPolicy,
    /// What members add.
    pub desk: DeskView,
}

/// A [`SiteView`] put in order, from which every page is rendered.
#[derive(Debug)]
pub struct Site {
    pub(crate) view: SiteView,
    pub(crate) zone: TimeZone,
    /// The site's origin with no slash behind.
    pub(crate) origin: String,
    /// Places in `view.articles`, newest first.
    newest: Vec<usize>,
    by_id: BTreeMap<ArticleId, usize>,
    /// Places in `newest`, by the local day of publishing.
    days: BTreeMap<Date, Vec<usize>>,
    editions: BTreeMap<Date, DayEdition>,
}

impl Site {
    /// Puts `view` in order. Articles that are not published, and names that are no segment of an address, are left out.
    ///
    /// # Errors
    /// [`PressError::Outlet`] when the outlet's address or zone is none.
    pub fn new(mut view: SiteView) -> Result<Self, PressError> {
        let zone = TimeZone::get(&view.outlet.zone)
            .map_err(|_| PressError::Outlet(format!("there is no time zone named {:?}", view.outlet.zone)))?;
        let origin = origin(&view.outlet.url)?;
        view.outlet.language = language::tag(&view.outlet.language);
        view.topics.retain(|topic| text::is_segment(&topic.slug));
        view.articles.retain(|article| {
            article.state == ArticleState::Published && article.published.is_some() && text::is_segment(&article.slug)
        });
        view.desk.pages.retain(|page| page.public && text::is_segment(&page.slug));
        view.desk.withdrawn.retain(|gone| text::is_segment(&gone.slug));
        let mut newest: Vec<usize> = (0..view.articles.len()).collect();
        newest.sort_by_key(|&at| std::cmp::Reverse((published(&view.articles[at]).rank, view.articles[at].id)));
        let mut days: BTreeMap<Date, Vec<usize>> = BTreeMap::new();
        for (place, &at) in newest.iter().enumerate() {
            days.entry(dates::local_date(published(&view.articles[at]).at, &zone)).or_default().push(place);
        }
        let by_id = view.articles.iter().enumerate().map(|(at, article)| (article.id, at)).collect();
        let editions = view
            .editions
            .iter()
            .filter_map(|edition| Some((edition.date.parse::<Date>().ok()?, edition.clone())))
            .collect();
        Ok(Self { view, zone, origin, newest, by_id, days, editions })
    }

    /// Every published article, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Article> {
        self.newest.iter().map(|&at| &self.view.articles[at])
    }

    /// A published article.
    pub(crate) fn article(&self, id: ArticleId) -> Option<&Article> {
        self.by_id.get(&id).map(|&at| &self.view.articles[at])
    }

    /// A free page.
    pub(crate) fn free_page(&self, id: PageId) -> Option<&FreePage> {
        self.view.desk.pages.iter().find(|page| page.id == id)
    }

    /// The free pages of the menu, in its order.
    pub(crate) fn menu(&self) -> Vec<&FreePage> {
        let mut menu: Vec<&FreePage> = self.view.desk.pages.iter().filter(|page| page.menu.is_some()).collect();
        menu.sort_by_key(|page| (page.menu, page.id));
        menu
    }

    /// An article that was taken back.
    pub(crate) fn withdrawn(&self, id: ArticleId) -> Option<&Withdrawn> {
        self.view.desk.withdrawn.iter().find(|gone| gone.article == id)
    }

    /// What readers are told of changes to an article.
    pub(crate) fn corrections(&self, id: ArticleId) -> &[CorrectionNote] {
        self.view.desk.corrections.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The outlet's topic of this id.
    pub(crate) fn topic(&self, id: TopicId) -> Option<&Topic> {
        self.view.topics.iter().find(|topic| topic.id == id)
    }

    /// The topics an article belongs to, in the navigation's order.
    pub(crate) fn topics_of(&self, article: &Article) -> impl Iterator<Item = &Topic> {
        let topics = article.revision.topics;
        self.view.topics.iter().filter(move |topic| topics.has(topic.bit))
    }

    /// The published articles of a topic, newest first.
    pub(crate) fn of_topic(&self, topic: &Topic) -> impl Iterator<Item = &Article> {
        let bit = topic.bit;
        self.newest().filter(move |article| article.revision.topics.has(bit))
    }

    /// Every local day on which something was published, oldest first.
    pub(crate) fn days(&self) -> impl DoubleEndedIterator<Item = Date> {
        self.days.keys().copied()
    }

    /// What was published on a local day, newest first.
    pub(crate) fn of_day(&self, day: Date) -> impl Iterator<Item = &Article> {
        self.days.get(&day).into_iter().flatten().map(|&place| &self.view.articles[self.newest[place]])
    }

    /// How much was published on a local day.
    pub(crate) fn count_of_day(&self, day: Date) -> usize {
        self.days.get(&day).map_or(0, Vec::len)
    }

    /// The edition cut for a local day.
    pub(crate) fn edition(&self, day: Date) -> Option<&DayEdition> {
        self.editions.get(&day)
    }

    /// The editions, the newest first.
    pub(crate) fn editions(&self) -> impl Iterator<Item = (Date, &DayEdition)> {
        self.editions.iter().rev().map(|(day, edition)| (*day, edition))
    }

    /// A day's stories as its edition lined them up, then the rest of that day, newest first.
    pub(crate) fn edition_order(&self, day: Date) -> Vec<&Article> {
        let line_up = self.edition(day).map(|edition| edition.line_up.as_slice()).unwrap_or_default();
        let mut order: Vec<&Article> = Vec::new();
        for article in line_up.iter().filter_map(|&id| self.article(id)).chain(self.of_day(day)) {
            if !order.iter().any(|seen| seen.id == article.id) {
                order.push(article);
            }
        }
        order
    }

    /// The local day on which an article was published.
    pub(crate) fn day_of(&self, article: &Article) -> Date {
        dates::local_date(published(article).at, &self.zone)
    }

    /// The months in which something was published, newest first: year, month, how much.
    pub(crate) fn months(&self) -> Vec<(i16, i8, usize)> {
        let mut months: Vec<(i16, i8, usize)> = Vec::new();
        for (day, places) in self.days.iter().rev() {
            match months.last_mut() {
                Some((year, month, count)) if (*year, *month) == (day.year(), day.month()) => *count += places.len(),
                _ => months.push((day.year(), day.month(), places.len())),
            }
        }
        months
    }

    /// The stories of the article's first topic that were already out when it was published, newest first. They never
    /// change when something new is published, so that a new story touches no old page.
    pub(crate) fn earlier(&self, article: &Article) -> Option<(&Topic, Vec<&Article>)> {
        /// A page offers a few ways on, not a second front page.
        const EARLIER_MAX: usize = 3;
        let topic = self.topics_of(article).next()?;
        let rank = published(article).rank;
        let earlier: Vec<&Article> =
            self.of_topic(topic).filter(|other| published(other).rank < rank).take(EARLIER_MAX).collect();
        (!earlier.is_empty()).then_some((topic, earlier))
    }

    /// The file names of every picture that a page shows.
    pub fn picture_files(&self) -> BTreeSet<String> {
        let pictures = self.view.articles.iter().filter_map(|article| article.revision.picture.as_ref());
        pictures.map(|picture| picture.file.clone()).filter(|file| context::is_picture_file(file)).collect()
    }

    /// When the site last changed: the newest revision or publication.
    pub(crate) fn changed(&self) -> Option<Ms> {
        self.view.articles.iter().map(changed).max()
    }
}

/// When an article last changed for readers.
pub(crate) fn changed(article: &Article) -> Ms {
    article.revision.made.max(published(article).at)
}

/// When an article was published. [`Site`] holds no other.
pub(crate) fn published(article: &Article) -> Published {
    article.published.expect("Site::new keeps only articles that were published")
}

/// Scheme, host and port of the outlet's address.
fn origin(address: &str) -> Result<String, PressError> {
    let fault = || PressError::Outlet(format!("{address:?} is no site address such as https://outlet.example"));
    let url = url::Url::parse(address).map_err(|_| fault())?;
    if !matches!(url.scheme(), "http" | "https") || url.path() != "/" || url.query().is_some() {
        return Err(fault());
    }
    Ok(url.origin().ascii_serialization())
}
