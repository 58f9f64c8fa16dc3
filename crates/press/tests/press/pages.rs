//! Every page of the site, in every language of the theme: whole, accessible in its structure, and nothing but text
//! where a stranger's text stands.

use crate::sample;

use std::collections::{BTreeMap, BTreeSet};

use dom_query::Document;
use newsroom::{Article, ArticleState, Problem, Topics};
use press::rooms::{self, Chosen, Kept, SignUpFault, Typed};
use press::{FeedFormat, Kind, Page, PageFile, RepublishPolicy, Site, pages, pages_touched_by, render, render_site};

const LANGUAGES: [&str; 6] = ["en", "ar", "es", "fr", "zh-Hans", "sw"];

fn files(site: &Site) -> BTreeMap<String, PageFile> {
    render_site(site).map(|file| file.expect("the sample renders")).map(|file| (file.path.clone(), file)).collect()
}

fn text(file: &PageFile) -> &str {
    std::str::from_utf8(&file.bytes).expect("pages are UTF-8")
}

/// Every fault of a page's structure, as sentences.
fn faults(html: &str) -> Vec<String> {
    let page = Document::from(html);
    let mut faults: Vec<String> = page.errors.borrow().iter().map(|fault| format!("parse error: {fault}")).collect();
    let mut check = |sound: bool, what: &str| {
        if !sound {
            faults.push(what.to_owned());
        }
    };
    let count = |selector: &str| page.select(selector).length();
    let root = page.select("html");
    check(root.attr("lang").is_some_and(|lang| !lang.is_empty() && &*lang != "und"), "no language");
    check(matches!(root.attr("dir").as_deref(), Some("ltr" | "rtl")), "no direction");
    check(!page.select("title").text().trim().is_empty(), "no title");
    check(count("h1") == 1 && !page.select("h1").text().trim().is_empty(), "not one h1");
    for landmark in ["body > header", "body > main#main", "body > footer", "header nav[aria-label]"] {
        check(count(landmark) == 1, &format!("not one {landmark}"));
    }
    check(count("body > a.skip[href='#main']") == 1, "no skip link");
    check(count("[style]") == 0 && count("style") == 0, "an inline style");
    check(count("script") == count("script[type='application/ld+json']"), "a script");
    check(count("iframe, object, embed, base, link[rel=preload]") == 0, "something that loads from elsewhere");
    for image in page.select("img").nodes() {
        check(image.has_attr("alt"), "a picture without alt");
        check(image.has_attr("width") && image.has_attr("height"), "a picture without size");
        check(image.attr("src").is_some_and(|src| src.starts_with("/pictures/")), "a picture from elsewhere");
    }
    for element in page.select("*").nodes() {
        for attribute in element.attrs() {
            let name = attribute.name.local.to_string();
            check(!name.starts_with("on"), &format!("a handler: {name}"));
        }
    }
    let ids: Vec<String> =
        page.select("[id]").nodes().iter().filter_map(|node| node.attr("id")).map(String::from).collect();
    check(ids.iter().collect::<BTreeSet<_>>().len() == ids.len(), "an id twice");
    for attribute in ["aria-labelledby", "aria-describedby", "for"] {
        for node in page.select(&format!("[{attribute}]")).nodes() {
            let named = node.attr(attribute).unwrap_or_default();
            check(named.split(' ').all(|id| ids.iter().any(|known| known == id)), "a name that leads nowhere");
        }
    }
    for input in page.select("input:not([type=hidden])").nodes() {
        let id = input.attr("id").unwrap_or_default();
        let labelled = !id.is_empty() && count(&format!("label[for='{id}']")) == 1;
        check(
            labelled
                || input.has_attr("aria-label")
                || input.ancestors(None).iter().any(|node| node.node_name().as_deref() == Some("label")),
            "a field without label",
        );
    }
    for link in page.select("a").nodes() {
        let named = !link.text().trim().is_empty() || link.has_attr("aria-label");
        check(named, "a link without a name");
        let href = link.attr("href").unwrap_or_default();
        let sound = href.starts_with('#')
            || (href.starts_with('/') && !href.starts_with("//"))
            || href.starts_with("https://")
            || href.starts_with("http://");
        check(sound, &format!("a link to {href:?}"));
    }
    let mut level = 0;
    for heading in page.select("h1, h2, h3, h4").nodes() {
        let next = heading.node_name().and_then(|name| name[1..].parse().ok()).unwrap_or(9);
        check(next <= level + 1, &format!("a heading of level {next} after {level}"));
        level = next;
    }
    for node in page.select("[lang]").nodes() {
        let language = node.attr("lang").unwrap_or_default();
        if let Some(dir) = node.attr("dir") {
            check(&*dir == prose::direction(&language).as_str(), &format!("{language} runs {dir}"));
        }
    }
    faults
}

