//! What comes out of a page: the article whole, what is known of it, and nothing that was not said.

use prose::{Direction, Extracted, RemovedKind, extract, read_text};
use url::Url;

const PARAGRAPHS: &str = "<p>The port of Harbour opened again on Monday after three weeks, and the first ships left for the north before noon.</p>\
    <p>“We asked for pay, and we were given promises,” said Ana Ruiz, who speaks for the dockers, on the quay this morning.</p>\
    <p>The port authority said that talks would go on, and that no ship would be turned away while they did, whatever their outcome.</p>\
    <p>On 3 May the union had called the strike, which by its own count nine in ten dockers joined, and which cost the city its fish.</p>";

fn page(head: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en-gb\"><head><title>The port opens | Harbour Post</title>{head}</head>\
         <body><a class=\"screen-reader\" href=\"#main\">Skip to content</a><nav><a href=/>Home</a></nav>\
         <main id=main><article><h1>The port opens</h1>{body}</article></main>\
         <footer>© Harbour Post</footer></body></html>"
    )
}

fn at(html: &str) -> Extracted {
    let url = Url::parse("https://harbour.example/2026/05/port").expect("a constant");
    extract(html, Some(&url))
}

fn removed(extracted: &Extracted) -> Vec<(&'static str, &str)> {
    extracted.removed.iter().map(|removed| (removed.kind.as_str(), removed.text.as_str())).collect()
}

#[test]
fn a_page_that_declares_everything_is_known_whole() {
    let json = r##"<script type="application/ld+json">{"@context":"https://schema.org","@graph":[
        {"@type":"NewsArticle","headline":"The port opens","datePublished":"2026-05-24T06:30:00+02:00","license":"https://creativecommons.org/licenses/by/4.0/",
         "author":[{"@type":"Person","name":"Ana D&#39;Souza"},{"@id":"#bo"}],"publisher":{"@id":"#post"},
         "image":{"@type":"ImageObject","url":"/pictures/crane-1200x800.jpg"}},
        {"@type":"Person","@id":"#bo","name":"Bo Li"},{"@type":"Organization","@id":"#post","name":"Harbour Post"}]}</script>
        <link rel=canonical href="/2026/05/port-opens"><meta property=og:title content="The port opens">"##;
    let figure = "<figure><img src=/pictures/crane.jpg alt=\"A crane\"><figcaption>The crane at dawn. <span class=photo-credit>Photo: Eva Lind</span></figcaption></figure>";
    let told = at(&page(json, &format!("{figure}{PARAGRAPHS}")));
    assert_eq!(told.title.as_deref(), Some("The port opens"));
    assert_eq!(told.byline.as_deref(), Some("Ana D'Souza, Bo Li"));
    assert_eq!(told.outlet.as_deref(), Some("Harbour Post"));
    assert_eq!(told.published_raw.as_deref(), Some("2026-05-24T06:30:00+02:00"));
    assert_eq!(told.published, Some(1_779_597_000_000));
    assert_eq!(told.language.as_deref(), Some("en-GB"));
    assert_eq!(told.canonical.as_deref(), Some("https://harbour.example/2026/05/port-opens"));
    assert_eq!(told.licence.as_deref(), Some("https://creativecommons.org/licenses/by/4.0/"));
    let image = told.image.clone().expect("declared");
    assert_eq!(image.src.as_deref(), Some("https://harbour.example/pictures/crane-1200x800.jpg"));
    assert_eq!(image.alt.as_deref(), Some("A crane"));
    assert_eq!(image.caption.as_deref(), Some("The crane at dawn."));
    assert_eq!(image.credit.as_deref(), Some("Eva Lind"));
    let text = told.document.plain_text();
    assert!(text.starts_with("The port of Harbour opened") && text.ends_with("cost the city its fish."), "{text}");
    assert!(removed(&told).contains(&("skip_link", "Skip to content")));
}

#[test]
fn what_a_page_does_not_say_stays_unknown() {
    let html =
        format!("<body>{PARAGRAPHS}<p>By and large, Harbour Post readers agreed with Bo Li of The Times.</p></body>");
    let told = extract(&html, None);
    assert_eq!((told.byline, told.outlet, told.published, told.canonical), (None, None, None, None));
    assert_eq!((told.licence, told.image, told.first_published, told.title), (None, None, None, None));
    assert_eq!(told.language.as_deref(), Some("en"));
    assert!(told.document.plain_text().contains("Bo Li of The Times"));
}

#[test]
fn an_author_nobody_named_is_no_author() {
    for author in ["admin", "https://harbour.example/author/bo", "bo@harbour.example", "", "Harbour Post"] {
        let head =
            format!("<meta name=author content=\"{author}\"><meta property=og:site_name content=\"Harbour Post\">");
        assert_eq!(at(&page(&head, PARAGRAPHS)).byline, None, "{author}");
    }
    let head = "<meta name=author content=\"By Bo Li\">";
    assert_eq!(at(&page(head, PARAGRAPHS)).byline.as_deref(), Some("Bo Li"));
    let marked = format!("<p class=byline>By Bo Li | 24 May</p>{PARAGRAPHS}");
    assert_eq!(at(&page("", &marked)).byline.as_deref(), Some("Bo Li"));
    let several = format!("<p class=byline>By Bo Li</p>{PARAGRAPHS}<aside><p class=byline>By Eva Lind</p></aside>");
    assert_eq!(at(&page("", &several)).byline, None, "two bylines on a page do not say whose it is");
}

