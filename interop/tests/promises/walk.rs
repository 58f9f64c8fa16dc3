//! A reader's whole way in a real browser with script off, and every page of it accessible at both widths, light and dark.

use crate::program::Running;
use interop::axe::Axe;
use interop::browser::{Browser, Look, Page, Scheme, Script};
use interop::scratch::Scratch;

/// How the walker looks: a phone without script.
const WALKER: Look = Look { width: 320, scheme: Scheme::Light, script: Script::Off };
/// The one who walks; the demo's own readers have other names.
const ADDRESS: &str = "walker@strollers.example";

/// A demo that stays open: its process, its site and its inbox.
struct Open {
    running: Running,
    site: String,
    inbox: String,
    _folder: Scratch,
}

fn open() -> Open {
    let folder = Scratch::new("walk").unwrap();
    let data = folder.path().join("newsroom").display().to_string();
    let mut running = Running::start(["demo", "--readers", "12", "--listen", "127.0.0.1:0", "--data", &data]);
    let site = running.told("The site:").trim_end_matches('/').to_owned();
    let inbox = running.told("The inbox:").trim_end_matches('/').to_owned();
    Open { running, site, inbox, _folder: folder }
}

/// Every page is looked at in four ways; what a page breaks is collected, so that one run says everything.
struct Eye {
    axe: Axe,
    faults: Vec<String>,
}

impl Eye {
    fn look(&mut self, browser: &Browser, name: &str, url: &str) {
        for look in Look::ALL {
            let page = browser.page(look).unwrap();
            page.goto(url).unwrap();
            self.judge(&page, &format!("{name}-{}", look.name()));
        }
    }

    fn judge(&mut self, page: &Page, name: &str) {
        for violation in self.axe.check(page).unwrap() {
            self.faults.push(format!("{name}: {violation:?}"));
        }
        if page.overflow().unwrap() > 0 {
            self.faults.push(format!("{name}: wider than its window"));
        }
        // The page for an address that holds nothing is answered with 404, as it must be, and the browser says so.
        let told = page.complaints().into_iter().filter(|told| !(name.starts_with("nothing") && told.contains("404")));
        self.faults.extend(told.map(|told| format!("{name}: {told}")));
        let shots = interop::target().join("screens");
        std::fs::create_dir_all(&shots).unwrap();
        page.screenshot(&shots.join(format!("{name}.png"))).unwrap();
    }
}

/// The address of the newest message to the walker, once there are `count`.
fn newest_message(open: &mut Open, page: &Page, count: u64) -> String {
    let list = format!("{}/?to={ADDRESS}", open.inbox);
    open.running.until("mail to the walker", |_| {
        page.goto(&list).unwrap();
        (page.count("main a[href^='/messages/']").unwrap() >= count)
            .then(|| page.evaluate_text("document.querySelector(\"main a[href^='/messages/']\").href").unwrap())
    })
}

/// The first link in a mail's HTML that leads to a door of the site.
fn door_in(page: &Page, message: &str, door: &str) -> String {
    page.goto(&format!("{message}/html")).unwrap();
    page.evaluate_text(&format!("document.querySelector(\"a[href*='/{door}/']\").href")).unwrap()
}