fn check_html(name: &str, html: &str) {
    assert_eq!(faults(html), Vec::<String>::new(), "{name}\n{html}");
}

#[test]
fn every_page_in_every_language_is_whole() {
    for language in LANGUAGES {
        let site = sample::site(language);
        let files = files(&site);
        assert_eq!(files.len(), pages(&site).len(), "no two pages share a path");
        for (path, file) in files.iter().filter(|(_, file)| file.kind == Kind::Html) {
            check_html(&format!("{language} {path}"), text(file));
        }
    }
}

#[test]
fn the_checks_of_a_page_can_fail() {
    for broken in [
        "<p>x",
        "<!doctype html><html lang=en dir=ltr><title>x</title><h1>a</h1><h1>b</h1>",
        "<!doctype html><html lang=ar dir=ltr><title>x</title><h1>a</h1>",
    ] {
        assert!(!faults(broken).is_empty(), "{broken}");
    }
    let sound = text(&files(&sample::site("en"))["/"]).to_owned();
    for (from, to) in [
        ("<h1", "<h2"),
        ("alt=\"", "data-alt=\""),
        ("</main>", "<script>alert(1)</script></main>"),
        ("</main>", "<img src=\"https://far.example/x.jpg\" alt=\"\" width=\"1\" height=\"1\"></main>"),
        ("</main>", "<p onclick=\"x()\">x</p></main>"),
        ("</main>", "<a href=\"javascript:x\">x</a></main>"),
        ("</main>", "</div></main>"),
    ] {
        assert!(!faults(&sound.replace(from, to)).is_empty(), "{from} as {to}");
    }
}

#[test]
fn every_link_within_the_site_leads_to_a_page() {
    let files = files(&sample::site("en"));
    let pictures = sample::site("en").picture_files();
    for (path, file) in files.iter().filter(|(_, file)| file.kind == Kind::Html) {
        for link in Document::from(text(file)).select("[href], [src]").nodes() {
            let to = link.attr("href").or(link.attr("src")).unwrap_or_default();
            let Some(to) = to.strip_prefix('/').map(|_| decoded(to.split('#').next().unwrap_or_default())) else {
                continue;
            };
            // That one is live: the public side answers it.
            let known = to == "/preferences"
                || files.contains_key(&to)
                || to.strip_prefix("/pictures/").is_some_and(|file| pictures.contains(file));
            assert!(known, "{path} leads to {to}");
        }
    }
}

fn decoded(path: &str) -> String {
    let pairs = format!("x={}", path.replace('+', "%2B"));
    url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

const CHOSEN: Chosen<'_> = Chosen {
    token: "t0k-en_",
    leave: "l-eave",
    topics: Topics::ALL,
    format: newsroom::Format::Html,
    timing: &newsroom::Timing::OUTLETS,
    paused_until: None,
    language: "en",
};

#[test]
fn every_room_in_every_language_is_whole() {
    let problem = Problem::new("The disk is full.", "Nothing was lost.", "Come back in an hour.");
    let typed = Typed { email: "ana@".into(), topics: vec!["water".into()] };
    for language in LANGUAGES {
        let site = sample::site(language);
        let every = [
            rooms::check_mail(&site),
            rooms::sign_up_problem(&site, &typed, SignUpFault::NotAnAddress),
            rooms::sign_up_problem(&site, &Typed::default(), SignUpFault::NoAddress),
            rooms::sign_up_problem(&site, &typed, SignUpFault::Busy),
            rooms::confirm(&site, "t0ken"),
            rooms::confirmed(&site),
            rooms::unsubscribe(&site, "t0ken"),
            rooms::unsubscribed(&site, "t0ken"),
            rooms::undone(&site),
            rooms::preferences(&site, CHOSEN, Kept::Shown),
            rooms::preferences(&site, CHOSEN, Kept::Saved),
            rooms::preferences(&site, Chosen { paused_until: Some("2026-12-01"), ..CHOSEN }, Kept::WrongDate),
            rooms::left(&site, "t0ken"),
            rooms::choices_link(&site, "", None),
            rooms::choices_link(&site, "ana@", Some(SignUpFault::NotAnAddress)),
            rooms::choices_link_sent(&site),
            rooms::link_not_valid(&site),
            rooms::problem(&site, &problem),
        ];
        for room in every {
            let html = String::from_utf8(room.expect("the room renders")).expect("pages are UTF-8");
            check_html(language, &html);
            assert!(html.contains("<meta name=\"robots\" content=\"noindex\">"));
        }
    }
}

