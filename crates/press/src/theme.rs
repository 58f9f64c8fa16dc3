//! The house theme: its templates, its one style sheet, and the name under which that sheet is served.
//!
//! The sheet's address carries its content's hash, so that it may be kept for ever and a change reaches everyone at once.

use std::sync::OnceLock;

use prose::Templates;
use sha2::{Digest, Sha256};

/// The one style sheet.
const STYLE: &str = include_str!("../theme/style.css");

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        /// Every template by name.
        pub(crate) const SOURCES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../theme/", $name)))),*];
    };
}

sources![
    "archive.html",
    "article.html",
    "base.html",
    "blocks.html",
    "credit_line.html",
    "day.html",
    "edition_entry.html",
    "feed_entry.html",
    "free.html",
    "front.html",
    "graph.html",
    "month.html",
    "nav.html",
    "not_found.html",
    "picture.html",
    "room.html",
    "sign_up.html",
    "sign_up_form.html",
    "teaser.html",
    "topic.html",
    "withdrawn.html",
    "atom.xml",
    "icon.xml",
    "news_sitemap.xml",
    "rss.xml",
    "sitemap.xml",
];

/// The compiled templates.
pub(crate) fn templates() -> &'static Templates {
    static TEMPLATES: OnceLock<Templates> = OnceLock::new();
    TEMPLATES.get_or_init(|| Templates::new(SOURCES).expect("a test compiles every template of the house theme"))
}

/// The style sheet with its comments and indentation left out.
pub(crate) fn style() -> &'static str {
    static SHEET: OnceLock<String> = OnceLock::new();
    SHEET.get_or_init(|| squeeze(STYLE))
}

/// Where the style sheet is served: its name is its hash.
pub(crate) fn style_path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| format!("/assets/{}.css", hash(style().as_bytes())))
}

/// Names and ETags carry this much of SHA-256: 128 bits, in hexadecimal.
const HASH_BYTES: usize = 16;

/// The content hash by which files are named and ETags made.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// Drops comments, and blanks at both ends of each line. It knows no CSS: the sheet's strings hold neither.
fn squeeze(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    out.push_str(rest);
    out.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_is_squeezed_and_named_by_its_content() {
        assert_eq!(squeeze("a {\n  b: c; /* why\n so */\n\n}\n"), "a {\nb: c;\n}");
        assert!(style_path().starts_with("/assets/") && style_path().len() == "/assets/.css".len() + 2 * HASH_BYTES);
    }

    #[test]
    fn the_sheets_rules_are_whole() {
        let mut depth = 0;
        for (at, line) in style().lines().enumerate() {
            let line = line.trim_end();
            depth += line.matches('{').count();
            depth = depth.checked_sub(line.matches('}').count()).unwrap_or_else(|| panic!("line {at}: {line}"));
            for broken in [", {", ",{", ", }", ",}", "{ {", ";;", ": ;"] {
                assert!(!line.contains(broken), "line {at}: {line}");
            }
            assert!(depth <= 2, "line {at} nests too deep: {line}");
        }
        assert_eq!(depth, 0);
        for name in style().split("var(--").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(style().contains(&format!("--{name}:")), "nobody sets --{name}");
        }
    }

    #[test]
    fn the_theme_asks_nobody_else_and_runs_nothing() {
        for (name, source) in SOURCES.iter().chain([&("style.css", STYLE)]) {
            let mut source = source.to_lowercase();
            for allowed in
                ["http://www.w3.org/", "http://www.sitemaps.org/", "http://www.google.com/schemas/", "http://purl.org/"]
            {
                source = source.replace(allowed, "");
            }
            for banned in ["http:", "https:", "//", "javascript", " style=", " onclick", "@import", "url("] {
                assert!(!source.contains(banned), "{name} holds {banned}");
            }
            let scripts = source.matches("<script").count();
            assert_eq!(scripts, source.matches("<script type=\"application/ld+json\">").count(), "{name}");
        }
    }
}