#[test]
fn a_reader_signs_up_confirms_chooses_leaves_and_comes_back_without_script() {
    let (Some(browser), Some(axe)) = (Browser::start(), Axe::start()) else { return };
    let mut open = open();
    let page = browser.page(WALKER).unwrap();

    page.goto(&format!("{}/", open.site)).unwrap();
    page.fill("input[name=email]", ADDRESS).unwrap();
    page.follow("form[action='/subscribe'] button").unwrap();
    assert!(page.text().unwrap().contains("Check your mail"), "{}", page.text().unwrap());

    let letter = newest_message(&mut open, &page, 1);
    let confirm = door_in(&page, &letter, "confirm");
    page.goto(&confirm).unwrap();
    page.follow("main form button").unwrap();
    assert!(page.text().unwrap().contains("on the list"), "{}", page.text().unwrap());

    // The walker came after the edition; the mail of a reader who got it has the same doors.
    page.goto(&format!("{}/", open.inbox)).unwrap();
    let edition = page.evaluate_text("document.querySelector(\"main a[href^='/messages/']\").href").unwrap();
    let edition = last_edition(&page, &open.inbox, &edition);
    let (choices, leave) = (door_in(&page, &edition, "preferences"), door_in(&page, &edition, "unsubscribe"));

    page.goto(&choices).unwrap();
    page.click("input[name=format][value=text]").unwrap();
    page.follow("main form button").unwrap();
    assert!(page.text().unwrap().contains("saved"), "{}", page.text().unwrap());

    page.goto(&leave).unwrap();
    page.follow("main form button").unwrap();
    assert!(page.text().unwrap().contains("left the list"), "{}", page.text().unwrap());
    page.follow("main form button").unwrap();
    assert!(page.text().unwrap().contains("back on the list"), "{}", page.text().unwrap());

    let own = |url: &str| url.starts_with(&open.site) || url.starts_with(&open.inbox);
    let strange: Vec<_> = page.asked().into_iter().filter(|asked| !own(&asked.url)).collect();
    assert!(strange.is_empty(), "the pages asked elsewhere: {strange:?}");

    let mut eye = Eye { axe, faults: Vec::new() };
    for (name, url) in pages(&page, &open.site) {
        eye.look(&browser, &name, &url);
    }
    for (name, url) in [("confirm", &confirm), ("choices", &choices), ("leave", &leave)] {
        eye.look(&browser, name, url);
    }
    // The mail itself is served in a sandbox without script, where axe cannot run; it is looked at as the inbox shows it.
    for (name, url) in [("letter", &letter), ("edition", &edition)] {
        eye.look(&browser, &format!("{name}-in-inbox"), url);
    }
    eye.look(&browser, "inbox", &format!("{}/", open.inbox));
    assert!(eye.faults.is_empty(), "{} faults:\n{}", eye.faults.len(), eye.faults.join("\n"));
}

/// The newest message that has a link to leave the list: an edition.
fn last_edition(page: &Page, inbox: &str, newest: &str) -> String {
    let number: u32 = newest.rsplit('/').next().unwrap().parse().unwrap();
    (0..=number)
        .rev()
        .map(|number| format!("{inbox}/messages/{number}"))
        .find(|message| {
            page.goto(&format!("{message}/html")).unwrap();
            page.count("a[href*='/unsubscribe/']").unwrap() > 0
        })
        .expect("the demo sent an edition")
}

/// One page of each kind: a name and where it is.
fn pages(page: &Page, site: &str) -> Vec<(String, String)> {
    let mut found = vec![
        ("front".to_owned(), format!("{site}/")),
        ("archive".to_owned(), format!("{site}/archive/")),
        ("topic".to_owned(), format!("{site}/topics/harbour/")),
        ("nothing".to_owned(), format!("{site}/nothing-here/")),
    ];
    page.goto(&format!("{site}/")).unwrap();
    for language in ["en", "ar", "zh"] {
        let here = format!("document.querySelector(\"[lang|='{language}'] a[href*='/articles/']\")");
        let other = format!(
            "[...document.querySelectorAll(\"a[href*='/articles/']\")].find(a => a.closest('[lang]').lang.startsWith('{language}'))"
        );
        let url = page.evaluate_text(&format!("({here} ?? {other})?.href ?? ''")).unwrap();
        assert!(!url.is_empty(), "the front page shows a story in {language}");
        found.push((format!("article-{language}"), url));
    }
    page.goto(&format!("{site}/archive/")).unwrap();
    let day = page.evaluate_text("document.querySelector(\"a[href*='/editions/']\")?.href ?? ''").unwrap();
    if !day.is_empty() {
        found.push(("edition-of-a-day".to_owned(), day));
    }
    found
}
