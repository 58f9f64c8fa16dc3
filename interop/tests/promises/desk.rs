//! An editor's whole morning at the desk, in a browser, with script on and with script off: from the one-time link to the
//! page that says where every reader stands. What left is counted at the relay, not at the desk.
//!
//! Every page on the way is held to WCAG 2.2 AA by axe, to its window's width, to silence on the console and to this machine
//! alone. Pictures of all of them lie in `target/screens`, for people to look at.

use crate::program::{Place, Running, command};
use crate::relay::{Relay, Took};
use anyhow::{Context, Result};
use interop::axe::Axe;
use interop::browser::{Browser, Look, Page, Scheme, Script};
use stage::opened::Opened;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Readers of the list.
const READERS: usize = 14;
/// How many get their copy before the relay falls silent.
const SENT_FIRST: usize = 4;
/// Connections to the relay: so many copies may be in flight when the edition is paused.
const CONNECTIONS: usize = 2;
/// How many answers are lost.
const LOST: usize = 2;
/// How long an edition may take.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The widths and schemes in which people look at the desk.
const LOOKS: [(u32, Scheme); 4] =
    [(390, Scheme::Light), (390, Scheme::Dark), (1280, Scheme::Light), (1280, Scheme::Dark)];
/// The narrowest window that is held to (WCAG 2.2, 1.4.10).
const NARROWEST: u32 = 320;

const HEADLINE: &str = "The outer lamp burns agian";
const CORRECTED: &str = "The outer lamp burns again";
const CARD: &str = "A road beneath the school";
const NOTE: &str = "Good morning. The light is back, and so are we.";

/// A newsroom with news in its inbox and a list of readers, at work.
struct Newsroom {
    place: Place,
    running: Running,
    relay: Relay,
    /// The site's address, without a slash at the end.
    site: String,
    /// The link that makes the first member.
    link: String,
}

impl Newsroom {
    fn open(purpose: &str) -> Result<Newsroom> {
        let (place, relay) = (Place::new(purpose), Relay::open(None));
        // Sources, items and articles are the demo's; so is a first reader, who has had today's edition.
        place.run(&["demo", "--once", "--readers", "1", "--listen", "127.0.0.1:0"]).done();
        let list: String = addresses().map(|address| format!("{address}\n")).collect();
        let file = place.all().join("list.csv");
        fs::write(&file, format!("email\n{list}"))?;
        place.run(&["readers", "import", "--apply", file.to_str().context("a path of ours")?]).done();
        let [site, desk] = [free_port()?, free_port()?];
        for (name, value) in [
            ("relay.host", relay.address.ip().to_string()),
            ("relay.port", relay.address.port().to_string()),
            ("relay.connections", CONNECTIONS.to_string()),
            ("outlet.site", format!("http://{site}")),
        ] {
            place.run(&["settings", name, &value]).done();
        }
        let mut started = command(place.arguments(&["run"]));
        started.env("CORANTO_LISTEN", &site).env("CORANTO_DESK", &desk);
        let mut running = Running::spawn(started);
        let link = running.until("the link of the first member", |running| {
            running.stderr().lines().find(|line| line.contains("/welcome/")).map(|line| line.trim().to_owned())
        });
        Ok(Newsroom { place, running, relay, site: format!("http://{site}"), link })
    }

    /// Mails of this subject that the relay took so far.
    fn took(&self, subject: &str) -> Vec<Took> {
        let wanted =
            |took: &Took| Opened::parse(took.message.as_bytes()).headers.text("Subject").as_deref() == Some(subject);
        self.relay.took().into_iter().filter(wanted).collect()
    }

    /// Mails that readers of the list got.
    fn copies(&self) -> Vec<Took> {
        let listed: BTreeSet<String> = addresses().collect();
        self.relay.took().into_iter().filter(|took| took.to.iter().all(|to| listed.contains(to))).collect()
    }
}

fn addresses() -> impl Iterator<Item = String> {
    (1..=READERS).map(|number| format!("keeper-{number:02}@lamps.example"))
}