#[test]
fn a_room_acts_only_by_its_one_button() {
    let site = sample::site("en");
    let action = |room: Result<Vec<u8>, press::PressError>| {
        let html = String::from_utf8(room.expect("the room renders")).expect("pages are UTF-8");
        let page = Document::from(html.as_str());
        let forms = page.select("form");
        assert_eq!(forms.length(), 1);
        assert_eq!(forms.attr("method").as_deref(), Some("post"));
        assert_eq!(page.select("button").length(), 1);
        forms.attr("action").map(String::from).unwrap_or_default()
    };
    assert_eq!(action(rooms::confirm(&site, "t0k-en_")), "/confirm/t0k-en_");
    assert_eq!(action(rooms::unsubscribe(&site, "t")), "/unsubscribe/t");
    assert_eq!(action(rooms::unsubscribed(&site, "t")), "/unsubscribe/t/undo");
    assert_eq!(action(rooms::confirm(&site, "../\"><x")), "/confirm/..%2F%22%3E%3Cx");
    assert_eq!(action(rooms::link_not_valid(&site)), "/subscribe");
}

#[test]
fn a_readers_room_shows_what_they_chose_and_leads_to_the_one_button_that_ends_it() {
    let site = sample::site("en");
    let water = sample::topics().into_iter().find(|topic| topic.slug == "water").expect("a topic of the sample");
    let some = Chosen { topics: Topics::NONE.with(water.bit), format: newsroom::Format::Text, ..CHOSEN };
    let room = |chosen, kept| String::from_utf8(rooms::preferences(&site, chosen, kept).expect("it renders")).unwrap();
    let ticked = |html: &str| {
        let page = Document::from(html);
        let nodes = page.select("input[checked]").nodes().to_vec();
        nodes.iter().filter_map(|node| node.attr("value")).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(ticked(&room(some, Kept::Shown)), ["water", "text", "daily", "no"]);
    let all: Vec<String> =
        sample::topics().into_iter().map(|topic| topic.slug).chain(["html", "daily", "no"].map(String::from)).collect();
    assert_eq!(ticked(&room(CHOSEN, Kept::Shown)), all);

    let html = room(CHOSEN, Kept::Shown);
    let page = Document::from(html.as_str());
    let form = page.select("form");
    assert_eq!((form.length(), page.select("form button").length()), (1, 1));
    assert_eq!(form.attr("method").as_deref(), Some("post"));
    assert_eq!(form.attr("action").as_deref(), Some("/preferences/t0k-en_"));
    assert_eq!(
        page.select("form label input").length() + page.select("form input[aria-label]").length(),
        page.select("form input").length(),
        "every choice has a label"
    );
    assert_eq!(page.select("form fieldset > legend").length(), page.select("form fieldset").length());
    assert_eq!(page.select("main a[href='/unsubscribe/l-eave']").length(), 1);
    assert!(!html.contains("are saved") && room(CHOSEN, Kept::Saved).contains("Your choices are saved."));
}

#[test]
fn a_form_that_comes_back_keeps_what_was_typed() {
    let typed = Typed { email: "ana@<b>\"".into(), topics: vec!["water".into(), "nothing".into()] };
    let room = rooms::sign_up_problem(&sample::site("en"), &typed, SignUpFault::NotAnAddress).expect("it renders");
    let html = String::from_utf8(room).expect("pages are UTF-8");
    let page = Document::from(html.as_str());
    assert_eq!(page.select("#email").attr("value").as_deref(), Some("ana@<b>\""));
    assert_eq!(page.select("#email").attr("aria-invalid").as_deref(), Some("true"));
    assert_eq!(page.select("input[checked]").attr("value").as_deref(), Some("water"));
    assert_eq!(page.select("input[checked]").length(), 1);
}

#[test]
fn the_sign_up_form_stands_on_the_front_page_and_under_every_article() {
    let site = sample::site("en");
    for page in pages(&site).into_iter().filter(|page| matches!(page, Page::Front | Page::Article(_))) {
        let file = render(&site, page).expect("it renders").expect("it exists");
        let html = Document::from(text(&file));
        let form = html.select("section#sign-up form[method=post][action='/subscribe']");
        assert_eq!(form.length(), 1, "{page:?}");
        let names: Vec<String> =
            form.select("[name]").nodes().iter().filter_map(|field| field.attr("name")).map(String::from).collect();
        assert_eq!(names, ["email", "topics", "topics", "topics", "topics", "website", "language"]);
        assert!(text(&file).contains("The post at seven") && text(&file).contains("Sign me up"));
    }
}

/// Strings that would act if a template let them.
const HOSTILE: [&str; 6] = [
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}<!--",
    "]]></title></textarea><svg onload=alert(1)>",
    "\u{202E}txet desrever\u{2066} \u{0}\u{1b}[31m\u{9b}",
];

