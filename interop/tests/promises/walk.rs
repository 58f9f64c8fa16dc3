//! What a reader sees: the whole way in a browser, with script off, narrow and wide, light and dark.
//!
//! Every page on the way is held to WCAG 2.2 AA by axe, to its window's width, to silence on the console and to this machine
//! alone. Pictures of all of them lie in `target/screens`, for people to look at.

use crate::http;
use crate::mails::{self, Mail};
use crate::newsroom::{Newsroom, readers};
use crate::program::{LOOK, Place, Running};
use crate::relay::Relay;
use anyhow::Result;
use interop::axe::Axe;
use interop::browser::{Browser, Look, Page, Scheme};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// Readers of the demo, beside those who walk.
const READERS: u64 = 12;
/// How long a mail may take into the inbox.
const MAIL_MAX: Duration = Duration::from_secs(60);

/// The demo at work.
struct Demo {
    place: Place,
    running: Running,
    site: String,
    inbox: String,
}

impl Demo {
    fn open(purpose: &str) -> Demo {
        let place = Place::new(purpose);
        let readers = READERS.to_string();
        let mut running = Running::start(place.arguments(&["demo", "--listen", "127.0.0.1:0", "--readers", &readers]));
        let address = |told: String| told.trim_end_matches('/').to_owned();
        let (site, inbox) = (address(running.told("The site:")), address(running.told("The inbox:")));
        Demo { place, running, site, inbox }
    }

    /// A story by an editor's hand, and an edition with it, a day later: sent by the demo that runs.
    fn next_edition(&self) {
        let file = self.place.all().join("story.html");
        let story =
            "<p>The last lamp of the outer mole was lit again on Tuesday, after eleven dark years.</p>".repeat(6);
        let page = format!(
            "<!doctype html><html lang=en><title>A lamp</title><article><h1>The outer lamp burns again</h1>{story}</article></html>"
        );
        fs::write(&file, page).unwrap();
        self.place.run(&["article", "import", file.to_str().unwrap()]).done();
        let today = self.place.run(&["edition", "report"]).done()["date"].as_str().unwrap().to_owned();
        let month = today.get(..8).unwrap();
        // The day after, or the first of the next month's: any later date is another edition.
        let day: u32 = today.get(8..).unwrap().parse().unwrap();
        let date = if day < 28 { format!("{month}{:02}", day + 1) } else { next_month(&today) };
        self.place.run(&["edition", "cut", "--date", &date]).done();
        let report = self.place.run(&["edition", "send"]).done();
        assert_eq!(report["accepted"], report["audience"], "{report}");
    }
}

/// The second of the month that follows.
fn next_month(date: &str) -> String {
    let (year, month): (u32, u32) = (date[..4].parse().unwrap(), date[5..7].parse().unwrap());
    format!("{:04}-{:02}-02", year + month / 12, month % 12 + 1)
}

/// One who looks at pages, at each in every width and scheme that is theirs.
struct Walker<'b> {
    page: Page,
    looks: Vec<Look>,
    axe: Option<&'b Axe>,
    /// The kind of way, in the names of pictures.
    way: &'static str,
}