/// A port that was free a moment ago.
fn free_port() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A photograph of the demo's, as a file of the member's own.
fn photograph(room: &Newsroom) -> Result<PathBuf> {
    let file = room.place.all().join("ferry.jpg");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/stage/outlets/pictures/ferry.jpg"), &file)?;
    Ok(file)
}

/// A member at the desk.
struct Member<'b> {
    page: Page,
    script: Script,
    axe: Option<&'b Axe>,
    /// The desk's address, without a slash at the end.
    desk: String,
}

impl<'b> Member<'b> {
    fn new(browser: &Browser, script: Script, axe: Option<&'b Axe>) -> Result<Member<'b>> {
        let page = browser.page(Look { width: 1280, scheme: Scheme::Light, script })?;
        Ok(Member { page, script, axe, desk: String::new() })
    }

    fn goto(&self, path: &str) -> Result<()> {
        self.page.goto(&format!("{}{path}", self.desk))
    }

    fn has_script(&self) -> bool {
        self.script == Script::On
    }

    /// Looks at the page as it stands, in every look.
    fn sees(&self, name: &str) -> Result<()> {
        let (page, url) = (&self.page, self.page.url()?);
        let way = if self.has_script() { "script" } else { "desk" };
        for (width, scheme) in LOOKS {
            page.look(width, scheme)?;
            let shade = if scheme == Scheme::Dark { "dark" } else { "light" };
            page.screenshot(&interop::target().join(format!("screens/{way}-{name}-{width}-{shade}.png")))?;
            let violations = self.axe.map(|axe| axe.check(page)).transpose()?.unwrap_or_default();
            let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
            assert!(told.is_empty(), "{name} at {width}, {shade}, {url}: {}", told.join("\n"));
        }
        for width in [NARROWEST, 390, 1280] {
            page.look(width, Scheme::Light)?;
            assert_eq!(page.overflow()?, 0, "{name} at {width}, {url}: wider than its window");
        }
        assert_eq!(
            page.count("script")?,
            page.count("script[type=module][src^='/enhance-']")?,
            "{url}: a foreign script"
        );
        assert_eq!(page.count("h1")?, 1, "{url}: one heading of the first rank");
        // A refusal's own status, the browser notes on its console by itself.
        let complaints: Vec<_> = page.complaints().into_iter().filter(|told| !told.contains("status of 4")).collect();
        assert!(complaints.is_empty(), "{url}: {complaints:?}");
        for asked in page.asked() {
            let here = ["http://127.0.0.1:", "about:", "data:"].iter().any(|start| asked.url.starts_with(start));
            assert!(here, "{url}: asked {asked:?}");
        }
        Ok(())
    }

    /// Presses a button and waits for what comes of it. With script a form may ask first, or bring its page up to date in
    /// place.
    fn press(&self, selector: &str) -> Result<()> {
        let of = |name: &str| {
            let form = format!("document.querySelector({}).closest('form')", serde_json::Value::from(selector));
            Ok::<_, anyhow::Error>(
                self.has_script() && self.page.evaluate(&format!("{form}?.dataset.{name} !== undefined"))? == true,
            )
        };
        let (asks, swaps) = (of("confirm")?, of("swap")?);
        if asks {
            self.page.click(selector)?;
            self.page.until("a question", "document.querySelector('dialog[open]') !== null")?;
            return self.page.follow("dialog button[value=yes]");
        }
        if !swaps {
            return self.page.follow(selector);
        }
        self.page.evaluate("document.querySelector('main').dataset.before = 'yes'; 0")?;
        self.page.click(selector)?;
        self.page.until(
            "the page as it then stands",
            "document.querySelector('main:not([data-before])') !== null && document.readyState === 'complete'",
        )
    }

    /// What the page says, with what it says of states in capitals as it is written.
    fn says(&self, words: &str) -> Result<bool> {
        Ok(self.page.text()?.to_lowercase().contains(&words.to_lowercase()))
    }

    #[track_caller]
    fn must_say(&self, words: &str) -> Result<()> {
        assert!(self.says(words)?, "{}: no {words:?} in: {}", self.page.url()?, self.page.text()?);
        Ok(())
    }
}

/// The first member comes in by the link that the newsroom printed, and invites a second.
fn come_in<'b>(browser: &Browser, room: &Newsroom, first: &mut Member<'b>) -> Result<Member<'b>> {
    first.page.goto(&room.link)?;
    first.sees("01-welcome")?;
    let page = &first.page;
    page.fill("#name", "Ana Sol")?;
    page.fill("#address", "ana@courier.example")?;
    for field in ["#password", "#again"] {
        page.fill(field, "violet anchor ninety-three")?;
    }
    first.press("main form button")?;
    first.desk = first.page.url()?.trim_end_matches('/').to_owned();
    first.sees("02-today")?;
    first.goto("/members")?;
    first.page.fill("#name", "Ben Co")?;
    first.page.fill("#address", "ben@courier.example")?;
    first.press("section form button")?;
    let link = first.page.evaluate_text("document.querySelector('#link').value")?;
    let second = Member { desk: first.desk.clone(), ..Member::new(browser, first.script, first.axe)? };
    second.page.goto(&link)?;
    second.sees("03-welcome-invited")?;
    for field in ["#password", "#again"] {
        second.page.fill(field, "copper lantern forty-two")?;
    }
    second.press("main form button")?;
    Ok(second)
}