fn hostile(words: &str) -> Site {
    let mut view = sample::view("en");
    let tainted = |text: &str| format!("{text} {words}");
    view.outlet.name = tainted("Post");
    view.outlet.tagline = tainted("Line");
    view.sign_up.heading = tainted("Sign");
    view.sign_up.promise = tainted("Promise");
    view.sign_up.button = tainted("Go");
    view.sign_up.privacy = tainted("Privacy");
    for topic in &mut view.topics {
        topic.title = tainted("Topic");
    }
    for edition in &mut view.editions {
        edition.subject = tainted("Subject");
    }
    for article in &mut view.articles {
        let revision = &mut article.revision;
        revision.title = tainted("Headline");
        revision.standfirst = tainted("Standfirst");
        revision.language = words.to_owned();
        revision.credit.byline = Some(tainted("Ana"));
        revision.credit.outlet = Some(tainted("Far"));
        revision.credit.canonical = Some(format!("javascript:{words}"));
        revision.credit.licence = Some(newsroom::Licence { url: format!("https://far.example/{words}") });
        if let Some(picture) = &mut revision.picture {
            picture.alt = tainted("Alt");
            picture.caption = Some(tainted("Caption"));
            picture.credit = Some(tainted("Ruth"));
        }
        let body = prose::Document { blocks: vec![prose::Block::paragraph(tainted("Body"))] };
        revision.body = body.to_json();
    }
    Site::new(view).expect("the outlet's address and zone are sound")
}

#[test]
fn a_strangers_words_stay_text_on_every_page() {
    for words in HOSTILE {
        let site = hostile(words);
        for (path, file) in files(&site).iter().filter(|(_, file)| file.kind == Kind::Html) {
            let html = text(file);
            check_html(path, html);
            assert!(!html.contains(['\0', '\u{1b}', '\u{9b}']), "{path} holds a control");
            // In a body each paragraph ends what it turned round (UAX #9 §3.3.1); beside other text nothing may.
            let around = Document::from(html);
            around.select(".prose").remove();
            assert!(!around.html().contains(['\u{202E}', '\u{2066}']), "{path} can be turned round");
            for script in Document::from(html).select("script").nodes() {
                let json: serde_json::Value = serde_json::from_str(&script.text()).expect("JSON-LD reads as JSON");
                assert!(json["@context"] == "https://schema.org", "{path}");
            }
        }
        let article = render(&site, Page::Article(site_article(&site))).expect("it renders").expect("it exists");
        let seen: String = Document::from(text(&article)).select("h1").text().to_string();
        let meant: String =
            words.chars().filter(|c| !c.is_control() && !matches!(c, '\u{202E}' | '\u{2066}')).collect();
        assert_eq!(seen.trim(), format!("Headline {}", meant.trim()).trim(), "the reader sees what was written");
    }
}

fn site_article(site: &Site) -> newsroom::ArticleId {
    pages(site).into_iter().find_map(|page| if let Page::Article(id) = page { Some(id) } else { None }).expect("one")
}