impl<'b> Walker<'b> {
    /// `looks`: the first is the one to walk in.
    fn new(browser: &Browser, looks: Vec<Look>, axe: Option<&'b Axe>, way: &'static str) -> Result<Walker<'b>> {
        Ok(Walker { page: browser.page(looks[0])?, looks, axe, way })
    }

    /// Looks at the page as it stands.
    fn sees(&self, name: &str) -> Result<()> {
        self.looks(name, false)
    }

    /// The same at a page that came with a refusal, which the browser itself notes on its console.
    fn sees_refusal(&self, name: &str) -> Result<()> {
        self.looks(name, true)
    }

    fn looks(&self, name: &str, refused: bool) -> Result<()> {
        let (page, url) = (&self.page, self.page.url()?);
        for look in &self.looks {
            page.look(look.width, look.scheme)?;
            let place = format!("{name} at {}, {url}", look.name());
            page.screenshot(&interop::target().join(format!("screens/{}-{name}-{}.png", self.way, look.name())))?;
            assert_eq!(page.overflow()?, 0, "{place}: wider than its window");
            let violations = self.axe.map(|axe| axe.check(page)).transpose()?.unwrap_or_default();
            let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
            assert!(told.is_empty(), "{place}: {}", told.join("\n"));
        }
        page.look(self.looks[0].width, self.looks[0].scheme)?;
        assert_eq!(page.count("script:not([type='application/ld+json'])")?, 0, "{url}: a page without script");
        assert_eq!(page.count("h1")?, 1, "{url}: one heading of the first rank");
        let own = |complaint: &String| refused && complaint.contains("status of 4") && complaint.ends_with(&url);
        let complaints: Vec<_> = page.complaints().into_iter().filter(|complaint| !own(complaint)).collect();
        assert!(complaints.is_empty(), "{url}: {complaints:?}");
        for asked in page.asked() {
            let here =
                ["http://127.0.0.1:", "data:", "file:", "about:"].iter().any(|start| asked.url.starts_with(start));
            assert!(here, "{url}: asked {asked:?}");
        }
        Ok(())
    }

    /// Opens the newest mail to `address` in the web inbox, waiting for the `count`th to come.
    fn opens_mail(&self, demo: &Demo, address: &str, count: u64, name: &str) -> Result<()> {
        let begun = std::time::Instant::now();
        loop {
            self.page.goto(&format!("{}/", demo.inbox))?;
            self.page.fill("#to", address)?;
            self.page.follow(".search button")?;
            if self.page.count("ol.mails > li")? >= count {
                break;
            }
            assert!(begun.elapsed() < MAIL_MAX, "no mail to {address}");
            std::thread::sleep(LOOK);
        }
        self.sees(&format!("inbox-{name}"))?;
        self.page.follow("ol.mails li:first-child h2 a")?;
        self.sees(&format!("mail-{name}"))
    }

    /// From the front page to a confirmed subscription.
    fn signs_up(&self, demo: &Demo, address: &str) -> Result<()> {
        let page = &self.page;
        page.goto(&format!("{}/", demo.site))?;
        self.sees("01-front")?;
        page.fill("form[action='/subscribe'] #email", address)?;
        page.click("form[action='/subscribe'] input[name='topics']")?;
        page.follow("form[action='/subscribe'] button")?;
        self.sees("02-check-your-mail")?;
        self.opens_mail(demo, address, 1, "03-opt-in")?;
        page.follow("#text a[href*='/confirm/']")?;
        self.sees("04-confirm")?;
        page.follow("form.one-button button")?;
        self.sees("05-confirmed")
    }

    /// From the edition in the inbox to the way out, and back.
    fn leaves_and_comes_back(&self, demo: &Demo, address: &str) -> Result<()> {
        let page = &self.page;
        self.opens_mail(demo, address, 2, "06-edition")?;
        page.follow("#text a[href*='/preferences/']")?;
        self.sees("07-preferences")?;
        page.click("input[name='format'][value='text']")?;
        page.follow("main form button")?;
        self.sees("08-preferences-saved")?;
        self.opens_mail(demo, address, 2, "06-edition")?;
        page.follow("#text a[href*='/unsubscribe/']")?;
        self.sees("09-unsubscribe")?;
        page.follow("form.one-button button")?;
        self.sees("10-unsubscribed")?;
        page.follow("form.one-button button")?;
        self.sees("11-back-again")
    }
}

/// All walkers sign up, an edition leaves, and all of them leave and come back.
fn walk(demo: &Demo, walkers: &[Walker<'_>], mailbox: &str) -> Result<()> {
    let address = |walker: &Walker<'_>| format!("walker-{}@{mailbox}.example", walker.looks[0].name());
    for walker in walkers {
        walker.signs_up(demo, &address(walker))?;
    }
    let there = READERS + walkers.len() as u64;
    assert_eq!(readers(&demo.place), [there, 0, 0], "everybody who walked in is a reader");
    demo.next_edition();
    for walker in walkers {
        walker.leaves_and_comes_back(demo, &address(walker))?;
    }
    assert_eq!(readers(&demo.place), [there, 0, 0], "everybody who left came back");
    Ok(())
}

#[test]
fn a_reader_walks_through_the_mail_and_out_with_script_off_and_no_page_breaks_a_rule_of_wcag() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    // Without axe, the way itself is still walked.
    let (axe, demo) = (Axe::start(), Demo::open("walk"));
    // One each with a narrow window, a phone's and a wide one; each sees every page in the light and in the dark.
    let without_script = Look::ALL.map(Look::without_script);
    let walker = |looks: &[Look]| Walker::new(&browser, looks.to_vec(), axe.as_ref(), "walk");
    let walkers = without_script.chunks(2).map(walker).collect::<Result<Vec<_>>>()?;
    walk(&demo, &walkers, "quaymail")?;
    assert_eq!(demo.running.stop().code, Some(0));
    Ok(())
}

/// An article's page in `language`, with a picture; the front page and those of topics link to it.
fn article_in(demo: &Demo, language: &str) -> String {
    let links = |page: &str, part: &str| -> Vec<String> {
        let body = http::get(page).body;
        let links = body.split("href=\"/").skip(1).filter_map(|rest| rest.split('"').next());
        links.filter(|link| link.starts_with(part)).map(|link| format!("{}/{link}", demo.site)).collect()
    };
    let front = format!("{}/", demo.site);
    let lists = links(&front, "topics/").into_iter().chain([front.clone()]);
    let articles: BTreeSet<String> = lists.flat_map(|list| links(&list, "articles/")).collect();
    let wanted = format!("lang=\"{language}");
    let fits = |page: &String| {
        let body = http::get(page).body;
        let article = body.split_once("<article").map_or("", |(_, rest)| rest);
        article.split('>').next().unwrap().contains(&wanted) && body.contains("/picture/\"")
    };
    let mut articles = articles.into_iter().filter(|page| !page.ends_with("/picture/"));
    articles.find(fits).unwrap_or_else(|| panic!("no article in {language} with a picture"))
}

