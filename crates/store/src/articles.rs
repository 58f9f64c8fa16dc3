//! Articles and their revisions.

use newsroom::{
    Article, ArticleId, ArticleState, Credit, Form, ItemId, Licence, Ms, PictureId, PictureUse, Published, Revision,
    Topics,
};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

macro_rules! article_columns {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.slug, a.state, a.item, a.published_at, a.rank, a.source_date, v.number, v.title, v.standfirst,
       v.language, v.byline, v.outlet, v.canonical, v.licence, v.picture, v.alt, v.caption, v.picture_credit,
       v.topics, v.body, v.made, p.width, p.height, p.file, a.form ",
            $rest
        )
    };
}

const BY_ID: &str = article_columns!(
    "FROM article AS a
     JOIN revision AS v ON v.article = a.id AND v.number = a.revision
     LEFT JOIN picture AS p ON p.id = v.picture
     WHERE a.id = $1"
);
const BY_CANONICAL: &str = article_columns!(
    "FROM article AS a
     JOIN revision AS v ON v.article = a.id AND v.number = a.revision
     LEFT JOIN picture AS p ON p.id = v.picture
     WHERE v.canonical = $1
     ORDER BY a.id
     LIMIT 1"
);
const AT_REVISION: &str = article_columns!(
    "FROM article AS a
     JOIN revision AS v ON v.article = a.id AND v.number = $2
     LEFT JOIN picture AS p ON p.id = v.picture
     WHERE a.id = $1"
);
const PUBLISHED: &str = article_columns!(
    "FROM article AS a
     JOIN revision AS v ON v.article = a.id AND v.number = a.revision
     LEFT JOIN picture AS p ON p.id = v.picture
     WHERE a.state = 1 AND a.rank < $1
     ORDER BY a.rank DESC
     LIMIT $2"
);
const ADD: &str =
    sql!("INSERT INTO article (id, slug, state, item, source_date, revision, form) VALUES ($1, $2, 0, $3, $4, 1, $5)");
const ADD_REVISION: &str = sql!(
    "INSERT INTO revision (article, number, title, standfirst, language, byline, outlet, canonical, licence, picture,
       alt, caption, picture_credit, topics, body, made)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
);
const POINT: &str = sql!("UPDATE article SET revision = $2 WHERE id = $1");
const KNOWN_BY: &str = sql!(
    "SELECT e.id, e.subject, v.title
     FROM line_up AS l
     JOIN departure AS d ON d.id = l.departure
     JOIN edition AS e ON e.id = d.edition
     JOIN departure_envelope AS w ON w.departure = d.id AND w.subject = ''
     JOIN revision AS v ON v.article = l.article AND v.number >= l.revision
     WHERE l.article = $1
     ORDER BY e.id, v.number"
);
const KNOWN_AS: &str = sql!("UPDATE edition SET subject = $2 WHERE id = $1");
const NEXT_RANK: &str = sql!(
    "INSERT INTO counter (name, value) VALUES ('rank', 1)
     ON CONFLICT (name) DO UPDATE SET value = counter.value + 1
     RETURNING value"
);
const PUBLISH: &str =
    sql!("UPDATE article SET state = 1, published_at = $2, rank = $3 WHERE id = $1 AND published_at IS NULL");
const WITHDRAW: &str = sql!("UPDATE article SET state = 2 WHERE id = $1 AND state = 1");
const COUNT: &str = sql!("SELECT count(*) FROM article WHERE state = 1");

fn article(row: &Row) -> Article {
    let side = |i| u32::try_from(row.int(i)).expect("a side of a picture fits 32 bits");
    let id = ArticleId(row.int(0));
    let picture = row.int_or_none(15).map(|picture| PictureUse {
        picture: PictureId(picture),
        alt: row.text_or_none(16).unwrap_or_default(),
        caption: row.text_or_none(17),
        credit: row.text_or_none(18),
        width: side(22),
        height: side(23),
        file: row.text(24),
    });
    let credit = Credit {
        byline: row.text_or_none(11),
        outlet: row.text_or_none(12),
        canonical: row.text_or_none(13),
        licence: row.text_or_none(14).map(|url| Licence { url }),
        picture: row.text_or_none(18).filter(|_| picture.is_none()),
    };
    let published = row.int_or_none(4).map(|at| Published { at, rank: row.int(5), source_date: row.int_or_none(6) });
    Article {
        id,
        slug: row.text(1),
        state: match row.int(2) {
            0 => ArticleState::Draft,
            1 => ArticleState::Published,
            _ => ArticleState::Withdrawn,
        },
        form: Form::from_raw(row.int(25)),
        item: row.int_or_none(3).map(ItemId),
        published,
        revision: Revision {
            article: id,
            number: row.int(7),
            title: row.text(8),
            standfirst: row.text(9),
            language: row.text(10),
            credit,
            picture,
            topics: Topics::from_raw(row.int(19)),
            body: row.text(20),
            made: row.int(21),
        },
    }
}

