//! Articles at the desk: written, seen, published, corrected, taken back; and two members at one article.

use ::newsroom::{ArticleState, Role};
use axum::http::{Method, StatusCode};
use store::{articles, revisions};

use crate::newsroom::{Answer, Browser, Newsroom};

/// The parts of a PNG that say how large it is, what it tells beside itself, and that it ends.
fn png(width: u32, height: u32) -> Vec<u8> {
    let chunk = |name: &[u8], content: &[u8]| {
        [&u32::try_from(content.len()).unwrap().to_be_bytes()[..], name, content, b"sum!"].concat()
    };
    let size = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let told = chunk(b"tEXt", b"Author\0Ana Sol at 48.2, 16.4");
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &size), &told, &chunk(b"IEND", b"")].concat()
}

/// Sends an article's form with a picture, as a browser does (RFC 7578).
async fn with_picture(browser: &mut Browser<'_>, path: &str, fields: &[(&str, &str)], picture: &[u8]) -> Answer {
    let mark = browser.get("/articles/new").await.field("mark");
    let mut body = Vec::new();
    for (name, value) in [("mark", mark.as_str())].iter().chain(fields) {
        body.extend(
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes(),
        );
    }
    let head = "--edge\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"../../etc/passwd.png\"\r\n\
                Content-Type: image/png\r\n\r\n";
    body.extend(head.bytes());
    body.extend_from_slice(picture);
    body.extend(b"\r\n--edge--\r\n");
    let headers = [("origin", "http://127.0.0.1:8401"), ("content-type", "multipart/form-data; boundary=edge")];
    browser.send_bytes(Method::POST, path, &headers, body).await
}

