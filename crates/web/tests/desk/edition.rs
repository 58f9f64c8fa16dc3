//! The edition's rooms: two members at once, the preview's frame, and an edition from the cut to its end.

use ::newsroom::{ArticleId, Credit, DepartureState, Form, Format, NewsletterId, ReaderId, Revision, Role, Topics};
use axum::http::{Method, StatusCode};
use store::readers::{self, Line, SealedReader};
use store::{Write, articles, editions};

use crate::newsroom::{Answer, Browser, Newsroom};

const ROOM: &str = "/edition";

pub fn published(tx: &Write, id: i64) -> store::Result<()> {
    let revision = Revision {
        article: ArticleId(id),
        number: 1,
        title: format!("Headline <{id}>"),
        standfirst: "In short.".into(),
        language: "en".into(),
        credit: Credit { canonical: Some(format!("https://a.example/{id}")), ..Credit::default() },
        picture: None,
        topics: Topics::NONE,
        body: prose::Document::default().to_json(),
        made: 0,
    };
    articles::add_as(tx, Form::Card, &format!("story-{id}"), None, None, &revision)?;
    articles::publish(tx, ArticleId(id), 0).map(drop)
}

fn reader(tx: &Write, id: i64) -> store::Result<()> {
    let who = SealedReader {
        id: ReaderId(id),
        kid: 1,
        sealed: vec![1],
        index: id.to_be_bytes().to_vec(),
        lane: id % 4,
        language: "en".into(),
        format: Format::Html,
    };
    readers::add(tx, &who, 0)?;
    readers::ask(tx, who.id, NewsletterId(1), Topics::ALL, 0)?;
    let line = Line { id, door: "form", wording: String::new() };
    readers::confirm(tx, who.id, NewsletterId(1), &line, 0).map(drop)
}

/// A newsroom with three articles and one reader.
async fn newsroom(name: &str) -> Newsroom {
    let newsroom = Newsroom::open(name).await;
    let filled = newsroom.store.write(|tx| {
        (1..=3).try_for_each(|id| published(tx, id))?;
        reader(tx, 100)
    });
    filled.await.expect("a newsroom");
    newsroom
}

async fn line_up(browser: &mut Browser<'_>, version: &str, article: &str, act: &str) -> Answer {
    let fields = [("version", version), ("article", article), ("do", act)];
    browser.submit(ROOM, "/edition/line-up", &fields).await
}

#[tokio::test(start_paused = true)]
async fn two_members_at_one_line_up_are_told_and_lose_nothing() {
    let newsroom = newsroom("line-up").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let mut ben = newsroom.signed_in("Ben Co", Role::Editor).await;
    let seen = ben.get(ROOM).await.field("version");
    assert_eq!(line_up(&mut ana, &seen, "2", "add").await.header("location"), "/edition#s2");
    let late = line_up(&mut ben, &seen, "3", "add").await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    late.shows("Somebody else changed the line-up").shows("lined up by Ana Sol").shows("Headline &lt;2&gt;");
    assert_eq!(line_up(&mut ben, &late.field("version"), "3", "add").await.status, StatusCode::SEE_OTHER);
    let version = ben.get(ROOM).await.field("version");
    line_up(&mut ben, &version, "3", "lead").await;
    let page = ana.get(ROOM).await;
    let (third, second) = (page.body.find("id=\"s3\"").unwrap(), page.body.find("id=\"s2\"").unwrap());
    assert!(third < second, "the lead stands first");
    page.shows("<strong>Lead</strong>").shows("One reader is due").shows("These follow the line-up by themselves");
}