/// An item of a watched outlet is dismissed, brought back, and taken: edited and published as a card that leads there.
fn take_an_item(ana: &Member<'_>, room: &Newsroom) -> Result<()> {
    let page = &ana.page;
    ana.goto("/items")?;
    ana.sees("04-items")?;
    let waiting = page.count("main li h2")?;
    ana.press("main li:nth-child(2) button[value^=dismiss]")?;
    assert_eq!(page.count("main li h2")?, waiting - 1);
    ana.must_say("Dismissed")?;
    ana.press("button[value^=recall]")?;
    // Both ways lead to the article's own page.
    page.click("main li button[value^=take]")?;
    page.until("the draft", "/articles\\/\\d+/.test(location.pathname) && document.readyState === 'complete'")?;
    ana.must_say("Taken as a draft")?;
    ana.sees("05-article-taken")?;
    page.fill("#title", CARD)?;
    ana.press("form.article button[value=publish]")?;
    ana.must_say("It stands on the site now")?;
    page.goto(&format!("{}/", room.site))?;
    ana.must_say(CARD)?;
    ana.must_say("The Parish Lantern")
}

/// An article is written, given a picture, seen and published. Gives its path at the desk.
fn write_it(ana: &Member<'_>, room: &Newsroom) -> Result<String> {
    let (page, path) = (&ana.page, "/articles/new");
    ana.goto(path)?;
    page.fill("#title", HEADLINE)?;
    page.fill("#standfirst", "After eleven dark years the mole is lit.")?;
    page.fill("#body", "It was lit on **Tuesday**, at dusk.\n\n## What the pilots say\n\n> We counted the nights.")?;
    if ana.has_script() {
        words_are_kept(ana, path)?;
    }
    refuse_a_huge_picture(ana, room)?;
    page.choose_file("#picture", &photograph(room)?)?;
    page.fill("#alt", "A ferry at the quay under a lamp")?;
    page.fill("#caption", "The quay on Tuesday.")?;
    page.fill("#picture_credit", "Osk Tremayne")?;
    ana.press("form.article button[value=preview]")?;
    assert_eq!(page.count("iframe")?, 2, "{}", page.text()?);
    ana.sees("06-article-preview")?;
    nothing_typed_runs(ana)?;
    ana.press("form.article button[value=publish]")?;
    ana.must_say("It stands on the site now")?;
    ana.sees("07-article-published")?;
    let path = page.evaluate_text("location.pathname")?;
    let address = page.evaluate_text("document.querySelector('main > p a[href*=\"/articles/\"]').href")?;
    page.goto(&address)?;
    ana.must_say("We counted the nights.")?;
    ana.must_say("The quay on Tuesday.")?;
    ana.must_say("Osk Tremayne")?;
    let shown = "(() => { const i = document.querySelector('article.story figure img'); return i.complete && i.naturalWidth > 0 && i.alt; })()";
    assert_eq!(page.evaluate_text(shown)?, "A ferry at the quay under a lamp");
    Ok(path)
}

