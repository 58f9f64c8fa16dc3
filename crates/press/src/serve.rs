//! What answers a request for a public page: status, headers and the file that lies there.
//!
//! [`lookup`] is a pure function of the manifest and four strings of the request; it opens nothing. A path is looked up in
//! the manifest and nowhere else, so that no path leads out of the folder. The answer depends on the path and the encodings
//! the client takes, on no cookie, no other header and no query: what one visitor sends never changes what the next sees.

use std::path::PathBuf;

use crate::{
    Kind,
    folder::{Laid, Manifest, beside, file_of},
    text,
};

/// Pages may be stale for a minute: a correction reaches everyone soon, and a storm of visitors mostly asks a cache.
const PAGE_CACHE: &str = "public, max-age=60";
/// Files named by their content never change (RFC 8246).
const ASSET_CACHE: &str = "public, max-age=31536000, immutable";
/// A request's path may be this long; the longest the press makes is below a tenth of it.
const PATH_BYTES_MAX: usize = 2_048;
/// `If-None-Match` and `Accept-Encoding` are read this far.
const HEADER_BYTES_MAX: usize = 4_096;

/// The policy of every page (Content Security Policy Level 3): pictures, one style sheet and the sign-up form, all of the
/// site itself; no script of any kind.
pub const PAGE_POLICY: &str =
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The policy of every file that is no page: opened by itself it can do nothing.
pub const FILE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What `front` reads from a GET or HEAD request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The path as it came, percent-encoded, without query.
    pub path: &'a str,
    /// The `Accept-Encoding` header.
    pub accept_encoding: Option<&'a str>,
    /// The `If-None-Match` header.
    pub if_none_match: Option<&'a str>,
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// 200, 304, 308, 404 or 410.
    pub status: u16,
    /// Header names in lower case with their values; `content-length` is among them when there is a body.
    pub headers: Vec<(&'static str, String)>,
    /// The file that is the body, relative to the folder, and its length in bytes. When the length on disk is another, a
    /// newer manifest lies there: read it and look up again.
    pub file: Option<(PathBuf, u64)>,
}

/// The headers of every response that is a page, live ones included (ASVS V3.4).
pub fn page_headers() -> Vec<(&'static str, String)> {
    let mut headers = guard_headers(PAGE_POLICY);
    headers.push(("cross-origin-resource-policy", "same-origin".to_owned()));
    headers
}

/// The headers of a page that is rendered for one reader (`rooms`): never kept by anyone.
pub fn room_headers() -> Vec<(&'static str, String)> {
    let mut headers = page_headers();
    headers.push(("content-type", Kind::Html.content_type().to_owned()));
    headers.push(("cache-control", "no-store".to_owned()));
    headers
}

/// Finds what answers `asked`.
pub fn lookup(manifest: &Manifest, asked: Asked<'_>) -> Found {
    let Some(path) = decoded(asked.path) else { return not_found(manifest, asked) };
    if let Some(laid) = manifest.get(&path) {
        // RFC 9110 §15.5.11: it was here, and was taken back.
        return answer(&path, laid, asked, if laid.kind == Kind::Gone { 410 } else { 200 });
    }
    // A page's address without its last slash: its own, so nobody is led elsewhere (ASVS V3.7.2).
    let page = format!("{path}/");
    if manifest.get(&page).is_some() {
        return moved(&page);
    }
    not_found(manifest, asked)
}

/// The entity tag of a file in one encoding (RFC 9110 §8.8.3): strong, so each encoding has its own.
pub fn etag(laid: &Laid, encoding: Encoding) -> String {
    match encoding {
        Encoding::Identity => format!("\"{}\"", laid.hash),
        Encoding::Brotli => format!("\"{}-br\"", laid.hash),
        Encoding::Gzip => format!("\"{}-gz\"", laid.hash),
    }
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
}

impl Kind {
    /// Every kind with its name in the manifest and its content type.
    const TABLE: [(Self, &'static str, &'static str); 14] = [
        (Self::Html, "html", "text/html; charset=utf-8"),
        (Self::Gone, "gone", "text/html; charset=utf-8"),
        (Self::Rss, "rss", "application/rss+xml; charset=utf-8"),
        (Self::Atom, "atom", "application/atom+xml; charset=utf-8"),
        (Self::JsonFeed, "json-feed", "application/feed+json; charset=utf-8"),
        (Self::Xml, "xml", "application/xml; charset=utf-8"),
        (Self::Text, "text", "text/plain; charset=utf-8"),
        (Self::Css, "css", "text/css; charset=utf-8"),
        (Self::Svg, "svg", "image/svg+xml; charset=utf-8"),
        (Self::Jpeg, "jpeg", "image/jpeg"),
        (Self::Png, "png", "image/png"),
        (Self::Gif, "gif", "image/gif"),
        (Self::Webp, "webp", "image/webp"),
        (Self::Avif, "avif", "image/avif"),
    ];

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        Self::TABLE.iter().find(|row| row.0 == self).expect("the table holds every kind")
    }

    /// Its content type (RFC 9110 §8.3).
    pub fn content_type(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The kind of a picture by its file name.
    pub(crate) fn of_picture(file: &str) -> Option<Self> {
        match file.rsplit_once('.')?.1 {
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "gif" => Some(Self::Gif),
            "webp" => Some(Self::Webp),
            "avif" => Some(Self::Avif),
            _ => None,
        }
    }

    /// Text is laid down compressed; pictures are compressed already.
    pub(crate) fn is_text(self) -> bool {
        !self.is_picture()
    }

    fn is_picture(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Gif | Self::Webp | Self::Avif)
    }

    /// How long it may be kept: what is named by its content, for ever.
    pub fn cache_control(self) -> &'static str {
        if self.is_picture() || self == Self::Css { ASSET_CACHE } else { PAGE_CACHE }
    }
}

