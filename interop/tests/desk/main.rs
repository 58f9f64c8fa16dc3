//! The desk in a real browser, script off: a member signs in by the link that the demo prints, writes an article, sees it,
//! publishes it, and looks into every room.
//!
//! Every page is held to WCAG 2.2 AA by axe, to its window's width, to silence on the console and to this machine alone.
//! Pictures of all of them lie in `target/screens`, for people to look at.

use anyhow::{Context, Result};
use interop::axe::Axe;
use interop::browser::{Browser, Look, Page, Scheme, Script};
use interop::scratch::Scratch;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// As people look at the desk: on a phone and on a screen, light and dark, without script.
const LOOKS: [Look; 4] = [
    Look { width: 390, scheme: Scheme::Light, script: Script::Off },
    Look { width: 390, scheme: Scheme::Dark, script: Script::Off },
    Look { width: 1280, scheme: Scheme::Light, script: Script::Off },
    Look { width: 1280, scheme: Scheme::Dark, script: Script::Off },
];

/// The demo at work, with a desk.
struct Demo {
    running: Child,
    desk: String,
    site: String,
    _folder: Scratch,
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.running.kill();
        let _waited = self.running.wait();
    }
}

impl Demo {
    fn open() -> Result<Demo> {
        let folder = Scratch::new("desk")?;
        let mut command = Command::new(coranto()?);
        command
            .args(["demo", "--readers", "6", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("newsroom"));
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let told = BufReader::new(running.stderr.take().context("its standard error is piped")?);
        let (mut desk, mut site) = (None, None);
        for line in told.lines() {
            let line = line?;
            site = site.or(line.strip_prefix("The site:").map(|rest| rest.trim().to_owned()));
            desk = line.strip_prefix("The desk:").map(|rest| rest.trim().to_owned());
            if desk.is_some() {
                break;
            }
        }
        let (desk, site) = (desk.context("the demo names its desk")?, site.context("the demo names its site")?);
        Ok(Demo { running, desk, site: site.trim_end_matches('/').to_owned(), _folder: folder })
    }
}

/// The binary, beside this test program, built if it is missing or older than its source.
fn coranto() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(|deps| deps.parent()).context("cargo puts tests into <profile>/deps")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--locked", "--package", "coranto", "--bin", "coranto", "--target-dir"]);
    build.arg(interop::target()).current_dir(env!("CARGO_MANIFEST_DIR"));
    anyhow::ensure!(build.status()?.success(), "coranto does not build");
    Ok(folder.join("coranto"))
}

/// Looks at the page as it stands, in every look.
fn sees(page: &Page, axe: Option<&Axe>, name: &str) -> Result<()> {
    for look in LOOKS {
        page.look(look.width, look.scheme)?;
        page.screenshot(&interop::target().join(format!("screens/desk-{name}-{}.png", look.name())))?;
        let place = format!("{name} at {}, {}", look.name(), page.url()?);
        assert_eq!(page.overflow()?, 0, "{place}: wider than its window");
        let violations = axe.map(|axe| axe.check(page)).transpose()?.unwrap_or_default();
        let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{place}: {}", told.join("\n"));
    }
    page.look(LOOKS[2].width, LOOKS[2].scheme)?;
    let url = page.url()?;
    assert_eq!(page.count("script")?, page.count("script[type=module][src^='/enhance-']")?, "{url}: a foreign script");
    assert_eq!(page.count("h1")?, 1, "{url}: one heading of the first rank");
    // A refusal's own status, the browser notes on its console by itself.
    let complaints: Vec<_> = page.complaints().into_iter().filter(|told| !told.contains("status of 4")).collect();
    assert!(complaints.is_empty(), "{url}: {complaints:?}");
    for asked in page.asked() {
        assert!(
            asked.url.starts_with("http://127.0.0.1:") || asked.url.starts_with("about:"),
            "{url}: asked {asked:?}"
        );
    }
    Ok(())
}

