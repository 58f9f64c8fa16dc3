//! `coranto read`: what Coranto makes of a saved page or a text. Nothing is stored.

use jiff::Timestamp;
use newsroom::Problem;
use prose::{Extracted, decode, extract, read_text};
use serde::Serialize;

use crate::answer::Answer;
use crate::cli::Read;

/// A saved page that is longer is no article.
const FILE_BYTES_MAX: u64 = 32 * 1_024 * 1_024;

/// What is made of a page. Unknown is null or an empty list; never a guess.
#[derive(Serialize)]
struct Reading {
    title: Option<String>,
    author: Option<String>,
    outlet: Option<String>,
    published: Option<String>,
    language: Option<String>,
    canonical: Option<String>,
    image: Option<Picture>,
    text: String,
    summary: Vec<Sentence>,
    timeline: Vec<Sentence>,
    quotes: Vec<Sentence>,
    removed: Vec<Removed>,
}

#[derive(Serialize)]
struct Picture {
    src: Option<String>,
    alt: Option<String>,
    caption: Option<String>,
    credit: Option<String>,
}

/// A verbatim sentence and where it stands in `text`: half-open, in Unicode scalars.
#[derive(Serialize)]
struct Sentence {
    text: String,
    source: [usize; 2],
}

#[derive(Serialize)]
struct Removed {
    kind: &'static str,
    text: String,
}

pub fn run(of: &Read) -> Result<Answer, Problem> {
    let bytes = saved(of)?;
    let (text, _encoding) = decode(&bytes, None);
    let found = if is_page(&text) { extract(&text, of.url.as_ref()) } else { read_text(&text) };
    let reading = reading(of, found)?;
    let told = told(&reading);
    Ok(Answer::new(reading, told))
}

fn saved(of: &Read) -> Result<Vec<u8>, Problem> {
    let trouble = |what: String| {
        Problem::new(what, "Nothing was read.", "Name a saved page (HTML) or a text file of at most 32 MB.")
    };
    let size = std::fs::metadata(&of.file).map_err(|fault| trouble(format!("{}: {fault}.", of.file.display())))?.len();
    if size > FILE_BYTES_MAX {
        return Err(trouble(format!("{} has {size} bytes: that is no article.", of.file.display())));
    }
    std::fs::read(&of.file).map_err(|fault| trouble(format!("{}: {fault}.", of.file.display())))
}

/// Whether a text is a page rather than plain words.
fn is_page(text: &str) -> bool {
    let head: String = text.chars().take(2_000).collect::<String>().to_ascii_lowercase();
    ["<!doctype html", "<html", "<head", "<body", "<article", "<p>", "<div"].iter().any(|sign| head.contains(sign))
}

fn reading(of: &Read, found: Extracted) -> Result<Reading, Problem> {
    let text = found.document.plain_text();
    let language = found.language.as_deref().unwrap_or("und");
    let summary = story::summary(&text, language).into_iter().map(|s| Sentence { text: s.text, source: s.source });
    let said = match &of.published {
        Some(typed) => Some(prose::moment::parse(typed).ok_or_else(|| {
            Problem::new(format!("{typed:?} is no date."), "Nothing was read.", "Write it as 2026-05-14.")
        })?),
        None => found.published,
    };
    let date = |ms: i64| Timestamp::from_millisecond(ms).ok().map(|t| t.to_string());
    Ok(Reading {
        title: found.title,
        author: found.byline,
        outlet: found.outlet,
        published: said.and_then(date),
        language: found.language,
        canonical: found.canonical,
        image: found.image.map(|i| Picture { src: i.src, alt: i.alt, caption: i.caption, credit: i.credit }),
        summary: summary.collect(),
        text,
        timeline: Vec::new(),
        quotes: Vec::new(),
        removed: found.removed.into_iter().map(|r| Removed { kind: r.kind.as_str(), text: r.text }).collect(),
    })
}

/// What a person reads.
fn told(r: &Reading) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            out.push_str(&format!("{name:<10} {value}\n"));
        }
    };
    line("Title", &r.title);
    line("Author", &r.author);
    line("Outlet", &r.outlet);
    line("Published", &r.published);
    line("Language", &r.language);
    line("Address", &r.canonical);
    if let Some(image) = &r.image {
        line("Picture", &image.src);
        line("Caption", &image.caption);
        line("Credit", &image.credit);
    }
    out.push_str(&format!("Left out   {} pieces that are not the article\n\n{}", r.removed.len(), r.text));
    out
}