#[test]
fn identical_input_gives_identical_bytes() {
    let mut shuffled = sample::view("en");
    shuffled.articles.reverse();
    shuffled.articles.rotate_left(7);
    let shuffled = Site::new(shuffled).expect("the sample's outlet is sound");
    assert_eq!(files(&sample::site("en")), files(&sample::site("en")));
    assert_eq!(files(&sample::site("en")), files(&shuffled), "the order in which articles come is no matter");
}

/// The paths whose bytes differ between two sites, with those that only one has.
fn differing(before: &Site, after: &Site) -> BTreeSet<String> {
    let (before, after) = (files(before), files(after));
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

fn paths(site: &Site, touched: &BTreeSet<Page>) -> BTreeSet<String> {
    touched.iter().filter_map(|page| page.path(site)).collect()
}

fn with(change: impl FnOnce(&mut Vec<Article>)) -> Site {
    let mut view = sample::view("en");
    change(&mut view.articles);
    Site::new(view).expect("the sample's outlet is sound")
}

#[test]
fn a_new_story_touches_the_pages_it_stands_on_and_no_older_story() {
    for at in 0..sample::articles().len() {
        let newest = sample::articles()[at].id;
        // The story as the newest there is: published now, ranked last.
        let publish = |articles: &mut Vec<Article>| {
            let story = articles.iter_mut().find(|article| article.id == newest).expect("of the sample");
            story.published = story.published.map(|published| newsroom::Published {
                rank: 1_000,
                at: sample::MORNING + 1,
                ..published
            });
            story.revision.made = sample::MORNING + 1;
        };
        let before = with(|articles| articles.retain(|article| article.id != newest));
        let after = with(publish);
        let changed = differing(&before, &after);
        let touched = paths(&after, &pages_touched_by(&after, newest));
        let missed: Vec<&String> = changed.difference(&touched).collect();
        assert!(missed.is_empty(), "story {at} also changed {missed:?}");
        let other = changed.iter().filter(|path| path.starts_with("/articles/")).count();
        assert!(other <= 2, "story {at} changed {changed:?}");
    }
}

#[test]
fn a_corrected_headline_touches_every_page_that_shows_it() {
    for at in 0..sample::articles().len() {
        let id = sample::articles()[at].id;
        let after = with(|articles| articles[at].revision.title.push_str(", corrected"));
        let changed = differing(&sample::site("en"), &after);
        let touched = paths(&after, &pages_touched_by(&after, id));
        let missed: Vec<&String> = changed.difference(&touched).collect();
        assert!(missed.is_empty(), "story {at} also changed {missed:?}");
    }
}

#[test]
fn only_what_is_published_is_shown() {
    let hidden = with(|articles| {
        articles[0].state = ArticleState::Withdrawn;
        articles[1].state = ArticleState::Draft;
        articles[2].published = None;
        articles[3].slug = "../escape".into();
    });
    let every: String = files(&hidden).values().map(text).collect();
    for article in &sample::articles()[..4] {
        assert!(!every.contains(&article.revision.title), "{}", article.revision.title);
    }
    assert!(every.contains(&sample::articles()[4].revision.title));
}

#[test]
fn an_outlet_without_stories_has_a_site_all_the_same() {
    let empty = with(Vec::clear);
    for (path, file) in files(&empty).iter().filter(|(_, file)| file.kind == Kind::Html) {
        check_html(path, text(file));
    }
    let front = text(&files(&empty)["/"]).to_owned();
    assert!(front.contains("Nothing has been published yet.") && front.contains("id=\"sign-up\""));
}

#[test]
fn a_republished_story_names_its_origin_by_the_partners_policy() {
    let head = |policy, article: &Article| {
        let mut view = sample::view("en");
        view.republished = policy;
        let site = Site::new(view).expect("the sample's outlet is sound");
        let file = render(&site, Page::Article(article.id)).expect("it renders").expect("it exists");
        let html = Document::from(text(&file));
        let canonical = html.select("link[rel=canonical]").attr("href").map(String::from).unwrap_or_default();
        let robots = html.select("meta[name=robots]").attr("content").map(String::from).unwrap_or_default();
        (canonical, robots)
    };
    let articles = sample::articles();
    let (republished, own) = (&articles[0], &articles[1]);
    assert_eq!(head(RepublishPolicy::Canonical, republished), ("https://far.example/story/0".into(), String::new()));
    assert!(head(RepublishPolicy::NoIndex, republished).0.starts_with("https://post.example/articles/"));
    assert_eq!(head(RepublishPolicy::NoIndex, republished).1, "noindex");
    assert!(head(RepublishPolicy::None, republished).0.starts_with("https://post.example/articles/"));
    assert_eq!(head(RepublishPolicy::NoIndex, own).1, "");
    let file = render(&sample::site("en"), Page::Article(republished.id)).expect("it renders").expect("it exists");
    for told in [
        "Originally published by <a href=\"https://far.example/story/0\"",
        "rel=\"license",
        "CC BY 4.0",
        "<bdi>Ada Quill</bdi>, <bdi class=\"outlet\">The Far Shore</bdi>",
        "Corrected <time",
    ] {
        assert!(text(&file).contains(told), "{told}\n{}", text(&file));
    }
}

#[test]
fn each_story_keeps_its_language_and_direction_wherever_it_stands() {
    let files = files(&sample::site("en"));
    let front = Document::from(text(&files["/"]));
    assert!(front.select("article[lang=ar][dir=rtl]").length() >= 2);
    assert!(front.select("article[lang='zh-Hans'][dir=ltr]").length() >= 2);
    let arabic = sample::articles().into_iter().find(|article| article.revision.language == "ar").expect("one");
    let page = Document::from(text(&files[&format!("/articles/{}/", arabic.slug)]));
    assert_eq!(page.select("html").attr("dir").as_deref(), Some("rtl"));
    assert_eq!(page.select("body > header").attr("dir").as_deref(), Some("ltr"));
    assert_eq!(page.select("#sign-up").attr("lang").as_deref(), Some("en"));
    assert!(page.select(".dates").text().contains("نُشر في"));
}

#[test]
fn feeds_hold_the_full_text_and_every_address_is_absolute() {
    let site = sample::site("en");
    let harbour = sample::topics()[0].id;
    for topic in [None, Some(harbour)] {
        for format in FeedFormat::EVERY {
            let file = render(&site, Page::Feed(format, topic)).expect("it renders").expect("it exists");
            let (entries, bodies) = match format {
                FeedFormat::Json => json_bodies(text(&file)),
                FeedFormat::Rss => xml_bodies(text(&file), "content:encoded"),
                FeedFormat::Atom => xml_bodies(text(&file), "content"),
            };
            let expected = sample::articles().iter().filter(|a| topic.is_none() || a.revision.topics.has(0)).count();
            assert_eq!((entries, bodies.len()), (expected, expected), "{format:?}");
            for body in bodies {
                let body = Document::fragment(body.as_str());
                assert!(body.select("p").length() >= 3, "{format:?}");
                for node in body.select("[href], [src]").nodes() {
                    let address = node.attr("href").or(node.attr("src")).unwrap_or_default();
                    assert!(address.starts_with("https://"), "{format:?} leads to {address}");
                }
            }
        }
    }
}

fn json_bodies(feed: &str) -> (usize, Vec<String>) {
    let feed: serde_json::Value = serde_json::from_str(feed).expect("the feed is JSON");
    assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
    let items = feed["items"].as_array().expect("a list of items").clone();
    let bodies = items.iter().filter_map(|item| item["content_html"].as_str()).map(str::to_owned).collect();
    (items.len(), bodies)
}

/// Entries and the texts of `element`, from a feed that must be well-formed.
fn xml_bodies(feed: &str, element: &str) -> (usize, Vec<String>) {
    let nodes = sample::xml::nodes(feed).unwrap_or_else(|fault| panic!("{fault}\n{feed}"));
    let entries = nodes.iter().filter(|(name, _)| matches!(name.as_str(), "item" | "entry")).count();
    let bodies = nodes.into_iter().filter(|(name, _)| name == element).map(|(_, text)| text).collect();
    (entries, bodies)
}

#[test]
fn the_feed_of_editions_holds_each_edition_whole_in_its_order() {
    let site = sample::site("en");
    let files = files(&site);
    for (path, element) in [("/editions.xml", "content:encoded"), ("/editions.atom", "content")] {
        let (entries, bodies) = xml_bodies(text(&files[path]), element);
        assert!(entries > 0 && entries == bodies.len(), "{path}: {entries} entries, {} texts", bodies.len());
        for body in bodies {
            assert!(body.contains("<h2 lang=") && body.matches("<h2").count() >= 1, "{path}: {body}");
            assert!(!body.contains("=\"/"), "{path}: every address is absolute");
        }
    }
}

#[test]
fn the_checks_of_a_feed_can_fail() {
    for broken in [
        "<a>",
        "<a></b>",
        "<a>&nbsp;</a>",
        "<a>x & y</a>",
        "<a b=c></a>",
        "<a/><b></b>",
        "<a b=\"<\"></a>",
        "<a>\u{1}</a>",
    ] {
        assert!(sample::xml::nodes(broken).is_err(), "{broken}");
    }
}

#[test]
fn feeds_of_hostile_words_stay_well_formed() {
    for words in HOSTILE {
        let site = hostile(words);
        for (format, element) in [(FeedFormat::Rss, "content:encoded"), (FeedFormat::Atom, "content")] {
            let file = render(&site, Page::Feed(format, None)).expect("it renders").expect("it exists");
            assert_eq!(xml_bodies(text(&file), element).0, 25);
        }
        for page in [Page::Sitemap, Page::NewsSitemap, Page::Icon] {
            let file = render(&site, page).expect("it renders").expect("it exists");
            xml_bodies(text(&file), "none");
        }
    }
}

#[test]
fn a_sitemap_names_no_page_that_names_another() {
    let file = render(&sample::site("en"), Page::Sitemap).expect("it renders").expect("it exists");
    let articles = sample::articles();
    assert!(!text(&file).contains(&articles[0].slug), "republished: its canonical address is elsewhere");
    assert!(text(&file).contains(&articles[5].slug));
    assert!(text(&file).contains("<loc>https://post.example/topics/harbour/</loc>"));
}

#[test]
fn a_days_page_keeps_the_editions_order() {
    let site = sample::site("en");
    let day = Page::Day(jiff::civil::date(2026, 11, 24));
    let file = render(&site, day).expect("it renders").expect("it exists");
    let html = Document::from(text(&file));
    let first: Vec<String> =
        html.select("main article h2").nodes().iter().take(3).map(|node| node.text().to_string()).collect();
    let articles = sample::articles();
    assert_eq!(first, [2, 1, 0].map(|at: usize| articles[at].revision.title.clone()));
    assert!(text(&file).contains("The ferry that nobody cancelled"));
}

#[test]
fn a_page_with_its_style_sheet_is_below_sixty_kilobytes() {
    let site = sample::site("en");
    let style = render(&site, Page::Style).expect("it renders").expect("it exists").bytes.len();
    for (path, file) in files(&site).iter().filter(|(_, file)| file.kind == Kind::Html) {
        let whole = style + file.bytes.len();
        assert!(whole < 60_000, "{path} is {whole} bytes before it is compressed");
    }
}

#[test]
fn a_story_of_no_topic_is_still_on_the_front_page() {
    let lonely = with(|articles| articles.iter_mut().for_each(|article| article.revision.topics = Topics::NONE));
    let front = text(&files(&lonely)["/"]).to_owned();
    assert!(front.contains("More stories"));
    check_html("/", &front);
}

#[test]
fn a_standfirst_that_opens_the_text_is_not_said_twice() {
    let shown = |standfirst: &str| {
        let site = with(|articles| {
            articles[5].revision.standfirst = standfirst.to_owned();
            let blocks = vec![prose::Block::paragraph("The lamp was lit at dusk. Nobody saw by whom.")];
            articles[5].revision.body = prose::Document { blocks }.to_json();
        });
        let page = render(&site, Page::Article(sample::articles()[5].id)).expect("it renders").expect("it exists");
        Document::from(text(&page)).select("main header .standfirst").length()
    };
    assert_eq!(shown("The lamp was lit at dusk."), 0);
    assert_eq!(shown("The  lamp was lit at dusk. Nobody saw…"), 0, "cut short, with other blanks");
    assert_eq!(shown("Nobody saw by whom."), 1, "a sentence from further down says something of its own");
    assert_eq!(shown(""), 0);
}
