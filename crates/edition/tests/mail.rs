//! What a reader's mail promises: nothing typed by a stranger acts, nothing is left out of the text, nothing differs within
//! a cohort but the tail, and the layout needs only what nearly every client knows.

mod samples;

use edition::mail::{
    DraftFault, EditionDraft, EditionView, PREFERENCES_SLOT, SUBJECT_CHARS_MAX, StoryBody, UNSUBSCRIBE_SLOT, draft,
    subject,
};
use newsroom::Format;

fn drafted(view: &EditionView) -> EditionDraft {
    draft(view, Format::Html).expect("a sound edition")
}

fn html(view: &EditionView) -> (String, String) {
    let part = drafted(view).parts.html.expect("an HTML part");
    (part.shared, part.personal)
}

fn every_sample() -> Vec<(&'static str, EditionView)> {
    vec![
        ("mixed", samples::mixed()),
        ("arabic", samples::arabic()),
        ("arabic of twelve", samples::arabic_of_twelve()),
        ("chinese of twelve", samples::chinese_of_twelve()),
        ("full", samples::full()),
        ("awkward", samples::awkward()),
        ("dressed", samples::dressed()),
    ]
}

/// Text as a reader of either part sees it, with wrapping and entities undone.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unescaped(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

#[test]
fn the_text_part_holds_every_story_credit_and_link() {
    for (name, view) in every_sample() {
        let draft = drafted(&view);
        let text = draft.parts.text.shared.clone() + &draft.parts.text.personal;
        let flat = unwrapped(&text);
        for story in &view.stories {
            assert!(flat.contains(&story.title), "{name}: {}", story.title);
            assert!(flat.contains(story.byline.as_deref().unwrap_or_default()), "{name}: {:?}", story.byline);
            assert!(flat.contains(story.outlet.as_deref().unwrap_or_default()), "{name}: {:?}", story.outlet);
            if let StoryBody::Teaser(paragraphs) = &story.body {
                assert!(paragraphs.iter().all(|paragraph| flat.contains(paragraph)), "{name}: {}", story.title);
            }
        }
        for correction in &view.corrections {
            assert!(flat.contains(&correction.text), "{name}: {}", correction.text);
        }
        let (shared, personal) = html(&view);
        for link in links(&(shared + &personal)) {
            assert!(text.contains(&link), "{name}: {link} is missing from the text part");
        }
        assert!(!text.contains('<') || view.stories.iter().any(|s| matches!(s.body, StoryBody::Full(_))), "{name}");
    }
}

/// Every address that the HTML links to.
fn links(html: &str) -> Vec<String> {
    html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(unescaped).collect()
}

#[test]
fn text_of_an_alphabet_is_wrapped_and_links_stay_whole() {
    let text = drafted(&samples::mixed()).parts.text.shared;
    for line in text.lines().filter(|line| line.is_ascii()) {
        assert!(line.len() <= 72 || line.starts_with("https://"), "{line}");
    }
}

#[test]
fn a_text_only_reader_gets_the_same_letter_and_no_html() {
    let both = drafted(&samples::mixed());
    let alone = draft(&samples::mixed(), Format::Text).expect("a sound edition");
    assert_eq!(alone.parts.html, None);
    assert_eq!(alone.parts.text, both.parts.text);
    assert_eq!(alone.subject, both.subject);
}

#[test]
fn two_renderings_are_the_same_bytes() {
    for (name, view) in every_sample() {
        assert_eq!(drafted(&view), drafted(&view.clone()), "{name}");
    }
}

#[test]
fn the_personal_tail_is_short_and_holds_only_the_two_links() {
    for (name, view) in every_sample() {
        let draft = drafted(&view);
        let html = draft.parts.html.expect("an HTML part");
        for part in [&draft.parts.text, &html] {
            assert_eq!(part.personal.matches("{{").count(), 2, "{name}: {}", part.personal);
            assert!(part.personal.contains(&format!("{}preferences/{PREFERENCES_SLOT}", samples::SITE)), "{name}");
            assert!(part.personal.contains(&format!("{}unsubscribe/{UNSUBSCRIBE_SLOT}", samples::SITE)), "{name}");
            assert!(!part.shared.contains("{{"), "{name}");
            assert!(part.personal.len() < 500, "{name}: {} bytes", part.personal.len());
        }
        assert_eq!(links(&html.personal).len(), 2, "{name}");
        assert!(html.personal.ends_with("</body>\n</html>\n"), "{name}");
    }
}