async fn begun(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> String {
    let fields = [&[("language", "en"), ("act", "save")][..], fields].concat();
    let answer = browser.submit("/articles/new", "/articles/new", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.header("location").split('?').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_article_is_written_seen_published_corrected_and_withdrawn() {
    let newsroom = Newsroom::open("whole-life").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let path = begun(&mut ana, &[("title", "The port opens"), ("body", "At **noon**.\n\n- one\n- two")]).await;
    let page = ana.get(&path).await;
    page.shows("The port opens").shows("At **noon**.").shows("Save and publish");
    let seen = [
        ("base", "1"),
        ("kept_from", "1"),
        ("title", "The port opens"),
        ("body", "At *dusk*."),
        ("language", "en"),
        ("act", "preview"),
    ];
    let seen = ana.submit(&path, &path, &seen).await;
    seen.shows("srcdoc=").shows("&lt;em&gt;dusk&lt;").shows("At *dusk*.");
    ana.get(&path).await.shows("At **noon**.");
    let out = [
        ("base", "1"),
        ("kept_from", "1"),
        ("title", "The port is open"),
        ("body", "At dusk."),
        ("language", "en"),
        ("act", "publish"),
    ];
    let out = ana.submit(&path, &path, &out).await;
    assert_eq!(out.header("location"), format!("{path}?told=published"), "{}", out.body);
    let laid = newsroom.laid().await;
    let (place, text) = laid.iter().find(|(place, _)| place.contains("the-port-is-open")).expect("its page lies there");
    assert!(text.contains("At dusk."), "{place}");
    let fixed = [
        ("base", "2"),
        ("kept_from", "2"),
        ("title", "The port is open"),
        ("body", "At dawn."),
        ("language", "en"),
        ("note", "An earlier version said dusk; it was dawn."),
        ("act", "publish"),
    ];
    let fixed = ana.submit(&path, &path, &fixed).await;
    assert_eq!(fixed.header("location"), format!("{path}?told=corrected"), "{}", fixed.body);
    let laid = newsroom.laid().await;
    let text = &laid.iter().find(|(place, _)| place.contains("the-port-is-open")).expect("the same address").1;
    assert!(text.contains("At dawn.") && text.contains("An earlier version said dusk"), "{text}");
    ana.get(&path).await.shows("Revision 3").shows("by Ana Sol");
    let gone = ana.submit(&path, &format!("{path}/withdraw"), &[("reason", "It was not so.")]).await;
    assert_eq!(gone.header("location"), format!("{path}?told=withdrawn"));
    let laid = newsroom.laid().await;
    let text = &laid.iter().find(|(place, _)| place.contains("the-port-is-open")).expect("its address stays").1;
    assert!(text.contains("It was not so.") && !text.contains("At dawn."), "{text}");
    let back = ana
        .submit(
            &path,
            &path,
            &[
                ("base", "3"),
                ("kept_from", "3"),
                ("title", "The port is open"),
                ("body", "At dawn."),
                ("language", "en"),
                ("act", "publish"),
            ],
        )
        .await;
    assert_eq!(back.header("location"), format!("{path}?told=published"), "{}", back.body);
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_missing_is_said_at_once_and_nothing_typed_is_lost() {
    let newsroom = Newsroom::open("missing").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let fields = [("language", "en"), ("title", ""), ("body", ""), ("outlet", "El Faro"), ("act", "publish")];
    let refused = with_picture(&mut ana, "/articles/new", &fields, &png(640, 480)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.shows("4 things are to be mended").shows("Give it a headline").shows("Write its text");
    refused.shows("Say what the picture shows").shows("Give the address where it first stood").shows("El Faro");
    refused.shows("name=\"picture_id\"");
    let odd =
        [("title", "T"), ("body", "B"), ("language", "en"), ("canonical", "javascript:alert(1)"), ("act", "save")];
    let odd = ana.submit("/articles/new", "/articles/new", &odd).await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    odd.shows("is no web address").shows("javascript:alert(1)");
}

#[tokio::test(start_paused = true)]
async fn a_picture_is_what_its_bytes_say_and_too_large_a_one_gets_clear_words() {
    let newsroom = Newsroom::open("pictures").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let fields = [("language", "en"), ("title", "T"), ("body", "B"), ("alt", "A crane"), ("act", "publish")];
    let huge = with_picture(&mut ana, "/articles/new", &fields, &png(50_000, 50_000)).await;
    assert_eq!(huge.status, StatusCode::UNPROCESSABLE_ENTITY);
    huge.shows("more than 50 million pixels").shows("4,000 pixels on its longer side").shows("A crane");
    let program = with_picture(&mut ana, "/articles/new", &fields, b"<svg xmlns='http://www.w3.org/2000/svg'/>").await;
    program.shows("no JPEG, PNG, GIF or WebP");
    let heavy = with_picture(&mut ana, "/articles/new", &fields, &[png(100, 100), vec![0; 12_000_001]].concat()).await;
    heavy.shows("larger than 12 MB");
    let well = with_picture(&mut ana, "/articles/new", &fields, &png(640, 480)).await;
    assert_eq!(well.status, StatusCode::SEE_OTHER, "{}", well.body);
    let page = ana.get(well.header("location").split('?').next().unwrap()).await;
    let file = page.body.split("src=\"/pictures/").nth(1).expect("the page shows it").split('"').next().unwrap();
    let shown = ana.get(&format!("/pictures/{file}")).await;
    assert_eq!((shown.status, shown.header("content-type")), (StatusCode::OK, "image/png"));
    assert!(!shown.body.contains("48.2"), "what it told beside itself is gone");
    assert!(shown.header("content-security-policy").contains("sandbox"));
    assert_eq!(newsroom.browser().get(&format!("/pictures/{file}")).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(start_paused = true)]
async fn two_members_at_one_article_lose_nothing() {
    let newsroom = Newsroom::open("two").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let mut ben = newsroom.signed_in("Ben Co", Role::Editor).await;
    let path = begun(&mut ana, &[("title", "The port"), ("body", "First.")]).await;
    let form = |base: &'static str, body: &'static str| {
        [("base", base), ("kept_from", "1"), ("title", "The port"), ("body", body), ("language", "en"), ("act", "save")]
    };
    assert_eq!(ben.submit(&path, &path, &form("1", "First. Ben was here.")).await.status, StatusCode::SEE_OTHER);
    let late = ana.submit(&path, &path, &form("1", "First. Ana was here.")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    late.shows("Ben Co saved this article meanwhile").shows("First. Ben was here.").shows("First. Ana was here.");
    assert_eq!((late.field("base"), late.field("kept_from")), ("2".into(), "1".into()));
    ana.get(&path).await.shows("Ben was here");
    assert_eq!(ana.submit(&path, &path, &form("2", "Both were here.")).await.status, StatusCode::SEE_OTHER);
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let past = newsroom.store.read(move |tx| revisions::history(tx, id, 9)).await.unwrap();
    assert_eq!(past.len(), 3, "every text is kept");
    let now = newsroom.store.read(move |tx| articles::by_id(tx, id)).await.unwrap().unwrap();
    assert_eq!((now.state, now.revision.number), (ArticleState::Draft, 3));
}

#[tokio::test(start_paused = true)]
async fn a_text_in_the_form_cannot_leave_it() {
    let newsroom = Newsroom::open("escape").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let odd = "</textarea><script>alert(1)</script><b x='\" onload=alert(1)>";
    let path =
        begun(&mut ana, &[("title", odd), ("standfirst", odd), ("body", odd), ("byline", odd), ("outlet", odd)]).await;
    for page in [ana.get(&path).await, ana.get("/articles?state=draft").await, ana.get("/").await] {
        assert!(!page.body.contains("<script>") && !page.body.contains("onload=alert(1)>\""), "{}", page.body);
    }
    let preview =
        [("base", "1"), ("kept_from", "1"), ("title", odd), ("body", odd), ("language", "en"), ("act", "preview")];
    let preview = ana.submit(&path, &path, &preview).await;
    assert!(!preview.body.contains("<script>"), "{}", preview.body);
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_thrown_away_and_a_published_article_is_not() {
    let newsroom = Newsroom::open("throw").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let path = begun(&mut ana, &[("title", "A thought"), ("body", "Of mine.")]).await;
    let gone = ana.submit(&path, &format!("{path}/discard"), &[]).await;
    assert_eq!(gone.header("location"), "/articles?state=draft&told=discarded");
    assert_eq!(ana.get(&path).await.status, StatusCode::NOT_FOUND);
    let path = begun(&mut ana, &[("title", "News"), ("body", "Of today.")]).await;
    let out = [
        ("base", "1"),
        ("kept_from", "1"),
        ("title", "News"),
        ("body", "Of today."),
        ("language", "en"),
        ("act", "publish"),
    ];
    ana.submit(&path, &path, &out).await;
    let kept = ana.submit(&path, &format!("{path}/discard"), &[]).await;
    assert_eq!(kept.status, StatusCode::NOT_FOUND);
    assert_eq!(ana.get(&path).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_is_missing_is_said_and_its_credit_outlives_a_save() {
    let newsroom = Newsroom::open("picture-missing").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let fields = [("title", "The wall"), ("body", "It stands."), ("picture_credit", "Reuters")];
    let path = begun(&mut ana, &fields).await;
    ana.get(&path).await.shows("The picture is missing").shows("value=\"Reuters\"");
    let form = [("base", "1"), ("kept_from", "1"), ("title", "The wall"), ("body", "It fell."), ("language", "en")];
    let form = [&form[..], &[("picture_credit", "Reuters"), ("alt", "A wall"), ("act", "save")]].concat();
    let laid_in = with_picture(&mut ana, &path, &form, &png(640, 480)).await;
    assert_eq!(laid_in.status, StatusCode::SEE_OTHER, "{}", laid_in.body);
    let page = ana.get(&path).await;
    assert!(!page.body.contains("The picture is missing"), "it is there now");
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let now = newsroom.store.read(move |tx| articles::by_id(tx, id)).await.unwrap().unwrap().revision;
    assert_eq!(now.picture.unwrap().credit.as_deref(), Some("Reuters"));
    assert_eq!(now.credit.picture, None, "the picture says so itself");
}

#[tokio::test(start_paused = true)]
async fn the_script_is_a_file_of_the_desk_and_kept_for_ever() {
    let newsroom = Newsroom::open("script").await;
    let mut stranger = newsroom.browser();
    let page = stranger.get("/sign-in").await;
    let named = page.body.split("<script type=\"module\" src=\"").nth(1).expect("one script");
    let named = named.split('"').next().unwrap().to_owned();
    assert_eq!(page.body.matches("<script").count(), 1);
    let script = stranger.get(&named).await;
    assert_eq!((script.status, script.header("content-type")), (StatusCode::OK, "text/javascript; charset=utf-8"));
    assert!(script.header("cache-control").contains("immutable"));
    assert!(!script.body.contains("innerHTML") && !script.body.contains("eval("), "text stays text");
    assert_eq!(stranger.get("/enhance-0000000000000000.js").await.status, StatusCode::NOT_FOUND);
}