/// The first address on `page` that holds `part`.
fn link_on(page: &str, part: &str) -> String {
    let body = http::get(page).body;
    let mut links = body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let found = links.find(|link| link.contains(part)).unwrap_or_else(|| panic!("no link to {part} on {page}"));
    let site = page.split('/').take(3).collect::<Vec<_>>().join("/");
    if found.starts_with('/') { format!("{site}{found}") } else { found.to_owned() }
}

/// Every kind of page of the site and the inbox, by name.
fn pages(demo: &Demo) -> Vec<(&'static str, String)> {
    let (site, inbox) = (&demo.site, &demo.inbox);
    let (english, archive) = (article_in(demo, "en"), format!("{site}/archive/"));
    let month = link_on(&archive, "/archive/2");
    vec![
        ("front", format!("{site}/")),
        ("picture", format!("{english}picture/")),
        ("article", english),
        ("article-arabic", article_in(demo, "ar")),
        ("article-chinese", article_in(demo, "zh")),
        ("topic", link_on(&format!("{site}/"), "/topics/")),
        ("edition", link_on(&month, "/editions/")),
        ("month", month),
        ("archive", archive),
        ("inbox", format!("{inbox}/")),
        ("inbox-of-one", format!("{inbox}/?to={}", stage::readers::reader(1).address)),
        ("inbox-of-nobody", format!("{inbox}/?to=nobody@nowhere.example")),
        ("inbox-message", format!("{inbox}/messages/0")),
    ]
}

/// Pages that come with a refusal.
fn refusals(demo: &Demo) -> Vec<(&'static str, String)> {
    vec![
        ("not-found", format!("{}/no/such/page/", demo.site)),
        ("link-not-valid", format!("{}/confirm/{}", demo.site, "A".repeat(44))),
        ("inbox-not-found", format!("{}/messages/999999", demo.inbox)),
    ]
}

/// The HTML parts of the mails, as files: in the inbox they lie in a sandbox where axe cannot run.
fn mail_pages(demo: &Demo) -> Vec<(&'static str, String)> {
    let mails = mails::caught(&demo.place.mail());
    let longest = |of: &dyn Fn(&&Mail) -> bool| mails.iter().filter(of).max_by_key(|mail| mail.html().len()).unwrap();
    let edition = |language: &'static str| {
        longest(&move |mail: &&Mail| mail.departure().is_some() && mail.html().contains(&format!("lang=\"{language}")))
    };
    let kinds = [
        ("mail-opt-in", longest(&|mail| mail.departure().is_none())),
        ("mail-edition", edition("en")),
        ("mail-edition-with-arabic", edition("ar")),
        ("mail-edition-with-chinese", edition("zh")),
    ];
    kinds.map(|(name, mail)| (name, as_file(name, mail.html()))).into()
}

