//! Feeds as they are found: what is understood of each, in a few lines of text.

use gather::{Entry, Feed, FeedFault, Recognised, parse_feed, recognise};

const URL: &str = "https://outlet.example/news/feed";

fn parse(text: impl AsRef<[u8]>) -> Feed {
    parse_feed(text.as_ref(), None, Some(URL)).expect("a feed")
}

/// The first entry of a feed whose items hold `inside`.
fn item(inside: &str) -> Entry {
    let feed = parse(format!("<rss version='2.0'><channel><title>t</title><item>{inside}</item></channel></rss>"));
    feed.entries.into_iter().next().expect("an entry")
}

fn atom(inside: &str) -> Entry {
    let feed =
        parse(format!("<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title><entry>{inside}</entry></feed>"));
    feed.entries.into_iter().next().expect("an entry")
}

fn date(ms: Option<i64>) -> String {
    ms.map_or("none".into(), |ms| jiff::Timestamp::from_millisecond(ms).expect("in range").to_string())
}

#[test]
fn rss_2_is_read_whole() {
    let feed = parse(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
             xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom">
        <channel><title>Harbour &amp; Sea</title><link>https://outlet.example/</link><atom:link rel="self" href="x"/>
        <language>en-GB</language><ttl>60</ttl><image><title>logo</title><url>https://outlet.example/logo.png</url></image>
        <item><title>Ferry &lt;em&gt;stops&lt;/em&gt; &amp;amp; waits</title><link>https://outlet.example/a</link>
          <guid isPermaLink="false">tag:1</guid><pubDate>Mon, 05 Jan 2026 10:00:00 GMT</pubDate><dc:creator>Ana Sol</dc:creator>
          <category>Sea</category><category>Sea</category><category>Work</category>
          <description>&lt;p&gt;Short.&lt;/p&gt;</description><content:encoded><![CDATA[<p>Long & full.</p>]]></content:encoded>
          <media:group><media:content url="/p.jpg" medium="image"><media:title>not the title</media:title></media:content></media:group>
        </item></channel></rss>"#,
    );
    assert_eq!((feed.title.as_str(), feed.link.as_deref()), ("Harbour & Sea", Some("https://outlet.example/")));
    assert_eq!((feed.language.as_deref(), feed.ttl_ms), (Some("en-GB"), Some(3_600_000)));
    let entry = &feed.entries[0];
    assert_eq!(entry.title, "Ferry stops & waits");
    assert_eq!((entry.guid.as_str(), entry.link.as_deref()), ("tag:1", Some("https://outlet.example/a")));
    assert_eq!(date(entry.published), "2026-01-05T10:00:00Z");
    assert_eq!(entry.published_raw.as_deref(), Some("Mon, 05 Jan 2026 10:00:00 GMT"));
    assert_eq!(entry.author.as_deref(), Some("Ana Sol"));
    assert_eq!(entry.categories, ["Sea", "Work"]);
    assert_eq!(entry.summary_html.as_deref(), Some("<p>Short.</p>"));
    assert_eq!(entry.content_html.as_deref(), Some("<p>Long & full.</p>"));
    assert_eq!(entry.image_url.as_deref(), Some("https://outlet.example/p.jpg"));
}