#[tokio::test(start_paused = true)]
async fn an_envelope_that_two_write_at_once_is_shown_to_the_second_as_both_wrote_it() {
    let newsroom = newsroom("envelope").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let mut ben = newsroom.signed_in("Ben Co", Role::Editor).await;
    let page = "/edition/envelope";
    let version = ben.get(page).await.field("version");
    let write = |subject| [("subject", subject), ("preview", ""), ("note", "Good morning."), ("signed", "The desk")];
    let [a, b, c, d] = write("By Ana");
    assert_eq!(ana.submit(page, page, &[("version", &version), a, b, c, d]).await.status, StatusCode::SEE_OTHER);
    let [a, b, c, d] = write("By Ben");
    let late = ben.submit(page, page, &[("version", &version), a, b, c, d]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    late.shows("Ana Sol changed the envelope").shows("By Ana").shows("value=\"By Ben\"");
    let unsigned = [("version", version.as_str()), ("subject", ""), ("preview", ""), ("note", "x"), ("signed", "")];
    let unfit = ben.submit(page, page, &unsigned).await;
    assert_eq!(unfit.status, StatusCode::UNPROCESSABLE_ENTITY);
    unfit.shows("a note is signed");
    ana.get(ROOM).await.shows("By Ana");
}

#[tokio::test(start_paused = true)]
async fn the_preview_stands_in_a_frame_without_rights() {
    let newsroom = newsroom("preview").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let page = ana.get("/edition/preview?width=phone").await;
    page.shows("<iframe class=\"mail phone\" sandbox src=\"/edition/preview/mail?width=phone\"");
    page.shows("3 stories");
    let mail = ana.get("/edition/preview/mail?width=phone").await;
    let policy = mail.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.ends_with("sandbox"), "{policy}");
    assert!(!policy.contains("script") && policy.contains("img-src http://127.0.0.1:8400;"), "{policy}");
    mail.shows("Headline &lt;1&gt;").shows("THIS-IS-A-TEST-COPY");
    ana.get("/edition/preview?width=text").await.shows("<pre class=\"mail-text\"");
    let test = ana.submit("/edition/preview", "/edition/preview", &[("address", "nonsense")]).await;
    assert_eq!(test.status, StatusCode::UNPROCESSABLE_ENTITY);
    let test = ana.submit("/edition/preview", "/edition/preview", &[("address", "ana@courier.example")]).await;
    assert_eq!(test.status, StatusCode::CONFLICT);
    test.shows("There is no relay");
}

#[tokio::test(start_paused = true)]
async fn an_edition_is_cut_sent_paused_corrected_and_cancelled_by_buttons() {
    let newsroom = newsroom("sending").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let cut = ana.submit(ROOM, "/edition/cut", &[]).await;
    let path = cut.header("location").split('?').next().unwrap().to_owned();
    assert!(path.starts_with("/departures/"), "{}", cut.body);
    let press = async |browser: &mut Browser<'_>, act: &str, fields: &[(&str, &str)]| {
        browser.submit(&path, &format!("{path}/{act}"), fields).await
    };
    ana.get(&path).await.shows("Send it to 1 reader<").shows("cut, not sent yet");
    assert_eq!(press(&mut ana, "pause", &[]).await.status, StatusCode::CONFLICT, "what has not left cannot be paused");
    press(&mut ana, "send", &[]).await;
    let moving = ana.get(&path).await;
    moving.shows("on its way").shows("hold it still");
    assert_eq!(moving.header("refresh"), "3");
    assert_eq!(ana.get(&format!("{path}?still=yes")).await.header("refresh"), "");
    follows_by_script(&mut ana, &path).await;
    let early = press(&mut ana, "correct", &[("article", "3"), ("title", "Headline three")]).await;
    early.shows("on its way, or over");
    press(&mut ana, "pause", &[]).await;
    let corrected = press(&mut ana, "correct", &[("article", "3"), ("title", "Headline three")]).await;
    assert_eq!(corrected.header("location"), format!("{path}?told=headline&article=3"));
    let told = ana.get(corrected.header("location")).await;
    told.shows("The headline is corrected").shows("Revision 2: sent to 0, waiting 1, never sent 0");
    press(&mut ana, "resume", &[]).await;
    press(&mut ana, "cancel", &[]).await;
    ana.get(&path).await.shows("on its way");
    press(&mut ana, "cancel", &[("sure", "yes")]).await;
    let over = ana.get(&path).await;
    over.shows("cancelled").shows("the edition was cancelled");
    assert!(!over.body.contains("/pause"), "nothing more can be done");
    let states = newsroom.store.read(|tx| editions::latest(tx, 9)).await.expect("a look");
    assert_eq!(states[0].state, DepartureState::Cancelled);
    let acts = newsroom.signed_in("Ben Co", Role::Admin).await.get("/members/acts").await;
    for said in
        ["cut an edition", "sent an edition", "paused an edition", "corrected a headline", "cancelled an edition"]
    {
        acts.shows(said);
    }
}