/// The address of a file with this page, beside the pictures.
fn as_file(name: &str, html: &str) -> String {
    let file = interop::target().join(format!("screens/{name}.html"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, html).unwrap();
    format!("file://{}", file.display())
}

/// The token behind a door in the newest mail that a relay took.
fn token(relay: &Relay, door: &str) -> String {
    let took = relay.took().pop().unwrap();
    let whole = took.message.replace("=\r\n", "");
    whole.split_once(door).unwrap_or_else(|| panic!("no {door} in {whole}")).1[..44].to_owned()
}

#[test]
fn a_reader_of_an_arabic_outlet_finds_every_room_written_from_right_to_left() -> Result<()> {
    let (Some(browser), Some(axe)) = (Browser::start(), Axe::start()) else { return Ok(()) };
    let relay = Relay::open(None);
    let newsroom = Newsroom::found("arabic", relay.address);
    for (name, value) in [("outlet.language", "ar"), ("outlet.name", "منارة أوستري")] {
        newsroom.set(name, value);
    }
    newsroom.publish("عادت السفن مع الفجر");
    let mut open = newsroom.open();
    let looks = Look::ALL.map(Look::without_script).to_vec();
    let walker = Walker::new(&browser, looks, Some(&axe), "arabic")?;
    let (page, site) = (&walker.page, open.site.clone());
    let sees = |name: &str| {
        assert_eq!(page.evaluate_text("getComputedStyle(document.querySelector('main')).direction")?, "rtl", "{name}");
        walker.sees(name)
    };
    page.goto(&format!("{site}/"))?;
    sees("01-front")?;
    page.fill("form[action='/subscribe'] #email", "qari@lamps.example")?;
    page.follow("form[action='/subscribe'] button")?;
    sees("02-check-your-mail")?;
    open.running.until("the letter", |_| relay.took().first().map(drop));
    page.goto(&format!("{site}/confirm/{}", token(&relay, "/confirm/")))?;
    sees("03-confirm")?;
    page.follow("form.one-button button")?;
    sees("04-confirmed")?;
    newsroom.run(&["edition", "cut"]).done();
    newsroom.run(&["edition", "send"]).done();
    let [choices, way_out] =
        ["/preferences/", "/unsubscribe/"].map(|door| format!("{site}{door}{}", token(&relay, door)));
    page.goto(&choices)?;
    sees("05-choices")?;
    page.follow("main form button")?;
    sees("06-choices-saved")?;
    page.goto(&format!("{site}/preferences"))?;
    sees("07-link")?;
    page.fill("form[action='/preferences'] #address", "qari@lamps.example")?;
    page.follow("form[action='/preferences'] button")?;
    sees("08-link-sent")?;
    page.goto(&way_out)?;
    sees("09-unsubscribe")?;
    page.follow("form.one-button button")?;
    sees("10-unsubscribed")?;
    page.follow("form.one-button button")?;
    sees("11-undone")?;
    page.goto(&way_out)?;
    page.follow("form.one-button button")?;
    page.goto(&choices)?;
    sees("12-left")?;
    page.follow("form.one-button button")?;
    sees("13-back")?;
    page.goto(&format!("{site}/confirm/{}", "A".repeat(44)))?;
    walker.sees_refusal("14-dead-link")?;
    assert_eq!(open.running.stop().code, Some(0));
    Ok(())
}

#[test]
fn every_kind_of_page_and_mail_fits_its_window_and_breaks_no_rule_of_wcag() -> Result<()> {
    let (Some(browser), Some(axe)) = (Browser::start(), Axe::start()) else { return Ok(()) };
    let demo = Demo::open("pages");
    let (pages, refusals, mails) = (pages(&demo), refusals(&demo), mail_pages(&demo));
    let at = |url: &str| -> Result<Walker<'_>> {
        let walker = Walker::new(&browser, Look::ALL.to_vec(), Some(&axe), "page")?;
        walker.page.goto(url)?;
        Ok(walker)
    };
    pages.iter().chain(&mails).try_for_each(|(name, url)| at(url)?.sees(name))?;
    refusals.iter().try_for_each(|(name, url)| at(url)?.sees_refusal(name))?;
    let sign_up = at(&format!("{}/", demo.site))?;
    // What no address field of a browser takes, but a form of another's might send.
    sign_up.page.evaluate("document.querySelector('form[action=\"/subscribe\"]').noValidate = true")?;
    sign_up.page.fill("#email", "nonsense")?;
    sign_up.page.follow("form[action='/subscribe'] button")?;
    sign_up.sees_refusal("sign-up-fault")?;
    faults_planted_in_a_mail_are_found(&browser, &axe, &demo)?;
    assert_eq!(demo.running.stop().code, Some(0));
    Ok(())
}

/// The check of mails is one that can fail: by each rule, in the scheme that shows the fault, and at the width that does.
fn faults_planted_in_a_mail_are_found(browser: &Browser, axe: &Axe, demo: &Demo) -> Result<()> {
    let mails = mails::caught(&demo.place.mail());
    let good = mails.iter().find(|mail| mail.departure().is_some()).unwrap().html();
    let faults = "<style>.dark { color: #000; background: #fff } @media (prefers-color-scheme: dark) { .dark { color: #eee } } \
                  .wide { width: 700px }</style><p class=dark>Pale in the dark</p><p style='color: #ccc; background: \
                  #fff'>Pale in both</p><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' width=9 height=9>\
                  <p class=wide>Wide</p>";
    let planted = good.replacen("<h1", &format!("{faults}<h1"), 1);
    assert_ne!(planted, good, "there is a heading to plant it before");
    let page = browser.page(Look::ALL[0])?;
    page.goto(&as_file("mail-planted", &planted))?;
    for look in Look::ALL {
        page.look(look.width, look.scheme)?;
        let found = axe.check(&page)?;
        let found: Vec<_> = found.iter().map(|violation| (violation.id.as_str(), violation.nodes.len())).collect();
        let pale = if look.scheme == Scheme::Dark { 2 } else { 1 };
        assert_eq!(found, [("color-contrast", pale), ("image-alt", 1)], "{look:?}");
        assert_eq!(page.overflow()? > 0, look.width < 700, "{look:?}");
    }
    Ok(())
}
