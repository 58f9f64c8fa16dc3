//! JSON Feed 1.0 and 1.1 (jsonfeed.org), read field by field: one wrong type spoils that field alone.

use super::{Entry, Feed, FeedFault, web_address};
use crate::{
    dates::parse_date,
    markup::{escape, one_line, plain},
};
use serde_json::Value;
use url::Url;

/// Reads a JSON Feed. serde_json refuses nesting beyond 128, so depth is bounded.
pub(super) fn parse(text: &str, base: Option<&Url>) -> Result<Feed, FeedFault> {
    let document: Value = serde_json::from_str(text).map_err(|_| FeedFault::NotAFeed)?;
    let Some(items) = document.get("items").and_then(Value::as_array) else {
        return Err(FeedFault::NotAFeed);
    };
    let mut feed = Feed {
        title: super::cut(plain_of(&document, "title").unwrap_or_default(), super::TITLE_CHARS_MAX),
        link: address(&document, "home_page_url", base),
        language: string(&document, "language").map(str::to_owned),
        ..Feed::default()
    };
    for entry in items.iter().filter_map(|item| entry(item, base)) {
        feed.push(entry);
    }
    Ok(feed)
}

fn entry(item: &Value, base: Option<&Url>) -> Option<Entry> {
    let published_raw = string(item, "date_published").or_else(|| string(item, "date_modified"));
    let text = |key| string(item, key).map(|text| format!("<p>{}</p>", escape(text)));
    let entry = Entry {
        guid: identity(item),
        link: address(item, "url", base).or_else(|| address(item, "external_url", base)),
        title: plain_of(item, "title").unwrap_or_default(),
        author: author(item),
        language: string(item, "language").map(str::to_owned),
        published: published_raw.and_then(parse_date),
        published_raw: published_raw.map(str::to_owned),
        updated: string(item, "date_modified").and_then(parse_date),
        summary_html: text("summary"),
        content_html: string(item, "content_html").map(str::to_owned).or_else(|| text("content_text")),
        image_url: address(item, "image", base).or_else(|| address(item, "banner_image", base)),
        categories: tags(item),
    };
    entry.finished()
}

/// The specification wants a string and admits that numbers are found.
fn identity(item: &Value) -> String {
    match item.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    }
}

/// `authors` of version 1.1, else `author` of 1.0.
fn author(item: &Value) -> Option<String> {
    let one = item.get("author").into_iter();
    let all = item.get("authors").and_then(Value::as_array).into_iter().flatten();
    let mut names: Vec<String> = all.filter_map(|author| plain_of(author, "name")).collect();
    if names.is_empty() {
        names = one.filter_map(|author| plain_of(author, "name")).collect();
    }
    (!names.is_empty()).then(|| names.join(", "))
}

fn tags(item: &Value) -> Vec<String> {
    let tags = item.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(Value::as_str).map(one_line).collect()
}

fn string<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.trim().is_empty())
}

fn plain_of(object: &Value, key: &str) -> Option<String> {
    string(object, key).map(plain).filter(|text| !text.is_empty())
}

fn address(object: &Value, key: &str, base: Option<&Url>) -> Option<String> {
    web_address(string(object, key)?, base)
}
