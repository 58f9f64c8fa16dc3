//! Everything an edition is made from, read at one moment: what was lined up, what was published since, the envelope, the
//! blocks. One cohort's mail is a pure function of it.

use newsroom::{
    Article, ArticleId, ArticleState, Cohort, CohortId, CohortKey, DepartureId, EditionKind, Envelope, HouseBlock,
    LINE_UP_MAX, LineUpEntry, Ms, Outlet, Topic,
};
use store::editions::Rendered;
use store::envelope::{self, Taken};
use store::{Read, Store, articles, blocks, line_up, settings, slots, topics};

use crate::cut::{CutFault, Leaving, Wish, stories_for};
use crate::mail::{DraftFault, EditionDraft, draft};
use crate::view;

/// The setting that says what an edition is filled with beside what is lined up.
pub const FILL_SETTING: &str = "edition.fill";
/// Its values: everything published since the last edition (the default), or nothing.
pub const FILLS: [&str; 2] = ["all", "lined_up"];
/// The setting that says how many stories a copy carries at most.
pub const STORIES_SETTING: &str = "edition.stories";
/// Its default: twenty teasers stay well under the 60 kB at which an editor should be told.
pub const STORIES_DEFAULT: &str = "20";
/// Its limit: more is no digest.
pub const STORIES_MAX: i64 = 40;
/// An edition has a few dozen cohorts; their subjects are few.
const LAST_SUBJECTS_MAX: i64 = 200;

/// Everything an edition is made from.
pub(crate) struct Materials {
    pub(crate) outlet: Outlet,
    pub(crate) wish: Wish,
    /// For whom.
    pub(crate) leaving: Leaving,
    /// What may be in a copy, first to last.
    pub(crate) line_up: Vec<(LineUpEntry, Article)>,
    /// How many of the first entries stand in an order that a person chose.
    pub(crate) ordered: usize,
    pub(crate) topics: Vec<Topic>,
    pub(crate) taken: Taken,
    pub(crate) blocks: Vec<HouseBlock>,
    pub(crate) last_subjects: Vec<String>,
    pub(crate) stories_max: usize,
}

impl Materials {
    /// What an edition would be made from at `now`, for readers who have seen at least everything up to `lowest`.
    pub(crate) async fn read(
        store: &Store,
        outlet: &Outlet,
        wish: Wish,
        leaving: Leaving,
        lowest: i64,
        now: Ms,
    ) -> Result<Self, store::Error> {
        let outlet = outlet.clone();
        store
            .read(move |tx| {
                let (newsletter, date) = (wish.newsletter.id, wish.date.to_string());
                // The line-up and the envelope are the daily edition's; a weekly one holds what was new in its week.
                let daily = wish.kind == EditionKind::Daily;
                let next = line_up::of(tx, newsletter)?;
                let mut chosen = Chosen::default();
                for entry in next.open_for(&date).filter(|_| daily) {
                    chosen.add(articles::by_id(tx, entry.article)?, entry.rank);
                }
                let ordered = if next.ordered_by.is_empty() { 0 } else { chosen.stories.len() };
                chosen.fill(tx, &wish, leaving.closed_at(), lowest)?;
                let lead = chosen.stories.first().filter(|_| ordered > 0).map(|(article, _)| article.id);
                let envelope = if daily { envelope::of(tx, newsletter)?.open_for(&date) } else { Envelope::default() };
                Ok(Self {
                    line_up: chosen.in_order(ordered, &outlet.language),
                    ordered,
                    topics: topics::list(tx)?,
                    taken: Taken { envelope, lead },
                    blocks: blocks_at(tx, now)?,
                    last_subjects: envelope::last_subjects(tx, newsletter, &date, LAST_SUBJECTS_MAX)?,
                    stories_max: stories_max(tx)?,
                    outlet,
                    wish,
                    leaving,
                })
            })
            .await
    }

    /// The subject that the edition is known by.
    pub(crate) fn subject(&self) -> String {
        let headlines = self.line_up.iter().map(|(_, article)| article.revision.title.as_str());
        let names = [self.wish.newsletter.title.as_str(), self.outlet.name.as_str()];
        let date = self.wish.date.to_string();
        crate::mail::choose_subject(&self.taken.envelope.subject, headlines, names, &self.last_subjects, &date)
    }

    /// Which stories are new to the readers of `key` and of their topics, by position: those of a copy, and how many more.
    fn stories(&self, key: &CohortKey) -> (Vec<i64>, usize) {
        let mut stories = stories_for(key, self.line_up.iter().map(|(entry, _)| entry));
        let more = stories.len().saturating_sub(self.stories_max);
        stories.truncate(self.stories_max);
        (stories, more)
    }

    /// Drafts the mail of a cohort's copies. A mail that would be too long loses its last stories, and says so.
    pub(crate) fn draft(&self, key: &CohortKey) -> Result<Option<Drafted>, DraftFault> {
        let (mut stories, mut more) = self.stories(key);
        while !stories.is_empty() {
            match draft(&self.view(key, &stories, more), key.format) {
                Err(DraftFault::TooLong { .. }) if stories.len() > 1 => {
                    stories.pop();
                    more += 1;
                }
                drafted => return drafted.map(|mail| Some(Drafted { mail, stories, more })),
            }
        }
        Ok(None)
    }

    pub(crate) fn view(&self, key: &CohortKey, stories: &[i64], more: usize) -> crate::mail::EditionView {
        let held = self.line_up.iter().filter(|(entry, _)| stories.contains(&entry.position));
        let held: Vec<Article> = held.map(|(_, article)| article.clone()).collect();
        let by_hand = stories.first().is_some_and(|first| usize::try_from(*first).is_ok_and(|at| at < self.ordered));
        // A reader's own language leads, when there is a story in it and no person chose another.
        let held = if by_hand { held } else { lead_first(held, &key.language) };
        view::edition(self, &key.language, &held, more)
    }