fn answer(path: &str, laid: &Laid, asked: Asked<'_>, status: u16) -> Found {
    let encoding = chosen(laid, asked.accept_encoding);
    let etag = etag(laid, encoding);
    let mut headers = if matches!(laid.kind, Kind::Html | Kind::Gone) { page_headers() } else { file_headers() };
    headers.push(("cache-control", laid.kind.cache_control().to_owned()));
    headers.push(("etag", etag.clone()));
    if laid.kind.is_text() {
        headers.push(("vary", "accept-encoding".to_owned()));
    }
    if status == 200 && asked.if_none_match.is_some_and(|tags| matches_tag(tags, &etag)) {
        return Found { status: 304, headers, file: None };
    }
    let place = file_of(path);
    let (place, bytes) = match encoding {
        Encoding::Identity => (place, Some(laid.bytes)),
        Encoding::Brotli => (beside(&place, "br"), laid.brotli_bytes),
        Encoding::Gzip => (beside(&place, "gz"), laid.gzip_bytes),
    };
    let bytes = bytes.expect("only an encoding that lies there is chosen");
    match encoding {
        Encoding::Identity => {}
        Encoding::Brotli => headers.push(("content-encoding", "br".to_owned())),
        Encoding::Gzip => headers.push(("content-encoding", "gzip".to_owned())),
    }
    headers.push(("content-type", laid.kind.content_type().to_owned()));
    headers.push(("content-length", bytes.to_string()));
    Found { status, headers, file: Some((place, bytes)) }
}

fn not_found(manifest: &Manifest, asked: Asked<'_>) -> Found {
    const NOT_FOUND: &str = "/404.html";
    match manifest.get(NOT_FOUND) {
        Some(laid) => answer(NOT_FOUND, laid, asked, 404),
        None => {
            let mut headers = page_headers();
            headers.push(("content-length", "0".to_owned()));
            Found { status: 404, headers, file: None }
        }
    }
}

fn moved(page: &str) -> Found {
    let mut headers = page_headers();
    let location: Vec<String> = page.split('/').map(text::segment).collect();
    headers.push(("location", location.join("/")));
    headers.push(("cache-control", PAGE_CACHE.to_owned()));
    headers.push(("content-length", "0".to_owned()));
    Found { status: 308, headers, file: None }
}