#[test]
fn boilerplate_is_taken_out_and_told() {
    let body = format!(
        "<p><a href=#lightbox>View Featured Image</a></p><p>Above photo: Port Agency.</p>{PARAGRAPHS}\
         <div class=\"sharedaddy sd-like\"><a href=/f>Facebook</a> <a href=/t>Twitter</a></div>\
         <h3>Sign Up To Our Weekly Letter newsletter</h3><p>Small papers live by their readers. Leave us your email before the tide turns.</p>\
         <p>This article was originally published by The Tide Table.</p>"
    );
    let told = at(&page("", &body));
    let expected = [
        ("skip_link", "Skip to content"),
        ("image_viewer", "View Featured Image"),
        ("share", "Facebook Twitter"),
        ("signup", "Sign Up To Our Weekly Letter newsletter"),
        ("signup", "Small papers live by their readers. Leave us your email before the tide turns."),
        ("credit", "Above photo: Port Agency."),
        ("origin", "This article was originally published by The Tide Table."),
    ];
    assert_eq!(removed(&told), expected);
    assert_eq!(told.first_published.as_deref(), Some("The Tide Table"));
    assert_eq!(told.image.and_then(|image| image.credit).as_deref(), Some("Port Agency"));
    let text = told.document.plain_text();
    assert!(text.starts_with("The port of Harbour") && text.ends_with("its fish."), "{text}");
}

#[test]
fn a_page_in_arabic_is_read_right_to_left() {
    let paragraph = "عاد الميناء إلى العمل يوم الاثنين بعد ثلاثة أسابيع من الإضراب، وغادرت السفن الأولى نحو الشمال قبل الظهر بينما كان العمال ينتظرون أجورهم.";
    let html = format!(
        "<html><head><title>الميناء يفتح</title><meta property=og:locale content=ar_AR></head><body><a href=#c>انتقل إلى المحتوى</a>\
         <article><h1>الميناء يفتح</h1><p>صورة: وكالة الميناء</p>{}</article></body></html>",
        format!("<p>{paragraph}</p>").repeat(4)
    );
    let told = extract(&html, None);
    assert_eq!(told.language.as_deref(), Some("ar-AR"));
    assert_eq!(told.direction, Direction::Rtl);
    assert_eq!(told.title.as_deref(), Some("الميناء يفتح"));
    assert_eq!(told.image.and_then(|image| image.credit).as_deref(), Some("وكالة الميناء"));
    assert!(told.document.plain_text().starts_with("عاد الميناء"));
    assert!(told.removed.iter().any(|removed| removed.kind == RemovedKind::SkipLink));
}

#[test]
fn a_plain_text_is_read_by_the_same_rules() {
    let told = read_text(
        "Skip to content\nView Featured Image\n\nDockers Win ‘Fair’ Pay At Harbour\n\nAbove photo: Port Agency.\n\n\
         The port of Harbour opened again on Monday\nafter three weeks.\n\n“We asked for pay,” said Ana Ruiz.\n\n\
         Sign Up To Our Weekly Letter newsletter\n\nSmall papers live by their readers. Leave us your email before the tide turns.",
    );
    assert_eq!(told.title.as_deref(), Some("Dockers Win ‘Fair’ Pay At Harbour"));
    assert_eq!((told.byline.as_deref(), told.outlet.as_deref(), told.published), (None, None, None));
    assert_eq!(told.image.clone().and_then(|image| image.credit).as_deref(), Some("Port Agency"));
    assert_eq!(
        told.document.plain_text(),
        "The port of Harbour opened again on Monday after three weeks.\n\n“We asked for pay,” said Ana Ruiz."
    );
    let kinds: Vec<&str> = told.removed.iter().map(|removed| removed.kind.as_str()).collect();
    assert_eq!(kinds, ["skip_link", "image_viewer", "credit", "signup", "signup"]);
}

#[test]
fn a_first_line_that_is_a_sentence_is_no_headline() {
    assert_eq!(read_text("The port opened again on Monday.\n\nThe first ships left.").title, None);
    assert_eq!(read_text("Only one line").title, None);
    assert_eq!(read_text("").title, None);
    assert_eq!(read_text("港口重新开放\n\n港口于星期一重新开放。").title.as_deref(), Some("港口重新开放"));
}

#[test]
fn a_hostile_page_gives_a_document_and_no_more() {
    let json = format!("<script type=application/ld+json>{}</script>", "[".repeat(100_000));
    let names = format!(
        "<script type=application/ld+json>{{\"@type\":\"Article\",\"headline\":\"{}\"}}</script>",
        "x".repeat(500_000)
    );
    for hostile in [
        "<div>".repeat(100_000),
        "<b><p>".repeat(50_000),
        "<table><tr><td>".repeat(50_000),
        "<p class=author>By x".repeat(50_000),
        "<h3>Subscribe to our newsletter</h3>".repeat(20_000),
        "<meta name=author content=x>".repeat(50_000),
        format!("<p {}>", (0..100_000).map(|n| format!("a{n}=1 ")).collect::<String>()),
        json.repeat(3),
        names,
    ] {
        let told = at(&page(&hostile, &format!("{hostile}{PARAGRAPHS}")));
        told.document.check().expect("within every limit");
        assert!(told.title.is_none_or(|title| title.len() <= 1_000));
        assert!(told.removed.len() <= 200);
    }
}

#[test]
fn a_saved_page_without_an_address_still_says_what_its_picture_shows() {
    let paragraph =
        "<p>The harbour opened again on Monday, and the ferries ran on time for the first week.</p>".repeat(9);
    let html = format!(
        r#"<article><h1>Open</h1><figure><img src="page_files/q.jpg" alt="The quay"><figcaption>At low water</figcaption>
           </figure>{paragraph}</article>"#
    );
    let image = prose::extract(&html, None).image.expect("it has a lead picture");
    assert_eq!(
        (image.src, image.alt.as_deref(), image.caption.as_deref()),
        (None, Some("The quay"), Some("At low water"))
    );
}