#[test]
fn a_member_works_at_the_desk_without_script() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    let axe = Axe::start();
    let axe = axe.as_ref();
    let demo = Demo::open()?;
    let page = browser.page(LOOKS[2])?;
    page.goto(&demo.desk)?;
    sees(&page, axe, "welcome")?;
    page.follow("main form button")?;
    sees(&page, axe, "today")?;
    let desk = page.url()?.trim_end_matches('/').to_owned();
    write_an_article(&page, axe, &demo, &desk)?;
    make_a_page(&page, axe, &demo, &desk)?;
    for (room, name) in [
        ("/items", "items"),
        ("/items?state=dismissed", "items-dismissed"),
        ("/articles", "articles"),
        ("/articles?state=draft", "drafts"),
        ("/pages", "pages"),
        ("/sources", "sources"),
        ("/outlet", "outlet"),
        ("/members", "members"),
        ("/members/acts", "acts"),
        ("/me", "self"),
        ("/nowhere", "nowhere"),
    ] {
        page.goto(&format!("{desk}{room}"))?;
        sees(&page, axe, name)?;
    }
    page.goto(&format!("{desk}/members"))?;
    page.fill("#name", "Ben Co")?;
    page.fill("#address", "ben@courier.example")?;
    page.follow("section form button")?;
    sees(&page, axe, "link")?;
    page.follow(".who button")?;
    sees(&page, axe, "sign-in")?;
    page.fill("#who", "Demo Editor")?;
    page.fill("#password", "not the right one")?;
    page.follow("main form button")?;
    assert!(page.text()?.contains("do not go together"), "{}", page.text()?);
    sees(&page, axe, "sign-in-refused")
}

fn write_an_article(page: &Page, axe: Option<&Axe>, demo: &Demo, desk: &str) -> Result<()> {
    page.goto(&format!("{desk}/articles/new"))?;
    sees(page, axe, "article-new")?;
    page.follow("button[value=publish]")?;
    assert!(page.text()?.contains("2 things are to be mended"), "{}", page.text()?);
    sees(page, axe, "article-faults")?;
    page.fill("#title", "The outer lamp burns again")?;
    page.fill("#standfirst", "After eleven dark years the mole is lit, and the pilots have a mark to steer by.")?;
    page.fill("#body", "It was lit on **Tuesday**, at dusk.\n\n## What the pilots say\n\n- It is bright.\n- It is late.\n\n> We counted the nights.")?;
    page.follow("button[value=preview]")?;
    assert_eq!(page.count("iframe")?, 2);
    sees(page, axe, "article-preview")?;
    page.follow("button[value=publish]")?;
    assert!(page.text()?.contains("It stands on the site now"), "{}", page.text()?);
    sees(page, axe, "article-published")?;
    // The site lets browsers keep a page for a minute; one who asks in other words gets it as it is now.
    let reader = |page: &Page, address: &str| page.goto(&format!("{address}?{}", page.asked().len()));
    let address = page.evaluate_text("document.querySelector('main > p a[href*=\"/articles/\"]').href")?;
    assert!(address.starts_with(&demo.site), "{address}");
    let here = page.url()?;
    reader(page, &address)?;
    assert!(page.text()?.contains("We counted the nights."), "{}", page.text()?);
    page.goto(&here)?;
    page.fill("#body", "It was lit on **Monday**, at dusk.")?;
    page.fill("#note", "An earlier version said Tuesday; it was Monday.")?;
    page.follow("button[value=publish]")?;
    reader(page, &address)?;
    assert!(page.text()?.contains("An earlier version said Tuesday"), "{}", page.text()?);
    page.goto(&here)?;
    page.fill("#reason", "The lamp went out again.")?;
    page.follow("form[action$=withdraw] button")?;
    sees(page, axe, "article-withdrawn")?;
    reader(page, &address)?;
    assert!(page.text()?.contains("The lamp went out again."), "{}", page.text()?);
    Ok(())
}

fn make_a_page(page: &Page, axe: Option<&Axe>, demo: &Demo, desk: &str) -> Result<()> {
    page.goto(&format!("{desk}/pages/new"))?;
    sees(page, axe, "page-new")?;
    page.fill("#title", "About us")?;
    page.fill("#body", "We are **four**, and we report on the harbour.")?;
    page.follow("button[value=preview]")?;
    sees(page, axe, "page-preview")?;
    page.follow("button[value=save]")?;
    page.goto(&format!("{}/about-us/", demo.site))?;
    assert!(page.text()?.contains("we report on the harbour"), "{}", page.text()?);
    assert!(page.count("nav a[href='/about-us/']")? >= 1, "the menu leads there");
    Ok(())
}