fn add_revision(tx: &Write, v: &Revision) -> Result<()> {
    let picture = v.picture.as_ref();
    tx.execute(
        ADD_REVISION,
        args![
            v.article.0,
            v.number,
            &v.title,
            &v.standfirst,
            &v.language,
            v.credit.byline.clone(),
            v.credit.outlet.clone(),
            v.credit.canonical.clone(),
            v.credit.licence.as_ref().map(|l| l.url.clone()),
            picture.map(|p| p.picture.0),
            picture.map(|p| p.alt.clone()),
            picture.and_then(|p| p.caption.clone()),
            picture.map_or_else(|| v.credit.picture.clone(), |p| p.credit.clone()),
            v.topics.raw(),
            &v.body,
            v.made
        ],
    )?;
    Ok(())
}

/// Adds a draft with its first revision: a whole page.
///
/// # Errors
/// [`crate::Error`].
pub fn add(tx: &Write, slug: &str, item: Option<ItemId>, source_date: Option<Ms>, first: &Revision) -> Result<()> {
    add_as(tx, Form::Page, slug, item, source_date, first)
}

/// Adds a draft in a form of its own. A card leads to its canonical address, so that it must have one.
///
/// # Errors
/// [`crate::Error`].
///
/// # Panics
/// When a card leads nowhere.
pub fn add_as(
    tx: &Write,
    form: Form,
    slug: &str,
    item: Option<ItemId>,
    source_date: Option<Ms>,
    first: &Revision,
) -> Result<()> {
    assert_eq!(first.number, 1, "the first revision is number 1");
    assert!(form == Form::Page || first.credit.canonical.is_some(), "a card leads to its canonical address");
    tx.execute(ADD, args![first.article.0, slug, item.map(|i| i.0), source_date, form as i64])?;
    add_revision(tx, first)
}

/// Adds a revision and makes it the current one. Its number must be the next.
///
/// # Errors
/// [`crate::Error`], also when another revision of that number was made meanwhile.
pub fn revise(tx: &Write, next: &Revision) -> Result<()> {
    add_revision(tx, next)?;
    tx.execute(POINT, args![next.article.0, next.number])?;
    editions_follow(tx, next)
}

/// An edition that is known by this article's headline is known by the new one. What its mails said stays with them.
fn editions_follow(tx: &Write, next: &Revision) -> Result<()> {
    for row in tx.query(KNOWN_BY, args![next.article.0])? {
        let (id, subject, was) = (row.int(0), row.text(1), row.text(2));
        // A long headline stands there shortened; one that yesterday's edition had too, with its date behind it.
        let short = subject.strip_suffix('…').is_some_and(|begun| was.starts_with(begun.trim_end()));
        let date = subject.strip_prefix(&was).filter(|rest| rest.is_empty() || rest.starts_with(" · "));
        let date = date.or(short.then_some("")).filter(|_| was != next.title);
        if let Some(date) = date {
            tx.execute(KNOWN_AS, args![id, format!("{}{date}", next.title)])?;
        }
    }
    Ok(())
}

/// The next rank: never given twice, never falling.
pub(crate) fn next_rank(tx: &Write) -> Result<i64> {
    Ok(tx.first(NEXT_RANK, args![])?.expect("RETURNING gives the row").int(0))
}

/// Publishes a draft: it gets the next rank. `None` when it was published before.
///
/// # Errors
/// [`crate::Error`].
pub fn publish(tx: &Write, id: ArticleId, now: Ms) -> Result<Option<i64>> {
    let rank = next_rank(tx)?;
    Ok((tx.execute(PUBLISH, args![id.0, now, rank])? == 1).then_some(rank))
}

/// Takes a published article back. `false` when it is not published.
///
/// # Errors
/// [`crate::Error`].
pub fn withdraw(tx: &Write, id: ArticleId) -> Result<bool> {
    Ok(tx.execute(WITHDRAW, args![id.0])? == 1)
}

/// An article by its id.
///
/// # Errors
/// [`crate::Error`].
pub fn by_id(tx: &Read, id: ArticleId) -> Result<Option<Article>> {
    Ok(tx.first(BY_ID, args![id.0])?.as_ref().map(article))
}

/// The article that first stood at `url`, if we have it.
///
/// # Errors
/// [`crate::Error`].
pub fn by_canonical(tx: &Read, url: &str) -> Result<Option<Article>> {
    Ok(tx.first(BY_CANONICAL, args![url])?.as_ref().map(article))
}

/// An article as it stood at one revision.
///
/// # Errors
/// [`crate::Error`].
pub fn at_revision(tx: &Read, id: ArticleId, revision: i64) -> Result<Option<Article>> {
    Ok(tx.first(AT_REVISION, args![id.0, revision])?.as_ref().map(article))
}

/// Published articles below a rank, the newest first: pages by key, start with `i64::MAX`.
///
/// # Errors
/// [`crate::Error`].
pub fn published(tx: &Read, below_rank: i64, limit: i64) -> Result<Vec<Article>> {
    Ok(tx.query(PUBLISHED, args![below_rank, limit])?.iter().map(article).collect())
}

/// How many articles are published.
///
/// # Errors
/// [`crate::Error`].
pub fn count(tx: &Read) -> Result<i64> {
    Ok(tx.first(COUNT, args![])?.map_or(0, |r| r.int(0)))
}