#[test]
fn atom_is_read_whole() {
    let feed = parse(
        r#"<?xml version="1.0"?><a:feed xmlns:a="http://www.w3.org/2005/Atom" xml:lang="de" xml:base="https://b.example/x/">
        <a:title type="html">Der &amp;amp; Hafen</a:title><a:link rel="self" href="self"/><a:link href="../"/>
        <a:entry xml:lang="fr"><a:id>urn:1</a:id><a:title>A &lt; B</a:title>
          <a:link rel="replies" href="r"/><a:link rel="alternate" type="text/html" href="one"/>
          <a:link rel="enclosure" type="image/png" href="p.png"/>
          <a:author><a:name>Ana Sol</a:name><a:email>ana@outlet.example</a:email></a:author>
          <a:updated>2026-01-06T00:00:00Z</a:updated><a:published>2026-01-05T10:00:00+02:00</a:published>
          <a:category term="sea" label="The sea"/><a:source><a:title>not this</a:title></a:source>
          <a:summary>1 &lt; 2</a:summary>
          <a:content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Long &amp; <b>full</b>.</p></div></a:content>
        </a:entry></a:feed>"#,
    );
    assert_eq!((feed.title.as_str(), feed.link.as_deref()), ("Der & Hafen", Some("https://b.example/")));
    assert_eq!(feed.language.as_deref(), Some("de"));
    let entry = &feed.entries[0];
    assert_eq!((entry.guid.as_str(), entry.title.as_str()), ("urn:1", "A < B"));
    assert_eq!(entry.link.as_deref(), Some("https://b.example/x/one"));
    assert_eq!(entry.author.as_deref(), Some("Ana Sol"));
    assert_eq!(
        (date(entry.published), date(entry.updated)),
        ("2026-01-05T08:00:00Z".into(), "2026-01-06T00:00:00Z".into())
    );
    assert_eq!(entry.categories, ["The sea"]);
    assert_eq!(entry.language.as_deref(), Some("fr"));
    assert_eq!(entry.summary_html.as_deref(), Some("1 &lt; 2"), "plain text becomes HTML");
    let content = entry.content_html.as_deref().expect("content");
    assert!(content.contains("<p>Long &amp; <b>full</b>.</p>"), "{content}");
    assert_eq!(entry.image_url.as_deref(), Some("https://b.example/x/p.png"));
}

#[test]
fn rss_1_and_its_elder_are_read() {
    let feed = parse(
        r##"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
            xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
        <channel rdf:about="https://o.example/"><title>Old</title><link>https://o.example/</link><sy:updatePeriod>daily</sy:updatePeriod>
          <items><rdf:Seq><rdf:li rdf:resource="https://o.example/1"/></rdf:Seq></items></channel>
        <item rdf:about="https://o.example/1"><title>One</title><link>https://o.example/1</link><dc:date>2026-01-05</dc:date>
          <dc:subject>Sea</dc:subject></item></rdf:RDF>"##,
    );
    assert_eq!((feed.title.as_str(), feed.entries.len(), feed.ttl_ms), ("Old", 1, Some(86_400_000)));
    let entry = &feed.entries[0];
    assert_eq!((entry.guid.as_str(), date(entry.published)), ("https://o.example/1", "2026-01-05T00:00:00Z".into()));
    let elder = parse("<rss version='0.91'><channel><title>E</title><item><title>T</title></item></channel></rss>");
    assert_eq!(elder.entries[0].title, "T");
}

#[test]
fn json_feed_is_read_and_one_wrong_type_spoils_only_itself() {
    let feed = parse(
        r#"{"version":"https://jsonfeed.org/version/1.1","title":"J &amp; K","home_page_url":"/","language":"nl","items":[
        {"id":7,"url":"/seven","title":"Seven","content_text":"1 < 2","summary":5,"date_published":"2026-01-05T10:00:00Z",
         "authors":[{"name":"Ana"},{"name":"Bo"}],"tags":["Sea",3],"image":"javascript:alert(1)"},
        {"nothing":true},{"id":"8","content_html":"<p>x</p>","author":{"name":"Cy"},"title":null}]}"#,
    );
    assert_eq!((feed.title.as_str(), feed.link.as_deref()), ("J & K", Some("https://outlet.example/")));
    assert_eq!(feed.entries.len(), 2);
    let (seven, eight) = (&feed.entries[0], &feed.entries[1]);
    assert_eq!((seven.guid.as_str(), seven.link.as_deref()), ("7", Some("https://outlet.example/seven")));
    assert_eq!(seven.content_html.as_deref(), Some("<p>1 &lt; 2</p>"));
    assert_eq!((seven.author.as_deref(), seven.summary_html.as_deref()), (Some("Ana, Bo"), None));
    assert_eq!((seven.categories.as_slice(), seven.image_url.as_deref()), (&["Sea".to_owned()][..], None));
    assert_eq!((eight.guid.as_str(), eight.author.as_deref()), ("8", Some("Cy")));
}

