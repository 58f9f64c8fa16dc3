//! The harness itself, tried on pages small enough to know by heart: what it should see it sees, and what is not there not.

use anyhow::Result;
use interop::axe::Axe;
use interop::browser::{Browser, Look, Scheme, Script};
use interop::dkimpy::Dkimpy;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const NARROW: Look = Look { width: 320, scheme: Scheme::Light, script: Script::On };

const FORM: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Sign up</title><link rel=icon href=data:,>\
    <style>body { background: white } @media (prefers-color-scheme: dark) { body { background: black; color: white } }</style>\
    <main><h1>Sign up</h1><form method=post action=/thanks>\
    <label>Address <input name=address value=old></label> <label><input type=checkbox name=daily value=yes> Daily</label>\
    <button>Send</button></form><p id=by-script></p></main>\
    <script>document.getElementById('by-script').textContent = 'script ran'</script></html>";

const FAULTY: &str = "<!doctype html><html><title>Faulty</title><main><h1>Faulty</h1><img src=/none.png>\
    <p style='color:#ccc;background:#fff'>Pale</p><div style='width:900px'>Wide</div>\
    <script>console.error('said aloud'); throw new Error('thrown away')</script></main></html>";

/// Serves pages on loopback until the test program ends; `/thanks` shows what was posted.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        listener.incoming().filter_map(Result::ok).for_each(|stream| drop(thread::spawn(|| answer(stream))))
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line)? > 2 {
        head.push_str(&std::mem::take(&mut line));
    }
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let (status, page) = match head.split(' ').nth(1) {
        Some("/form") => ("200 OK", FORM.to_owned()),
        Some("/faulty") => ("200 OK", FAULTY.to_owned()),
        Some("/thanks") => (
            "200 OK",
            format!("<!doctype html><html lang=en><title>Thanks</title><p>{}", String::from_utf8_lossy(&body)),
        ),
        _ => ("404 Not Found", "<title>Not here</title>".to_owned()),
    };
    let fields =
        format!("Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close", page.len());
    stream.write_all(format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n{page}").as_bytes())?;
    Ok(())
}

#[test]
fn a_form_is_filled_and_sent_with_script_off() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    let page = browser.page(NARROW.without_script())?;
    page.goto(&format!("{}/form", serve()))?;
    assert!(!page.text()?.contains("script ran"));
    page.fill("input[name=address]", "reader@example.org")?;
    page.click("input[type=checkbox]")?;
    page.follow("button")?;
    assert_eq!(page.text()?, "address=reader%40example.org&daily=yes");
    let asked: Vec<_> = page.asked().into_iter().filter(|one| one.method == "POST").collect();
    assert!(asked.len() == 1 && asked[0].url.ends_with("/thanks"), "{asked:?}");
    assert!(page.click("#nowhere").is_err());
    Ok(())
}

#[test]
fn a_form_is_sent_by_keyboard_alone() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    let page = browser.page(NARROW)?;
    page.goto(&format!("{}/form", serve()))?;
    assert!(page.text()?.contains("script ran"));
    page.press("Tab")?;
    page.press("Tab")?;
    page.press("Space")?;
    assert_eq!(page.evaluate("document.querySelector('input[type=checkbox]').checked")?, true);
    Ok(())
}

#[test]
fn a_page_is_seen_narrow_and_wide_light_and_dark() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    let url = format!("{}/form", serve());
    for look in Look::ALL {
        let page = browser.page(look)?;
        page.goto(&url)?;
        assert_eq!(page.evaluate("innerWidth")?, look.width);
        let background = page.evaluate_text("getComputedStyle(document.body).backgroundColor")?;
        assert_eq!(background, if look.scheme == Scheme::Dark { "rgb(0, 0, 0)" } else { "rgb(255, 255, 255)" });
        let file = interop::target().join(format!("interop/harness-{}.png", look.name()));
        page.screenshot(&file)?;
        let picture = std::fs::read(file)?;
        assert_eq!(picture[1..4], *b"PNG");
        assert_eq!(picture[16..20], look.width.to_be_bytes());
        assert_eq!((page.overflow()?, page.complaints().len()), (0, 0), "{:?}", page.complaints());
    }
    Ok(())
}

#[test]
fn what_a_page_complains_about_is_kept() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    let page = browser.page(NARROW)?;
    page.goto(&format!("{}/faulty", serve()))?;
    let complaints = page.complaints().join("\n");
    assert!(["said aloud", "thrown away", "none.png"].iter().all(|part| complaints.contains(part)), "{complaints}");
    assert!(page.overflow()? > 500);
    let other = browser.page(NARROW)?;
    assert_eq!(other.complaints(), [""; 0]);
    Ok(())
}

#[test]
fn no_host_but_this_machine_is_reached() -> Result<()> {
    let Some(browser) = Browser::start() else { return Ok(()) };
    let page = browser.page(NARROW)?;
    let refused = page.goto("http://example.org/").unwrap_err().to_string();
    assert!(refused.contains("ERR_NAME_NOT_RESOLVED"), "{refused}");
    Ok(())
}

#[test]
fn axe_sees_what_is_wrong_and_only_that() -> Result<()> {
    let (Some(browser), Some(axe)) = (Browser::start(), Axe::start()) else { return Ok(()) };
    let (address, page) = (serve(), browser.page(NARROW)?);
    page.goto(&format!("{address}/form"))?;
    let violations = axe.check(&page)?;
    assert!(violations.is_empty(), "{}", violations[0]);
    let without = browser.page(NARROW.without_script())?;
    without.goto(&format!("{address}/faulty"))?;
    assert_eq!(axe.check(&without)?.len(), 3, "with script off as well");
    without.goto(&format!("{address}/form"))?;
    assert!(!without.text()?.contains("script ran"), "after the check, script is off again");
    page.goto(&format!("{address}/faulty"))?;
    let mut rules: Vec<String> = axe.check(&page)?.into_iter().map(|violation| violation.id).collect();
    rules.sort();
    assert_eq!(rules, ["color-contrast", "html-has-lang", "image-alt"]);
    Ok(())
}

#[test]
fn dkimpy_tells_a_signature_that_holds_from_one_that_does_not() -> Result<()> {
    let Some(dkimpy) = Dkimpy::start() else { return Ok(()) };
    let signed = include_bytes!("recorded/signed.eml").as_slice();
    let key = include_str!("recorded/signed.txt").trim_end();
    let keys = BTreeMap::from([("spring._domainkey.example.org".to_owned(), key.to_owned())]);
    let altered = String::from_utf8(signed.to_vec())?.replace("Good morning", "Good evening");
    let unsigned = b"From: a@example.org\r\n\r\nGood morning\r\n".as_slice();
    let judged = dkimpy.verify(&keys, [signed, altered.as_bytes(), unsigned])?;
    assert_eq!(judged.iter().map(|one| one.valid).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(judged.iter().map(|one| one.signatures).collect::<Vec<_>>(), [1, 1, 0]);
    assert!(judged[0].signed.contains(&"list-unsubscribe".to_owned()), "{:?}", judged[0].signed);
    let unknown = dkimpy.verify(&BTreeMap::new(), [signed])?;
    assert!(!unknown[0].valid && unknown[0].fault.is_some());
    Ok(())
}