/// Words that were never saved outlive a page that is left, and are offered back.
fn words_are_kept(ana: &Member<'_>, path: &str) -> Result<()> {
    let page = &ana.page;
    page.until("what was typed to be kept", "Object.keys(sessionStorage).some(k => k.includes('/articles/new'))")?;
    page.goto(&format!("{}/members", ana.desk))?;
    assert_eq!(page.asked_to_stay(), 1, "the browser asks before unsaved words are left");
    ana.goto(path)?;
    assert_ne!(page.evaluate_text("document.querySelector('#title').value")?, HEADLINE, "it was not saved");
    ana.must_say("was not saved. This tab kept it.")?;
    ana.sees("05b-article-offered-back")?;
    page.click(".kept button")?;
    assert_eq!(page.evaluate_text("document.querySelector('#title').value")?, HEADLINE);
    assert!(page.evaluate_text("document.querySelector('#body').value")?.contains("We counted the nights."));
    Ok(())
}

/// A picture of 50,000 x 50,000 pixels: refused by its first bytes, with clear words, and nothing typed is lost.
fn refuse_a_huge_picture(ana: &Member<'_>, room: &Newsroom) -> Result<()> {
    let file = room.place.all().join("huge.png");
    fs::write(&file, png(50_000, 50_000))?;
    ana.page.choose_file("#picture", &file)?;
    ana.press("form.article button[value=save]")?;
    ana.must_say("more than 50 million pixels")?;
    ana.must_say("Save it with 4,000 pixels on its longer side")?;
    assert_eq!(ana.page.evaluate_text("document.querySelector('#title').value")?, HEADLINE, "nothing typed is lost");
    ana.sees("05c-article-huge-picture")
}

/// A PNG that says it is so large, and holds nothing.
fn png(width: u32, height: u32) -> Vec<u8> {
    let chunk = |name: &[u8], content: &[u8]| {
        [&u32::try_from(content.len()).unwrap().to_be_bytes()[..], name, content, b"sum!"].concat()
    };
    let size = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &size), &chunk(b"IDAT", b"none"), &chunk(b"IEND", b"")].concat()
}

/// What is typed into a headline or a text never runs: not in the preview's frame, and not if it stood in the page itself,
/// where the policy lets no script of a page run.
fn nothing_typed_runs(ana: &Member<'_>) -> Result<()> {
    let page = &ana.page;
    let (title, body) = ("document.querySelector('#title').value", "document.querySelector('#body').value");
    let [good_title, good_body] = [page.evaluate_text(title)?, page.evaluate_text(body)?];
    let odd =
        "</textarea></iframe><script>top.ran = 1</script><img src=x onerror='top.ran = 1'><svg onload='top.ran = 1'>";
    page.fill("#title", odd)?;
    page.fill("#body", odd)?;
    ana.press("form.article button[value=preview]")?;
    let frames = "[...document.querySelectorAll('iframe')].every(f => f.contentDocument?.querySelector('h1') !== null)";
    page.until("both frames", frames)?;
    let planted = "document.body.insertAdjacentHTML('beforeend', `<img src=x onerror='window.ran = 1'>`); \
                   { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); } 0";
    if ana.has_script() {
        page.evaluate(planted)?;
        page.until("the policy's refusal", "true")?;
    }
    assert_eq!(page.evaluate("typeof window.ran")?, "undefined");
    if ana.has_script() {
        let refusals = page.complaints().into_iter().filter(|told| told.contains("Content Security Policy")).count();
        assert!(refusals > 0, "the policy refused what was planted into the page itself");
    }
    page.forget_complaints();
    page.fill("#title", &good_title)?;
    page.fill("#body", &good_body)?;
    Ok(())
}