    /// One cohort's mail.
    pub(crate) fn render(&self, departure: DepartureId, id: CohortId, key: CohortKey) -> Result<Rendered, CutFault> {
        let Some(drafted) = self.draft(&key)? else {
            // Nobody gets this mail; the cohort only counts its readers.
            let cohort = Cohort { id, subject: String::new(), body: Vec::new() };
            return Ok(Rendered { key, cohort, stories: Vec::new() });
        };
        let cohort = self.cohort(departure, id, &drafted.mail)?;
        Ok(Rendered { key, cohort, stories: drafted.stories })
    }

    /// A drafted mail made up for sending.
    pub(crate) fn cohort(
        &self,
        departure: DepartureId,
        id: CohortId,
        drafted: &EditionDraft,
    ) -> Result<Cohort, CutFault> {
        let made = view::make_up(&self.outlet, &self.wish.newsletter, departure, id, drafted)?;
        Ok(Cohort { id, subject: drafted.subject.clone(), body: made.to_bytes() })
    }
}

/// A cohort's mail, drafted.
pub(crate) struct Drafted {
    pub(crate) mail: EditionDraft,
    /// Positions in the line-up of the stories it holds.
    pub(crate) stories: Vec<i64>,
    /// How many more are on the site alone.
    pub(crate) more: usize,
}

/// The blocks that stand in mail at `now`.
pub(crate) fn blocks_at(tx: &Read, now: Ms) -> store::Result<Vec<HouseBlock>> {
    Ok(blocks::running(tx, now)?.into_iter().filter(|block| block.in_mail(now)).collect())
}

/// How many stories a copy carries at most. A kept value was checked when it was set; another one is not believed.
pub(crate) fn stories_max(tx: &Read) -> store::Result<usize> {
    let kept = settings::get(tx, STORIES_SETTING)?.and_then(|text| text.parse::<i64>().ok());
    let default = STORIES_DEFAULT.parse().expect("the default is a number");
    let stories = kept.filter(|n| (1..=STORIES_MAX).contains(n)).unwrap_or(default);
    Ok(usize::try_from(stories).expect("a small number"))
}

/// The stories of an edition, each with the rank it counts with.
#[derive(Default)]
struct Chosen {
    stories: Vec<(Article, i64)>,
}

impl Chosen {
    /// Takes an article that is still published, once.
    fn add(&mut self, article: Option<Article>, rank: Option<i64>) {
        let Some(article) = article.filter(|a| a.state == ArticleState::Published) else { return };
        let Some(published) = article.published else { return };
        if !self.holds(article.id) {
            self.stories.push((article, rank.unwrap_or(published.rank)));
        }
    }

    fn holds(&self, article: ArticleId) -> bool {
        self.stories.iter().any(|(held, _)| held.id == article)
    }

    /// Behind what is lined up comes what was published since, unless a setting says that only what is lined up counts;
    /// and what earlier editions took and some reader due has not seen, because their copy never left. What was published
    /// after the line-up closed waits for the next edition.
    fn fill(&mut self, tx: &Read, wish: &Wish, closed_at: Option<Ms>, lowest: i64) -> store::Result<()> {
        let limit = i64::try_from(LINE_UP_MAX).expect("a small number");
        let mut rest = Self::default();
        if settings::get(tx, FILL_SETTING)?.as_deref() != Some(FILLS[1]) {
            let below = closed_at.map(|at| slots::rank_at(tx, at)).transpose()?.map_or(i64::MAX, |rank| rank + 1);
            let published = articles::published(tx, below, limit)?.into_iter();
            let new = published.filter(|a| a.published.is_some_and(|p| p.rank > lowest) && !self.holds(a.id));
            new.for_each(|article| rest.add(Some(article), None));
        }
        for (article, rank) in line_up::taken_earlier(tx, wish.newsletter.id, lowest, limit)? {
            if !self.holds(article) && !rest.holds(article) {
                rest.add(articles::by_id(tx, article)?, Some(rank));
            }
        }
        rest.stories.sort_by_key(|(article, rank)| std::cmp::Reverse((*rank, article.id)));
        self.stories.append(&mut rest.stories);
        self.stories.truncate(LINE_UP_MAX);
        Ok(())
    }

    fn in_order(self, ordered: usize, language: &str) -> Vec<(LineUpEntry, Article)> {
        let mut stories = self.stories;
        if ordered == 0
            && let Some(lead) = lead_of(stories.iter().map(|(article, _)| article), language)
        {
            stories[..=lead].rotate_right(1);
        }
        let entry = |position, article: Article, rank| {
            let (number, topics) = (article.revision.number, article.revision.topics);
            (LineUpEntry { position, article: article.id, revision: number, rank, topics }, article)
        };
        (0..).zip(stories).map(|(position, (article, rank))| entry(position, article, rank)).collect()
    }
}

/// Puts a lead first, as long as no editor has: the first story with a picture in `language`, else the first with a
/// picture, else the first.
fn lead_first(mut stories: Vec<Article>, language: &str) -> Vec<Article> {
    if let Some(lead) = lead_of(stories.iter(), language) {
        stories[..=lead].rotate_right(1);
    }
    stories
}

fn lead_of<'a>(stories: impl Iterator<Item = &'a Article> + Clone, language: &str) -> Option<usize> {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_lowercase();
    let pictured = |a: &Article| a.revision.picture.is_some();
    let spoken = |a: &Article| pictured(a) && primary(&a.revision.language) == primary(language);
    stories.clone().position(spoken).or_else(|| stories.clone().position(pictured))
}