#[test]
fn a_broken_feed_is_read_as_far_as_it_goes() {
    let feed = parse(
        "\n\u{feff}<rss><channel><title>R&D caf&eacute; &bogus; <item><title>One & two</title>
        <description><p>Unescaped <br> markup & more</description><link>https://outlet.example/1</link>
        <item><title>No end before the next</title><pubDate>yesterday</pubDate></item>
        <item><title>Bell\u{7} rings</title><description><![CDATA[<p>cut off in the mid",
    );
    assert_eq!(feed.title, "R&D café &bogus;");
    let titles: Vec<_> = feed.entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, ["One & two", "No end before the next", "Bell rings"]);
    let html: Vec<_> = feed.entries.iter().map(|entry| entry.summary_html.as_deref()).collect();
    assert_eq!(html, [Some("<p>Unescaped <br> markup & more"), None, Some("<p>cut off in the mid")]);
    assert_eq!(feed.entries[0].link.as_deref(), Some("https://outlet.example/1"));
    assert_eq!(feed.entries[1].published_raw.as_deref(), Some("yesterday"), "an unreadable date is kept as written");
    assert_eq!(feed.entries[1].published, None);
}

#[test]
fn encodings_are_understood_though_claims_lie() {
    let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><rss><channel><title>caf\xe9</title></channel></rss>";
    assert_eq!(parse(latin).title, "café");
    let lying = "<?xml version='1.0' encoding='iso-8859-1'?><rss><channel><title>café</title></channel></rss>";
    assert_eq!(parse(lying).title, "café");
    let wide: Vec<u8> =
        "<rss><channel><title>海</title></channel></rss>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(parse([&[0xff, 0xfe][..], &wide].concat()).title, "海");
    assert_eq!(parse(&wide).title, "海");
    let cyrillic = b"<rss><channel><title>\xcf\xee\xf0\xf2</title></channel></rss>";
    let feed = parse_feed(cyrillic, Some("text/xml; charset=windows-1251"), None).expect("a feed");
    assert_eq!(feed.title, "Порт");
}

#[test]
fn an_entry_is_the_same_next_time() {
    assert_eq!(item("<guid> a b </guid><title>x</title>").guid, "a b");
    assert_eq!(item("<link>https://o.example/1</link><title>x</title>").guid, "https://o.example/1");
    assert_eq!(item("<guid>https://o.example/g</guid>").link.as_deref(), Some("https://o.example/g"));
    assert_eq!(item("<guid isPermaLink='false'>https://o.example/g</guid><title>x</title>").link, None);
    let bare = |title| item(&format!("<title>{title}</title><description>d</description>")).guid;
    assert_eq!(bare("x"), bare("x"));
    assert_ne!(bare("x"), bare("y"));
    let long = item(&format!("<guid>{}</guid><title>x</title>", "g".repeat(5_000)));
    assert!(long.guid.starts_with("sha256:"), "{}", long.guid);
}

#[test]
fn what_two_elements_say_is_decided_by_rank() {
    let entry = item(
        "<dc:date>2001-01-01</dc:date><pubDate>2002-02-02</pubDate><dc:title>b</dc:title><title>a</title>
         <media:thumbnail url='https://o.example/t.jpg'/><enclosure type='image/jpeg' url='https://o.example/e.jpg'/>
         <enclosure type='audio/mpeg' url='https://o.example/a.mp3'/>
         <itunes:author>i</itunes:author><author>desk@o.example (Ana Sol)</author>
         <link rel='alternate' href='https://o.example/2'/><feedburner:origLink>https://o.example/o</feedburner:origLink>",
    );
    assert_eq!((entry.title.as_str(), date(entry.published)), ("a", "2002-02-02T00:00:00Z".into()));
    assert_eq!(entry.image_url.as_deref(), Some("https://o.example/e.jpg"));
    assert_eq!((entry.author.as_deref(), entry.link.as_deref()), (Some("Ana Sol"), Some("https://o.example/o")));
    let atom = atom("<title>t</title><updated>2026-01-05</updated>");
    assert_eq!(date(atom.published), "2026-01-05T00:00:00Z", "never changed is published when updated");
}

#[test]
fn namespaces_are_heeded_and_strange_ones_forgiven() {
    let strange = parse(
        "<x:feed xmlns:x='http://outlet.example/draft#'><x:title>t</x:title><x:entry><x:title>e</x:title></x:entry></x:feed>",
    );
    assert_eq!((strange.title.as_str(), strange.entries[0].title.as_str()), ("t", "e"));
    let clash = parse(
        "<rss xmlns:l='http://outlet.example/rss/mine/'><bogus xmlns='http://outlet.example/'/><channel><title>t</title>
        <item><l:title>wrong</l:title><l:description>wrong</l:description><title>right</title></item></channel></rss>",
    );
    assert_eq!((clash.title.as_str(), clash.entries[0].title.as_str()), ("t", "right"));
    assert_eq!(clash.entries[0].summary_html, None);
}

#[test]
fn no_bylines_of_mail_addresses_and_no_links_of_other_schemes() {
    assert_eq!(item("<title>x</title><author>ana@o.example</author>").author, None);
    assert_eq!(item("<title>x</title><author>Ana &lt;ana@o.example&gt;</author>").author.as_deref(), Some("Ana"));
    assert_eq!(item("<title>x</title><link>javascript:alert(1)</link>").link, None);
    assert_eq!(item("<title>x</title><link>file:///etc/passwd</link>").link, None);
    assert_eq!(item("<title>x</title><enclosure type='image/png' url='data:image/png;base64,A'/>").image_url, None);
}

#[test]
fn undated_and_untitled_items_are_kept() {
    assert_eq!(item("<title>x</title>").published, None);
    assert_eq!(item("<description>d</description>").title, "");
    let empty = parse("<rss><channel><title>t</title><item></item><item/></channel></rss>");
    assert_eq!(empty.entries, [], "nothing said is nothing");
}

#[test]
fn what_is_no_feed_is_told_apart() {
    let page = "<!DOCTYPE html><html><head><link rel=alternate type='application/rss+xml' href='/rss'>
        <link rel='alternate' type='text/html' href='/fr'></head><body><rss></rss></body></html>";
    let feeds = vec!["https://outlet.example/rss".to_owned()];
    assert_eq!(parse_feed(page.as_bytes(), None, Some(URL)), Err(FeedFault::Page { feeds }));
    assert_eq!(parse_feed(b" \n ", None, None), Err(FeedFault::Empty));
    assert_eq!(parse_feed(b"hello", None, None), Err(FeedFault::NotAFeed));
    assert_eq!(parse_feed(b"{\"a\":1}", None, None), Err(FeedFault::NotAFeed));
    assert_eq!(parse_feed(b"{\"items\":", None, None), Err(FeedFault::NotAFeed));
    assert_eq!(parse_feed(b"<svg/>", None, None), Err(FeedFault::NotAFeed));
    assert_eq!(parse_feed(&vec![b'a'; gather::FEED_BYTES_MAX + 1], None, None), Err(FeedFault::TooBig));
}

#[test]
fn files_of_unknown_kind_are_recognised() {
    let kind = |text: &str| match recognise(text.as_bytes(), None, None) {
        Some(Recognised::Feed(_)) => "feed",
        Some(Recognised::List(_)) => "list",
        Some(Recognised::Page(_)) => "page",
        None => "none",
    };
    assert_eq!(kind("<rss/>"), "feed");
    assert_eq!(kind("<opml/>"), "list");
    assert_eq!(kind("<!DOCTYPE html><html>"), "page");
    assert_eq!(kind("<div><p>Saved in part</p></div>"), "page");
    assert_eq!(kind("plain text"), "none");
    assert_eq!(kind(""), "none");
}

/// Bombs are generated here; each is read or refused in one pass, with every limit kept.
#[test]
fn bombs_are_cheap() {
    let mut laughs = "<!DOCTYPE r [<!ENTITY a0 \"ha\">".to_owned();
    for level in 1..30 {
        laughs += &format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10));
    }
    laughs += "]><rss><channel><title>&a29;</title></channel></rss>";
    assert_eq!(parse(laughs).title, "&a29;", "no entity but characters is expanded");

    let secret =
        "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><rss><channel><title>&x;</title></channel></rss>";
    assert_eq!(parse(secret).title, "&x;");

    let items = format!("<rss><channel>{}</channel></rss>", "<item><title>x</title></item>".repeat(100_000));
    let feed = parse(items);
    assert_eq!((feed.entries.len(), feed.cut), (gather::ENTRIES_MAX, true));

    let many = 200_000;
    for bomb in [
        format!("<rss><channel>{}", "<a>".repeat(many)),
        format!("<rss><channel><item>{}", "<title>".repeat(many)),
        format!("<rss {}>", "a='b' ".repeat(many)),
        format!("<rss {}>", (0..100_000).map(|n| format!("xmlns:a{n}='b' ")).collect::<String>()),
        format!("<rss><channel><item><title>{}</title></item>", "x".repeat(9_000_000)),
        format!("<rss><channel><item>{}", "<category>x</category>".repeat(200_000)),
        format!("<rss><channel>{}", "<item>".repeat(many)),
        format!("<rss><channel><item><description>{}", "<![CDATA[".repeat(many)),
        format!("<rss><channel><item><author>{}", "<name>".repeat(many)),
        format!("<html>{}", "<link rel=alternate type='application/rss+xml' href='/x'>".repeat(100_000)),
        format!("{{\"items\":{}", "[".repeat(many)),
        format!("{{\"items\":[{}]}}", "{\"id\":\"1\",\"title\":\"x\"},".repeat(100_000) + "{}"),
    ] {
        if let Ok(feed) = parse_feed(bomb.as_bytes(), None, Some(URL)) {
            assert!(feed.entries.len() <= gather::ENTRIES_MAX);
            for entry in &feed.entries {
                assert!(entry.title.chars().count() <= gather::TITLE_CHARS_MAX + 1);
                assert!(entry.categories.len() <= 50);
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = parse_feed(&bytes, None, Some(URL));
        let _ = parse_feed(&[b"<rss>", &bytes[..]].concat(), None, None);
        let _ = recognise(&[b"<opml>", &bytes[..]].concat(), None, None);
    }

    #[test]
    fn no_soup_of_tags_breaks_the_reader(soup in proptest::collection::vec(proptest::sample::select(vec![
        "<rss>", "<feed>", "<channel>", "<item>", "</item>", "<entry>", "</entry>", "<title>", "</title>", "<title",
        "<link href='a'/>", "<link>", "<![CDATA[", "]]>", "<!--", "-->", "&amp;", "&", "<content type='xhtml'>",
        "</content>", "<author>", "<name>", "é", "\u{0}", "<?", "?>", "<!DOCTYPE", "[", "]>", "'", "\"", ">", "<", "/", "=",
        "<media:group>", "</media:group>", "xml:base='http://a/'", " ", "<pubDate>1 Jan 2026</pubDate>",
    ]), 0..60)) {
        let _ = parse_feed(soup.concat().as_bytes(), None, Some(URL));
    }
}