/// Two members at one article: the second to save is told, and both texts are there.
fn two_at_one_article(ana: &Member<'_>, ben: &Member<'_>) -> Result<()> {
    for member in [ana, ben] {
        member.goto("/articles/new")?;
    }
    ana.page.fill("#title", "The market moves")?;
    ana.page.fill("#body", "To the square.")?;
    ana.press("form.article button[value=save]")?;
    let path = ana.page.evaluate_text("location.pathname")?;
    ben.goto(&path)?;
    ana.page.fill("#body", "To the square. Ana was here.")?;
    ben.page.fill("#body", "To the square. Ben was here.")?;
    ana.press("form.article button[value=save]")?;
    ben.press("form.article button[value=save]")?;
    ben.must_say("Ana Sol saved this article meanwhile")?;
    let value = |selector: &str| ben.page.evaluate_text(&format!("document.querySelector('{selector}').value"));
    assert!(value("#their-body")?.contains("Ana was here."), "theirs is there");
    assert!(value("#body")?.contains("Ben was here."), "nothing is lost");
    ben.sees("08-article-two-members")?;
    ben.page.fill("#body", "To the square. Both were here.")?;
    ben.press("form.article button[value=save]")?;
    ana.goto(&path)?;
    assert!(ana.page.evaluate_text("document.querySelector('#body').value")?.contains("Both were here."));
    ana.press("form[action$=discard] button")
}

/// Lined up, ordered, the lead chosen; a note and an appeal.
fn line_up(ana: &Member<'_>, article: &str) -> Result<()> {
    let page = &ana.page;
    let id = article.rsplit('/').next().context("an article's path ends in its id")?;
    let place = "[...document.querySelectorAll('#lined-up > li')].map(li => li.id)";
    ana.goto("/edition")?;
    ana.sees("09-edition")?;
    ana.press(&format!("#s{id} button[value=add]"))?;
    // A second story, and the order by hand.
    ana.press("#watched-items button[value=add]")?;
    let order = || -> Result<Vec<String>> { Ok(serde_json::from_value(page.evaluate(place)?)?) };
    let before = order()?;
    let last = before.last().context("two stories are lined up")?.clone();
    ana.press(&format!("#{last} button[value=up]"))?;
    if ana.has_script() {
        let held = page.evaluate_text("document.activeElement.closest('li').id")?;
        assert_eq!(held, last, "focus stays with the story that was moved");
    }
    let after = order()?;
    assert_eq!(after[after.len() - 2], last, "{before:?} {after:?}");
    ana.press(&format!("#s{id} button[value=lead]"))?;
    assert_eq!(order()?[0], format!("s{id}"));
    ana.must_say("Lead")?;
    ana.sees("10-edition-lined-up")?;
    ana.goto("/edition/envelope")?;
    page.fill("#note", NOTE)?;
    page.fill("#signed", "Ana")?;
    ana.sees("11-envelope")?;
    ana.press("main form button")?;
    ana.goto("/edition/blocks")?;
    page.click("input[value=appeal]")?;
    page.click("input[value=both]")?;
    for (field, words) in [
        ("#title", "Keep the lamp lit"),
        ("#text", "Two hundred readers pay for this paper. Be one."),
        ("#link", "https://courier.example/join"),
        ("#words", "Join us"),
    ] {
        page.fill(field, words)?;
    }
    ana.press("section.narrow button")?;
    ana.must_say("The block is up")?;
    ana.sees("12-blocks")
}

/// The mail as it would be cut, in three shapes; and a test copy that arrives.
fn preview_and_test(ana: &Member<'_>, room: &Newsroom) -> Result<()> {
    let page = &ana.page;
    for width in ["phone", "desktop", "text"] {
        ana.goto(&format!("/edition/preview?width={width}"))?;
        ana.must_say(HEADLINE)?;
        if width == "text" {
            ana.must_say(NOTE)?;
            ana.must_say("Keep the lamp lit")?;
        } else {
            let whole = page.evaluate_text("document.querySelector('iframe.mail').src")?;
            assert!(whole.contains("/edition/preview/mail?"), "{whole}");
        }
        ana.sees(&format!("13-preview-{width}"))?;
    }
    page.fill("#address", "tester@courier.example")?;
    ana.press("section[aria-labelledby=test] button")?;
    ana.must_say("The receiving server took it")?;
    let tests = room.took(&format!("[Test] {HEADLINE}"));
    assert_eq!(tests.iter().map(|took| took.to.clone()).collect::<Vec<_>>(), [["tester@courier.example"]]);
    let opened = Opened::parse(tests[0].message.as_bytes());
    let html = opened.html.context("a test copy has an HTML part")?;
    for words in [NOTE, "Keep the lamp lit", "Osk Tremayne"] {
        assert!(html.contains(words), "no {words:?} in the test copy");
    }
    Ok(())
}