/// Where the script runs, the page does not load itself anew, and its part comes again only when it is another.
async fn follows_by_script(ana: &mut Browser<'_>, path: &str) {
    ana.cookies.insert("coranto-script".into(), "on".into());
    let scripted = ana.get(path).await;
    assert_eq!(scripted.header("refresh"), "");
    scripted.shows(&format!("data-live=\"{path}/now\"")).shows("<noscript>");
    assert_eq!(ana.get(&format!("{path}?plain=yes")).await.header("refresh"), "3", "the script is gone after all");
    ana.cookies.remove("coranto-script");
    let part = ana.get(&format!("{path}/now")).await;
    part.shows("0 percent of its readers are accounted for").shows("on its way");
    assert!(!part.body.contains("<html"), "a part is no page");
    let tag = part.header("etag").to_owned();
    let same = ana.send(Method::GET, &format!("{path}/now"), &[("if-none-match", &tag)], String::new()).await;
    assert_eq!((same.status, same.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test(start_paused = true)]
async fn an_edition_that_the_caps_do_not_carry_leaves_by_a_choice_alone() {
    let newsroom = newsroom("shortfall").await;
    newsroom.store.write(|tx| (101..=104).try_for_each(|id| reader(tx, id))).await.expect("readers");
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let cut = ana.submit(ROOM, "/edition/cut", &[]).await;
    let path = cut.header("location").split('?').next().unwrap().to_owned();
    ana.get(&path).await.shows("caps leave 3 of 5 readers without it in time").shows("Let 3 readers go without it");
    let send = format!("{path}/send");
    assert_eq!(ana.submit(&path, &send, &[]).await.status, StatusCode::CONFLICT);
    ana.get(&path).await.shows("cut, not sent yet");
    let chosen = ana.submit(&path, &send, &[("choice", "accept"), ("readers", "3")]).await;
    assert_eq!(chosen.status, StatusCode::SEE_OTHER, "{}", chosen.body);
    ana.get(&path).await.shows("on its way");
}

#[tokio::test(start_paused = true)]
async fn a_block_is_put_up_and_taken_down_and_one_that_tracks_is_refused() {
    let newsroom = newsroom("blocks").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let page = "/edition/blocks";
    let block = |link| {
        [
            ("kind", "sponsor"),
            ("place", "both"),
            ("title", "Quayside Bakery"),
            ("text", "Bread at six."),
            ("link", link),
            ("words", "See"),
            ("from", "2000-01-01"),
            ("until", "2100-01-01"),
        ]
    };
    let refused = ana.submit(page, page, &block("https://bakery.example/?utm_source=x")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.shows("follows readers").shows("value=\"Quayside Bakery\"");
    assert_eq!(ana.submit(page, page, &block("https://bakery.example/")).await.status, StatusCode::SEE_OTHER);
    let list = ana.get(page).await;
    list.shows("<strong>stands</strong>");
    ana.get("/edition/preview/mail?width=desktop").await.shows("Sponsored").shows("Quayside Bakery");
    let remove = list.body.split("action=\"/edition/blocks/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    ana.submit(page, &format!("/edition/blocks/{remove}"), &[]).await;
    assert!(!ana.get(page).await.body.contains("Quayside"));
}
