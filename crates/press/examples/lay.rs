//! Lays a whole sample site from a folder of outlets (`crates/stage/outlets`), to look at the theme with real text.
//!
//! `cargo run -p press --example lay -- crates/stage/outlets /tmp/site [language]`; then serve `/tmp/site` as it lies.

use std::{collections::BTreeMap, fs, io, path::Path};

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use newsroom::{
    Article, ArticleId, ArticleState, Credit, DAY_MS, Form, Format, Frequency, Licence, Ms, PictureId, PictureUse,
    Problem, Published, Revision, Timing, Topic, TopicId, Topics,
};
use press::rooms::{self, Chosen, Kept, SignUpFault, Typed};
use press::{DayEdition, OutletView, RepublishPolicy, SignUpWords, Site, SiteView, folder::Folder, render_site};
use prose::{Block, Document, Inline};

/// Topics by slug, as the outlets' files name them, with their titles.
const TOPICS: [(&str, &str); 6] = [
    ("harbour", "Harbour"),
    ("schools", "Schools"),
    ("health", "Health"),
    ("water", "Water"),
    ("culture", "Culture"),
    ("science", "Science"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: lay OUTLETS-FOLDER SITE-FOLDER [LANGUAGE]";
    let outlets = arguments.next().ok_or(usage)?;
    let folder = arguments.next().ok_or(usage)?;
    let language = arguments.next().unwrap_or_else(|| "en".to_owned());
    let today = jiff::civil::date(2026, 11, 24);
    let mut articles = Vec::new();
    for name in ["meridian", "rasif", "tideline", "plumbline", "darsena", "jetee", "lantern"] {
        let text = fs::read_to_string(Path::new(&outlets).join(format!("{name}.txt")))?;
        read_outlet(&text, today, &mut articles);
    }
    rank(&mut articles);
    let site = Site::new(SiteView {
        outlet: OutletView {
            name: "The Saltmere Lantern".into(),
            tagline: "News of the coast, gathered each morning and read in five languages".into(),
            url: "https://lantern.example".into(),
            language,
            zone: "Europe/London".into(),
        },
        topics: topics(),
        blocks: Vec::new(),
        editions: vec![DayEdition {
            date: today.to_string(),
            subject: "The wall is open, the water is not".into(),
            line_up: articles.iter().rev().take(4).map(|article: &Article| article.id).collect(),
            lead: None,
        }],
        articles,
        sign_up: SignUpWords {
            heading: "The morning edition, by mail".into(),
            promise: "One letter at seven, with the stories of the topics you choose and an end you can reach. No tracking, no advertising.".into(),
            button: "Send it to me".into(),
            privacy: "Your address is sealed when it arrives, used for the edition alone, and gone when you leave.".into(),
        },
        republished: RepublishPolicy::Canonical,
        desk: press::DeskView::default(),
    })?;
    let mut fetch = |file: &str| fetch(Path::new(&outlets), file);
    let changes = Folder::open(&folder)?.lay_all(render_site(&site), &site.picture_files(), &mut fetch)?;
    lay_rooms(&site, Path::new(&folder))?;
    println!(
        "{} written, {} kept, {} removed, {:?} missing",
        changes.written.len(),
        changes.kept,
        changes.removed.len(),
        changes.missing
    );
    Ok(())
}

/// The reader's rooms beside the site, each as a page: `front` renders them live.
fn lay_rooms(site: &Site, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let typed = Typed { email: "ana.sol@example".into(), topics: vec!["water".into()] };
    let problem = Problem::new("The disk is full.", "Nothing was lost.", "Please come back in an hour.");
    let timing =
        Timing { frequency: Frequency::Weekly, zone: Some("America/Argentina/Buenos_Aires".into()), hour: Some(20) };
    let chosen = Chosen {
        token: "t0ken",
        leave: "l-eave",
        topics: Topics::ALL,
        format: Format::Html,
        timing: &timing,
        paused_until: Some("2026-12-24"),
        language: "en",
    };
    let every = [
        ("check-mail", rooms::check_mail(site)?),
        ("sign-up-problem", rooms::sign_up_problem(site, &typed, SignUpFault::NotAnAddress)?),
        ("confirm", rooms::confirm(site, "t0ken")?),
        ("confirmed", rooms::confirmed(site)?),
        ("unsubscribe", rooms::unsubscribe(site, "t0ken")?),
        ("unsubscribed", rooms::unsubscribed(site, "t0ken")?),
        ("undone", rooms::undone(site)?),
        ("choices", rooms::preferences(site, chosen, Kept::Shown)?),
        ("choices-wrong-date", rooms::preferences(site, chosen, Kept::WrongDate)?),
        ("choices-link", rooms::choices_link(site, "", None)?),
        ("choices-link-sent", rooms::choices_link_sent(site)?),
        ("left", rooms::left(site, "t0ken")?),
        ("link-not-valid", rooms::link_not_valid(site)?),
        ("problem", rooms::problem(site, &problem)?),
    ];
    for (name, page) in every {
        let place = folder.join("rooms").join(name);
        fs::create_dir_all(&place)?;
        fs::write(place.join("index.html"), page)?;
    }
    Ok(())
}

/// The sample's pictures have plain names; the site's are letters and digits alone.
fn fetch(outlets: &Path, file: &str) -> io::Result<Option<Vec<u8>>> {
    for entry in fs::read_dir(outlets.join("pictures"))? {
        let path = entry?.path();
        let name: String = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "");
        if name == file {
            return fs::read(path).map(Some);
        }
    }
    Ok(None)
}