/// Cut, sent, watched, paused, corrected, let go on.
fn send(ana: &Member<'_>, room: &Newsroom) -> Result<()> {
    let page = &ana.page;
    room.relay.takes(SENT_FIRST);
    ana.goto("/edition")?;
    ana.must_say(&format!("{READERS} readers are due"))?;
    if ana.has_script() {
        page.click("form[action='/edition/cut'] button")?;
        page.until("a question", "document.querySelector('dialog[open]') !== null")?;
        ana.sees("14-asked")?;
        page.click("dialog button[value=no]")?;
        page.until("no question", "document.querySelector('dialog') === null")?;
        assert_eq!(
            page.evaluate_text("document.activeElement.textContent")?,
            "Cut today’s edition",
            "back where one was"
        );
    }
    ana.press("form[action='/edition/cut'] button")?;
    ana.must_say("The edition is cut")?;
    ana.sees("15-departure-cut")?;
    assert!(room.copies().is_empty(), "nothing leaves before Send");
    ana.press("form[action$='/send'] button")?;
    let counted = format!("document.body.innerText.includes('{SENT_FIRST} of {READERS} readers accounted for')");
    // With script the page is brought up to date in place; without, it loads itself anew.
    page.evaluate("window.before = 1")?;
    page.until("the first copies", &counted)?;
    if ana.has_script() {
        assert_eq!(page.evaluate("window.before")?, 1, "the page was not loaded again");
    }
    if !ana.has_script() {
        page.goto(&format!("{}?still=yes", page.url()?))?;
    }
    ana.sees("16-departure-on-its-way")?;
    ana.press("form[action$='/pause'] button")?;
    ana.must_say("paused")?;
    room.relay.takes_all();
    // Those in flight are answered; no other starts.
    room.settles(ana, |in_flight, _| in_flight == 0)?;
    let sent = room.copies().len();
    assert!((SENT_FIRST..=SENT_FIRST + CONNECTIONS).contains(&sent), "{sent} left");
    page.goto(&page.url()?)?;
    ana.sees("17-departure-paused")?;
    page.fill("#title", CORRECTED)?;
    ana.press("form[action$='/correct'] button")?;
    ana.must_say("The headline is corrected")?;
    ana.sees("18-departure-corrected")?;
    assert_eq!(room.copies().len(), sent, "nothing leaves while it is paused");
    room.relay.cuts(LOST);
    ana.press("form[action$='/resume'] button")?;
    page.until("the end", "document.body.innerText.toLowerCase().includes('delivered')")?;
    page.goto(&page.url()?)?;
    ana.sees("19-departure-delivered")?;
    ana.must_say(&format!("{READERS} of {READERS} readers accounted for"))?;
    every_reader_got_one(room, sent);
    end_doubts(ana, room)
}

/// Two answers were lost: Today says so, each reader is listed, and a member ends both doubts. Nothing is sent again by that.
fn end_doubts(ana: &Member<'_>, room: &Newsroom) -> Result<()> {
    let departure = ana.page.evaluate_text("location.pathname")?;
    ana.goto("/")?;
    ana.must_say("in doubt")?;
    ana.sees("19b-today-in-doubt")?;
    ana.goto(&format!("{departure}/doubts"))?;
    ana.must_say(&format!("All {LOST} that nobody has ended"))?;
    ana.must_say("after the whole message: the connection is closed")?;
    ana.sees("19c-doubts")?;
    ana.press("ul.rows button[value=taken]")?;
    ana.must_say("counted as taken")?;
    ana.press("ul.rows button[value=hold]")?;
    ana.must_say("held: not sent again")?;
    ana.sees("19d-doubts-ended")?;
    assert_eq!(room.copies().len(), READERS);
    Ok(())
}