fn guard_headers(policy: &str) -> Vec<(&'static str, String)> {
    vec![
        ("content-security-policy", policy.to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("x-frame-options", "DENY".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
        ("cross-origin-opener-policy", "same-origin".to_owned()),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()".to_owned()),
    ]
}

/// Feeds and pictures are meant to be shown elsewhere too: in feed readers and in mail.
fn file_headers() -> Vec<(&'static str, String)> {
    let mut headers = guard_headers(FILE_POLICY);
    headers.push(("cross-origin-resource-policy", "cross-origin".to_owned()));
    headers
}

/// A path percent-decoded once (ASVS V1.1.1), or `None` when it is no path of UTF-8.
fn decoded(path: &str) -> Option<String> {
    if path.len() > PATH_BYTES_MAX || !path.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits make a byte"));
    }
    String::from_utf8(bytes).ok()
}

/// The best encoding that lies there and that the client takes (RFC 9110 §12.5.3). Ties go to the smallest.
fn chosen(laid: &Laid, accept: Option<&str>) -> Encoding {
    let Some(accept) = accept.filter(|accept| accept.len() <= HEADER_BYTES_MAX) else { return Encoding::Identity };
    let brotli = laid.brotli_bytes.map_or(0, |_| weight(accept, "br"));
    let gzip = laid.gzip_bytes.map_or(0, |_| weight(accept, "gzip"));
    if brotli > 0 && brotli >= gzip {
        Encoding::Brotli
    } else if gzip > 0 {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// The weight of a coding in thousandths; 0 when it is not taken. A name outweighs `*`.
fn weight(accept: &str, coding: &str) -> u32 {
    let mut any = 0;
    for part in accept.split(',') {
        let mut fields = part.split(';').map(str::trim);
        let name = fields.next().unwrap_or_default();
        let q = fields.find_map(|field| field.strip_prefix("q=").or(field.strip_prefix("Q=")));
        let weight = q.map_or(Some(1.0), |q| q.parse::<f64>().ok()).filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0);
        let weight = (weight * 1000.0).round() as u32;
        if name.eq_ignore_ascii_case(coding) {
            return weight;
        }
        if name == "*" {
            any = weight;
        }
    }
    any
}

/// RFC 9110 §13.1.2: weak comparison with each tag of the list, or `*`.
fn matches_tag(tags: &str, etag: &str) -> bool {
    if tags.len() > HEADER_BYTES_MAX {
        return false;
    }
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let laid = |kind, packed: bool| Laid {
            kind,
            hash: "ab".repeat(16),
            bytes: 100,
            brotli_bytes: packed.then_some(30),
            gzip_bytes: packed.then_some(40),
        };
        let mut manifest = Manifest::default();
        for path in ["/", "/404.html", "/articles/الميناء-11/"] {
            manifest.files.insert(path.to_owned(), laid(Kind::Html, true));
        }
        manifest.files.insert("/pictures/ab.jpg".to_owned(), laid(Kind::Jpeg, false));
        manifest.files.insert("/assets/ab.css".to_owned(), laid(Kind::Css, true));
        manifest
    }

    fn check(path: &str, accept: &str, tags: &str) -> (u16, Option<String>, Option<String>) {
        let asked = Asked { path, accept_encoding: Some(accept), if_none_match: Some(tags) };
        let found = lookup(&manifest(), asked);
        let location = found.headers.iter().find(|(name, _)| *name == "location").map(|(_, value)| value.clone());
        (found.status, found.file.map(|(place, _)| place.display().to_string()), location)
    }

    fn file(path: &str, accept: &str) -> String {
        let (status, file, location) = check(path, accept, "");
        format!("{status} {}{}", file.unwrap_or_default(), location.unwrap_or_default())
    }

    #[test]
    fn a_page_is_found_in_the_encoding_the_client_takes() {
        assert_eq!(file("/", "gzip, deflate, br, zstd"), "200 index.html.br");
        assert_eq!(file("/", "gzip, br;q=0"), "200 index.html.gz");
        assert_eq!(file("/", "gzip;q=1.0, br;q=0.5"), "200 index.html.gz");
        assert_eq!(file("/", "*"), "200 index.html.br");
        assert_eq!(file("/", "identity"), "200 index.html");
        assert_eq!(file("/", "br;q=2"), "200 index.html");
        assert_eq!(file("/pictures/ab.jpg", "br"), "200 pictures/ab.jpg");
        assert_eq!(
            file("/articles/%D8%A7%D9%84%D9%85%D9%8A%D9%86%D8%A7%D8%A1-11/", ""),
            "200 articles/الميناء-11/index.html"
        );
    }

    #[test]
    fn no_path_leads_out_of_the_folder_or_to_another_site() {
        for path in [
            "/../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/..%2f..%2fetc",
            "/.press/manifest.json",
            "/index.html",
            "/index.html.br",
            "//evil.example",
            "//evil.example/",
            "/\\evil.example",
            "/articles",
            "/%",
            "/%zz",
            "/%ff",
            "/%00",
            "",
            "articles/",
            "/pictures/ab.jpg/",
            "/pictures/../pictures/ab.jpg",
            "/articles/%252e%252e/",
        ] {
            assert_eq!(file(path, ""), "404 404.html", "{path}");
        }
        let long = format!("/{}", "a".repeat(PATH_BYTES_MAX));
        assert_eq!(file(&long, ""), "404 404.html");
    }

    #[test]
    fn a_missing_last_slash_leads_to_the_page_itself() {
        assert_eq!(
            file("/articles/%D8%A7%D9%84%D9%85%D9%8A%D9%86%D8%A7%D8%A1-11", ""),
            "308 /articles/%D8%A7%D9%84%D9%85%D9%8A%D9%86%D8%A7%D8%A1-11/"
        );
    }

    #[test]
    fn a_known_tag_is_answered_without_a_body() {
        let hash = "ab".repeat(16);
        assert_eq!(check("/", "br", &format!("\"x\", W/\"{hash}-br\"")).0, 304);
        assert_eq!(check("/", "br", &format!("\"{hash}\"")).0, 200, "another encoding's tag");
        assert_eq!(check("/", "", "*").0, 304);
        assert_eq!(check("/nothing", "br", "*").0, 404);
    }

    #[test]
    fn every_answer_is_guarded() {
        for (path, tags) in [("/", ""), ("/", "*"), ("/nothing", ""), ("/pictures/ab.jpg", ""), ("/assets/ab.css", "")]
        {
            let asked = Asked { path, accept_encoding: None, if_none_match: Some(tags) };
            let found = lookup(&manifest(), asked);
            for name in
                ["content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-resource-policy"]
            {
                assert_eq!(found.headers.iter().filter(|(header, _)| *header == name).count(), 1, "{path} {name}");
            }
        }
        assert!(lookup(&Manifest::default(), Asked { path: "/", ..Asked::default() }).status == 404);
    }

    #[test]
    fn only_what_is_named_by_its_content_is_kept_for_ever() {
        let immutable = Kind::TABLE.iter().filter(|row| row.0.cache_control() == ASSET_CACHE).map(|row| row.1);
        assert_eq!(immutable.collect::<Vec<_>>(), ["css", "jpeg", "png", "gif", "webp", "avif"]);
    }
}