#[test]
fn twelve_teasers_stay_small_in_every_script() {
    for view in [samples::mixed(), samples::arabic_of_twelve(), samples::chinese_of_twelve()] {
        assert_eq!(view.stories.len(), 12);
        let (shared, personal) = html(&view);
        let whole = shared + &personal;
        assert!(whole.len() <= 30_000, "{} bytes of HTML in {}", whole.len(), view.language);
        assert!(edition::mail::encoded_bytes(&whole) <= 60_000, "{}", view.language);
    }
}

#[test]
fn a_mail_that_would_be_cut_is_refused() {
    let mut view = samples::mixed();
    view.stories = std::iter::repeat_n(view.stories[0].clone(), 90).collect();
    assert!(matches!(draft(&view, Format::Html), Err(DraftFault::TooLong { part: "HTML", bytes }) if bytes > 90_000));
}

#[test]
fn what_a_stranger_typed_stays_text() {
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\r\nBcc: a@example.org\u{202E}{{unsubscribe}}{% raw %}\u{9b}";
    let mut view = samples::mixed();
    view.stories.truncate(2);
    view.newsletter = hostile.to_owned();
    view.outlet = hostile.to_owned();
    view.postal_address = hostile.to_owned();
    view.corrections[0].title = hostile.to_owned();
    view.corrections[0].text = hostile.to_owned();
    for story in &mut view.stories {
        story.title = hostile.to_owned();
        story.byline = Some(hostile.to_owned());
        story.outlet = Some(hostile.to_owned());
        story.topic = Some(hostile.to_owned());
        story.language = hostile.to_owned();
        story.original = Some("javascript:alert(3)".to_owned());
        story.body = StoryBody::Teaser(vec![hostile.to_owned()]);
        if let Some(picture) = &mut story.picture {
            picture.alt = hostile.to_owned();
            picture.caption = Some(hostile.to_owned());
            picture.credit = Some(hostile.to_owned());
            picture.url = "https://courier.example/\"onload=\"alert(4)".to_owned();
        }
    }
    let draft = drafted(&view);
    assert!(!draft.subject.contains(char::is_control) && draft.subject.starts_with("<script>alert(1)</script>\"'>"));
    let html = draft.parts.html.expect("an HTML part");
    for wrong in ["<script", "onerror=alert(2)>", "<img src=x", "javascript:", "\"onload", "\r", "\u{202E}", "\u{9b}"] {
        assert!(!html.shared.contains(wrong), "{wrong:?}");
    }
    assert!(html.shared.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;"));
    assert!(html.shared.contains("lang=\"und\""));
    let text = &draft.parts.text;
    assert!(!text.shared.contains(['\r', '\u{202E}', '\u{9b}']));
    assert!(!text.shared.contains("javascript:"));
    // A slot is only a slot in the tail, and nothing typed reaches the tail.
    for part in [text, &html] {
        assert_eq!(part.personal.matches("{{").count(), 2);
        assert!(!part.personal.contains("script") && !part.personal.contains("Bcc"));
    }
}

#[test]
fn the_subject_is_the_leads_headline_and_never_empty() {
    let mut view = samples::mixed();
    assert_eq!(subject(&view), "First ships enter the harbour after eleven days of strike");
    view.stories[0].title = "a word ".repeat(100);
    assert!(subject(&view).chars().count() <= SUBJECT_CHARS_MAX && subject(&view).ends_with('…'));
    view.stories[0].title = " \u{202E}\r\n\u{0}".to_owned();
    assert_eq!(subject(&view), "The Harbour Courier");
    view.newsletter.clear();
    view.outlet.clear();
    assert_eq!(subject(&view), "Tuesday 24 November 2026");
}

#[test]
fn a_subject_is_never_the_same_two_days_running() {
    let mut view = samples::mixed();
    let headline = subject(&view);
    view.envelope.last_subjects = vec![headline.clone()];
    assert_eq!(subject(&view), "Tug crews say the deal forgot them");
    view.stories.truncate(1);
    assert_eq!(subject(&view), format!("{headline} · Tuesday 24 November 2026"));
    view.envelope.subject = "The harbour opens".to_owned();
    assert_eq!(subject(&view), "The harbour opens");
    view.envelope.last_subjects.push("The harbour opens".to_owned());
    assert_eq!(subject(&view), "The harbour opens · Tuesday 24 November 2026");
    view.envelope.subject = "a".repeat(300);
    view.envelope.last_subjects = vec![subject(&view)];
    assert!(subject(&view).chars().count() <= SUBJECT_CHARS_MAX && subject(&view).ends_with("November 2026"));
}

#[test]
fn what_the_editors_put_around_the_stories_is_in_both_parts() {
    let draft = drafted(&samples::dressed());
    let (html, text) = (draft.parts.html.expect("an HTML part").shared, draft.parts.text.shared);
    for said in [
        "Four ships by sunrise, and what the tug crews say",
        "Thank you for the letters about the wells.",
        "— Ana Sol, editor",
        "Three hundred readers pay for this mail",
        "An evening on water",
        "https://bakery.example/",
        "More on the site: 31 stories",
        "Read it at tugs.example",
        "Peter Okafor, The Tug",
    ] {
        assert!(html.contains(said) && unwrapped(&text).contains(said), "{said}");
    }
    for label in ["Support us", "Event", "Sponsored"] {
        assert!(html.contains(&format!(">{label}</p>")) && text.contains(&label.to_uppercase()), "{label}");
    }
    assert!(!html.contains("Originally published by The Tug"), "a card was not published by us");
    assert!(text.starts_with("Four ships by sunrise"), "{}", &text[..80]);
}

#[test]
fn an_edition_without_a_story_or_with_a_false_address_is_no_mail() {
    let mut view = samples::mixed();
    view.stories[3].url = "javascript:alert(1)".to_owned();
    assert!(matches!(draft(&view, Format::Html), Err(DraftFault::Address { what: "a story's page", .. })));
    view.stories.clear();
    assert_eq!(draft(&view, Format::Text), Err(DraftFault::NoStory));
}

#[test]
fn the_first_characters_are_the_news() {
    let body = |view: &EditionView| {
        let (shared, _) = html(view);
        let body = shared.split("<body").nth(1).expect("a body").to_owned();
        let seen: Vec<&str> = body.split('<').skip(1).filter_map(|tag| tag.split('>').nth(1)).collect();
        unwrapped(&unescaped(&seen.join(" ")))
    };
    let mixed = samples::mixed();
    assert!(body(&mixed).starts_with("Also today: Tug crews say the deal forgot them ·"));
    assert!(drafted(&mixed).parts.text.shared.starts_with("Also today: Tug crews say the deal forgot them ·"));
    let only = EditionView { stories: mixed.stories[..1].to_vec(), ..mixed };
    assert!(body(&only).starts_with("Four container ships passed the breakwater"));
    assert!(drafted(&only).parts.text.shared.starts_with("Four container ships passed the breakwater"));
}

#[test]
fn an_arabic_mail_runs_from_the_right_and_each_story_its_own_way() {
    let (arabic, _) = html(&samples::arabic());
    assert!(arabic.contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(arabic.contains("role=\"article\" aria-roledescription=\"email\""));
    assert!(arabic.contains("direction:rtl;text-align:right\">"));
    assert!(arabic.contains("<div lang=\"en\" dir=\"ltr\" style=\"direction:ltr;text-align:left\">"));
    assert!(arabic.contains("الثلاثاء، 24 نوفمبر 2026") && arabic.contains("5 أخبار"));
    let (mixed, _) = html(&samples::mixed());
    assert!(mixed.contains("<div lang=\"ar\" dir=\"rtl\" style=\"direction:rtl;text-align:right\">"));
    // Arabic letters join: they are never set apart.
    assert!(!arabic.contains("letter-spacing"));
}

#[test]
fn the_lead_stands_first_and_topics_follow_the_line_up() {
    let mut view = samples::mixed();
    view.stories[4].topic = None;
    let (shared, _) = html(&view);
    let at = |needle: &str| shared.find(needle).unwrap_or_else(|| panic!("{needle} is missing"));
    let order = [
        "First ships enter the harbour after",
        "<img ",
        ">Port</h2>",
        "Tug crews",
        ">City hall</h2>",
        ">Neighbours</h2>",
        ">Weather</h2>",
        ">More news</h2>",
        "Écoles",
    ];
    // The skyline above the masthead names some of them too.
    let body = shared.find("<h1").expect("a masthead");
    let places: Vec<usize> =
        order.iter().map(|needle| body + shared[body..].find(needle).unwrap_or_else(|| at(needle))).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(shared.matches("<img ").count(), 1);
}

/// Properties that at least 95 % of the clients on caniemail.com know (November 2026), as inline styles.
const BASE: &[&str] = &[
    "background",
    "border",
    "border-bottom",
    "border-collapse",
    "border-left",
    "border-right",
    "border-top",
    "color",
    "direction",
    "display",
    "font",
    "font-size",
    "letter-spacing",
    "line-height",
    "margin",
    "max-width",
    "padding",
    "padding-left",
    "padding-right",
    "text-align",
    "text-transform",
    "vertical-align",
    "width",
];
/// Inline styles whose loss does no harm.
const ENHANCEMENTS: &[&str] = &["table-layout", "text-decoration", "word-wrap"];
/// Elements and attributes likewise.
const ELEMENTS: &[&str] = &[
    "a",
    "blockquote",
    "body",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "html",
    "img",
    "li",
    "meta",
    "p",
    "span",
    "strong",
    "style",
    "table",
    "td",
    "title",
    "tr",
    "ul",
    "ol",
];

#[test]
fn the_base_layer_needs_only_what_nearly_every_client_knows() {
    for (name, view) in every_sample() {
        let (shared, personal) = html(&view);
        let whole = shared + &personal;
        for style in whole.split(" style=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            for property in style.split(';').filter_map(|rule| rule.split(':').next()).filter(|p| !p.is_empty()) {
                assert!(BASE.contains(&property) || ENHANCEMENTS.contains(&property), "{name}: {property} in {style}");
            }
            assert!(!style.contains("url(") && !style.contains("rem"), "{name}: {style}");
        }
        let (before, after) = (whole.split("<style>").next(), whole.split("</style>").nth(1));
        let markup = before.unwrap_or_default().to_owned() + after.unwrap_or_default();
        for tag in markup.split('<').skip(1).filter(|tag| !tag.starts_with(['/', '!'])) {
            let element = tag.split([' ', '>', '\n']).next().unwrap_or_default();
            assert!(ELEMENTS.contains(&element), "{name}: {element}");
        }
        let tables = whole.matches("<table").count();
        assert_eq!(tables, whole.matches("<table role=\"presentation\"").count(), "{name}");
        assert_eq!(whole.matches("<img ").count(), whole.matches(" alt=\"").count(), "{name}");
    }
}

#[test]
fn nothing_in_a_mail_tells_who_looked() {
    for (name, view) in every_sample() {
        let (shared, personal) = html(&view);
        assert!(!personal.contains("<img") && !personal.contains("background"), "{name}");
        for link in links(&shared) {
            assert!(!link.contains("utm_") && !link.contains('{'), "{name}: {link}");
        }
    }
}

#[test]
fn two_copies_of_a_cohort_differ_in_their_tokens_alone() {
    for (name, view) in every_sample() {
        let body = ::mail::mime::SharedBody::build(&drafted(&view).parts, name.as_bytes()).expect("a sound draft");
        let mut slots: Vec<&str> = body.slots().collect();
        slots.sort_unstable();
        assert_eq!(slots, ["preferences", "unsubscribe"], "{name}");
        let copy = |token: u8| {
            let copy = body.copy(|_| Some([token; 44])).expect("every slot is filled");
            copy.segments().concat()
        };
        let (one, other) = (copy(b'A'), copy(b'B'));
        assert_eq!(one.len(), other.len(), "{name}");
        assert!(one.len() <= 60_000, "{name}: {} bytes on the wire", one.len());
        // The text part's tail stands before the HTML part; both tails are short.
        let differing = one.iter().zip(&other).filter(|(a, b)| a != b).count();
        assert!((1..=4 * 80).contains(&differing), "{name}: {differing} bytes differ");
    }
}