impl Newsroom {
    /// Waits until the report of the newest departure is so: in flight, accepted.
    fn settles(&self, ana: &Member<'_>, so: impl Fn(u64, u64) -> bool) -> Result<()> {
        let id = ana.page.evaluate_text("location.pathname.split('/').at(-1)")?;
        let begun = Instant::now();
        loop {
            let report = self.place.run(&["edition", "report"]).done();
            let number = |name: &str| report[name].as_u64().unwrap();
            if report["departure"] == id && so(number("in_flight"), number("accepted")) {
                return Ok(());
            }
            assert!(begun.elapsed() < WAIT_MAX, "{report}");
        }
    }
}

/// Everybody on the list has one copy; those of before the correction the old headline, all others the new.
fn every_reader_got_one(room: &Newsroom, before: usize) {
    let copies = room.copies();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    copies.iter().for_each(|took| *counts.entry(&took.to[0]).or_default() += 1);
    let expected: BTreeSet<String> = addresses().collect();
    assert_eq!(counts.keys().map(|to| (*to).to_owned()).collect::<BTreeSet<_>>(), expected);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let said = |took: &Took, words: &str| {
        let opened = Opened::parse(took.message.as_bytes());
        opened.headers.text("Subject").is_some_and(|subject| subject == words)
            && [opened.text, opened.html].iter().flatten().all(|part| part.contains(words))
    };
    let (old, new) = copies.split_at(before);
    assert!(old.iter().all(|took| said(took, HEADLINE)), "what left stays as it was");
    assert!(new.iter().all(|took| said(took, CORRECTED)), "what left later says it right");
}

/// The rooms that the morning does not lead through.
fn look_around(ana: &Member<'_>, room: &Newsroom) -> Result<()> {
    room.place.run(&["relay", "add", "backup", "--host", "smtp.backup.example", "--weight", "0"]).done();
    for (room, name) in [
        ("/", "20-today"),
        ("/items?state=dismissed", "21-items-dismissed"),
        ("/items?state=changed", "22-items-changed"),
        ("/articles", "23-articles"),
        ("/articles?state=draft", "24-drafts"),
        ("/articles?state=withdrawn", "25-withdrawn"),
        ("/pages", "26-pages"),
        ("/pages/new", "27-page-new"),
        ("/sources", "28-sources"),
        ("/outlet", "29-outlet"),
        ("/ways", "29b-ways"),
        ("/members", "30-members"),
        ("/members/acts", "31-acts"),
        ("/me", "32-self"),
        ("/departures", "33-departures"),
        ("/bounces", "33b-bounces"),
        ("/nowhere", "34-nowhere"),
    ] {
        ana.goto(room)?;
        ana.sees(name)?;
    }
    ana.goto("/ways")?;
    ana.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")?;
    ana.sees("29c-ways-open")?;
    ana.press(".who button")?;
    ana.sees("35-sign-in")
}

fn walk(browser: &Browser, axe: Option<&Axe>, script: Script) -> Result<()> {
    let room = Newsroom::open(if script == Script::On { "desk-script" } else { "desk-plain" })?;
    let mut ana = Member::new(browser, script, axe)?;
    let ben = come_in(browser, &room, &mut ana)?;
    take_an_item(&ana, &room)?;
    let article = write_it(&ana, &room)?;
    two_at_one_article(&ana, &ben)?;
    line_up(&ana, &article)?;
    preview_and_test(&ana, &room)?;
    send(&ana, &room)?;
    edition_on_the_site(&ana, &room)?;
    look_around(&ana, &room)?;
    assert_eq!(room.running.stop().code, Some(0));
    Ok(())
}

/// The public page of the edition says the headline as it is now.
fn edition_on_the_site(ana: &Member<'_>, room: &Newsroom) -> Result<()> {
    let date = room.place.run(&["edition", "report"]).done()["date"].as_str().context("a date")?.replace('-', "/");
    ana.page.goto(&format!("{}/editions/{date}/", room.site))?;
    assert!(!ana.says(HEADLINE)?, "the old headline stands there: {}", ana.page.text()?);
    ana.must_say(CORRECTED)
}

#[test]
fn an_editor_s_whole_morning_at_the_desk_without_script() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    walk(&browser, Axe::start().as_ref(), Script::Off)
}

#[test]
fn an_editor_s_whole_morning_at_the_desk_with_script() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    walk(&browser, Axe::start().as_ref(), Script::On)
}