fn topics() -> Vec<Topic> {
    TOPICS
        .iter()
        .enumerate()
        .map(|(at, (slug, title))| Topic {
            id: TopicId(at as i64 + 1),
            bit: at as u8,
            slug: (*slug).into(),
            title: (*title).into(),
        })
        .collect()
}

fn read_outlet(text: &str, today: Date, articles: &mut Vec<Article>) {
    let mut stories = text.split("\n====\n");
    let outlet = fields(stories.next().unwrap_or_default());
    for story in stories {
        let (head, body) = story.split_once("\n\n").unwrap_or((story, ""));
        articles.push(article(&outlet, &fields(head), body, today, articles.len() as i64));
    }
}

fn fields(head: &str) -> BTreeMap<&str, &str> {
    head.lines().filter_map(|line| line.split_once(": ")).collect()
}

fn article(outlet: &BTreeMap<&str, &str>, story: &BTreeMap<&str, &str>, body: &str, today: Date, at: i64) -> Article {
    let field = |name: &str| story.get(name).map(|text| (*text).to_owned());
    let language = outlet["language"];
    let day = today.checked_add(story["day"].parse::<i64>().unwrap_or(0).days()).unwrap_or(today);
    let dated = |text: &str| date_marks(text, day, language);
    let published = moment(day, story["time"]);
    let id = ArticleId(7_000_000_000 + at);
    let title = dated(story["title"]);
    let topic = TOPICS.iter().position(|(slug, _)| Some(*slug) == story.get("topic").copied()).unwrap_or(0);
    Article {
        id,
        slug: newsroom::slug(&title, id),
        state: ArticleState::Published,
        form: Form::Page,
        item: None,
        published: Some(Published { at: published, rank: 0, source_date: Some(published) }),
        revision: Revision {
            article: id,
            number: if field("corrected").is_some() { 2 } else { 1 },
            title,
            standfirst: dated(story.get("summary").copied().unwrap_or_default()),
            language: language.to_owned(),
            credit: Credit {
                byline: field("author"),
                outlet: Some(outlet["name"].to_owned()),
                canonical: Some(format!("https://outlets.example/{}", story["id"])),
                licence: outlet.get("licence").map(|url| Licence { url: (*url).to_owned() }),
                picture: None,
            },
            picture: field("picture").map(|picture| PictureUse {
                picture: PictureId(at),
                alt: field("alt").unwrap_or_default(),
                caption: field("caption").map(|caption| dated(&caption)),
                credit: field("credit"),
                width: 1200,
                height: 800,
                file: format!("{}.jpg", picture.replace('-', "")),
            }),
            topics: Topics::NONE.with(topic as u8),
            body: document(&dated(body)).to_json(),
            made: published + if field("corrected").is_some() { DAY_MS / 8 } else { 0 },
        },
    }
}

/// `{-6 day}` and the like become dates, counted from the story's own.
fn date_marks(text: &str, day: Date, language: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (mark, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        let days = mark.split(' ').next().and_then(|days| days.parse::<i64>().ok()).unwrap_or(0);
        let date = day.checked_add(days.days()).unwrap_or(day);
        match mark.split(' ').nth(1) {
            Some("year") => out.push_str(&date.year().to_string()),
            _ => out.push_str(&prose::strings::long_date(date, language)),
        }
        rest = after;
    }
    out + rest
}

fn moment(day: Date, time: &str) -> Ms {
    let time: jiff::civil::Time = format!("{time}:00").parse().unwrap_or_default();
    day.to_datetime(time).to_zoned_datetime(TimeZone::UTC).map_or(0, |moment| moment.timestamp().as_millisecond())
}

/// Later stories rank higher; of one moment, the later read.
fn rank(articles: &mut [Article]) {
    articles.sort_by_key(|article| (article.published.map(|published| published.at), article.id));
    for (at, article) in articles.iter_mut().enumerate() {
        if let Some(published) = &mut article.published {
            published.rank = at as i64 + 1;
        }
    }
}

/// Paragraphs, `## ` cross-heads, `- ` lists and `*emphasis*`.
fn document(text: &str) -> Document {
    let blocks = text.trim().split("\n\n").map(|block| match block {
        _ if block.starts_with("## ") => Block::Heading { level: 2, inlines: inlines(&block[3..]) },
        _ if block.starts_with("- ") => Block::List {
            ordered: false,
            items: block
                .lines()
                .map(|line| vec![Block::Paragraph { inlines: inlines(line.trim_start_matches("- ")) }])
                .collect(),
        },
        _ => Block::Paragraph { inlines: inlines(block) },
    });
    Document { blocks: blocks.collect() }
}

fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('*').enumerate().filter(|(_, part)| !part.is_empty());
    parts
        .map(|(at, part)| match at % 2 {
            0 => Inline::text(part),
            _ => Inline::Emphasis { inlines: vec![Inline::text(part)] },
        })
        .collect()
}
