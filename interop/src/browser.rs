//! Chromium, driven as a reader would use it: look at a page, fill a form, press a button, and see what comes.
//!
//! A page is opened in a context of its own (no cookies shared), at a chosen width, light or dark, with script on or off.
//! What it asked for and what it complained about are kept. Only loopback can be reached.

mod wire;

use crate::{Tool, need};
use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};
use wire::{ANSWER_MAX, Wire};

/// The height of the window, in CSS pixels; screenshots show the whole page.
const HEIGHT: u32 = 900;
/// Between two looks at something that is awaited in a page.
const LOOK: Duration = Duration::from_millis(20);

/// Whether the reader's system asks for a light or a dark page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Whether the page may run script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// It may.
    On,
    /// It may not, as in Tor Browser's safest mode.
    Off,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The width of the window, in CSS pixels.
    pub width: u32,
    /// Light or dark.
    pub scheme: Scheme,
    /// With script or without.
    pub script: Script,
}

impl Look {
    /// The ways in which every page is shown to a person: on the narrowest screen that is held to (WCAG 2.2, 1.4.10), on a
    /// phone and on a wide one, light and dark, script on.
    pub const ALL: [Look; 6] = [
        Look { width: 320, scheme: Scheme::Light, script: Script::On },
        Look { width: 320, scheme: Scheme::Dark, script: Script::On },
        Look { width: 390, scheme: Scheme::Light, script: Script::On },
        Look { width: 390, scheme: Scheme::Dark, script: Script::On },
        Look { width: 1280, scheme: Scheme::Light, script: Script::On },
        Look { width: 1280, scheme: Scheme::Dark, script: Script::On },
    ];

    /// The same without script.
    pub const fn without_script(self) -> Look {
        Look { script: Script::Off, ..self }
    }

    /// A name for files: `320-dark`.
    pub fn name(self) -> String {
        format!("{}-{}", self.width, if self.scheme == Scheme::Dark { "dark" } else { "light" })
    }
}

/// A request that a page made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// GET or POST.
    pub method: String,
    /// Where to.
    pub url: String,
}

/// A running browser; it ends when this and its pages are dropped.
pub struct Browser {
    wire: Rc<RefCell<Wire>>,
}

impl Browser {
    /// A browser, or None, with the calling test recorded as skipped.
    pub fn start() -> Option<Browser> {
        let chromium = need(Tool::Chromium)?;
        Some(Browser::open(&chromium).expect("an installed Chromium starts"))
    }

    fn open(chromium: &Path) -> Result<Browser> {
        let wire = Rc::new(RefCell::new(Wire::open(chromium)?));
        wire.borrow_mut().call("", "Browser.getVersion", json!({}))?;
        Ok(Browser { wire })
    }

    /// An empty page, in a context of its own.
    pub fn page(&self, look: Look) -> Result<Page> {
        let wire = Rc::clone(&self.wire);
        let mut line = wire.borrow_mut();
        let context = line.call("", "Target.createBrowserContext", json!({ "disposeOnDetach": true }))?;
        let context = text(&context, "browserContextId")?;
        let target = json!({ "url": "about:blank", "browserContextId": context });
        let target = text(&line.call("", "Target.createTarget", target)?, "targetId")?;
        let attached = line.call("", "Target.attachToTarget", json!({ "targetId": target, "flatten": true }))?;
        let session = text(&attached, "sessionId")?;
        drop(line);
        let page = Page { wire, script: look.script, session, context };
        page.prepare(look)?;
        Ok(page)
    }
}

/// One page in the browser; closed when dropped.
pub struct Page {
    wire: Rc<RefCell<Wire>>,
    script: Script,
    session: String,
    context: String,
}

impl Page {
    fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        self.wire.borrow_mut().call(&self.session, method, parameters)
    }

    fn prepare(&self, look: Look) -> Result<()> {
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"] {
            self.call(&format!("{domain}.enable"), json!({}))?;
        }
        self.allow(look.script)?;
        self.look(look.width, look.scheme)
    }

    fn allow(&self, script: Script) -> Result<()> {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": script == Script::Off })).map(drop)
    }

    /// Does something that needs timers and promises, and leaves the page with script on or off as it was.
    pub fn with_script<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        self.allow(Script::On)?;
        let done = act()?;
        self.allow(self.script)?;
        Ok(done)
    }

    /// Changes the width, in CSS pixels, and the scheme.
    pub fn look(&self, width: u32, scheme: Scheme) -> Result<()> {
        let size = json!({ "width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size)?;
        let value = if scheme == Scheme::Dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.call("Emulation.setEmulatedMedia", features).map(drop)
    }

    /// Goes to `url` and waits until it is loaded.
    pub fn goto(&self, url: &str) -> Result<()> {
        let gone = self.arriving(|page| page.call("Page.navigate", json!({ "url": url })))?;
        match gone["errorText"].as_str() {
            Some(error) if !error.is_empty() => bail!("{url}: {error}"),
            _ => Ok(()),
        }
    }

    /// Does what leads to another page, and waits until that one is loaded.
    fn arriving<T>(&self, act: impl FnOnce(&Page) -> Result<T>) -> Result<T> {
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired" && event["sessionId"] == self.session;
        self.wire.borrow_mut().events.retain(|event| !loaded(event));
        let done = act(self)?;
        self.wire.borrow_mut().event("a page to load", loaded)?;
        Ok(done)
    }

    /// The value of an expression in the page, which works with script off too: the page's own script is what is off.
    pub fn evaluate(&self, expression: &str) -> Result<Value> {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut outcome = self.call("Runtime.evaluate", parameters)?;
        if let Some(fault) = outcome.get("exceptionDetails") {
            bail!("in the page: {}", fault["exception"]["description"].as_str().unwrap_or("an exception"));
        }
        Ok(outcome["result"]["value"].take())
    }

    /// The text of an expression in the page.
    pub fn evaluate_text(&self, expression: &str) -> Result<String> {
        let value = self.evaluate(expression)?;
        Ok(value.as_str().with_context(|| format!("`{expression}` is no text: {value}"))?.to_owned())
    }

    /// Where the page is.
    pub fn url(&self) -> Result<String> {
        self.evaluate_text("location.href")
    }

    /// The text that a reader sees.
    pub fn text(&self) -> Result<String> {
        self.evaluate_text("document.body.innerText")
    }

    /// How many elements match `selector`.
    pub fn count(&self, selector: &str) -> Result<u64> {
        let found = self.evaluate(&format!("document.querySelectorAll({}).length", quoted(selector)))?;
        found.as_u64().context("a length is a number")
    }

    /// Types `text` into the field at `selector`, in place of what stands there.
    pub fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.call("DOM.focus", json!({ "nodeId": self.node(selector)? }))?;
        self.evaluate("document.activeElement.select?.()")?;
        self.call("Input.insertText", json!({ "text": text })).map(drop)
    }

    /// Clicks the middle of the first element at `selector`, as a mouse does; fails if something else lies over it.
    pub fn click(&self, selector: &str) -> Result<()> {
        let node = self.node(selector)?;
        self.call("DOM.scrollIntoViewIfNeeded", json!({ "nodeId": node }))?;
        let quads = self.call("DOM.getContentQuads", json!({ "nodeId": node }))?;
        let quad: Vec<f64> =
            serde_json::from_value(quads["quads"][0].clone()).with_context(|| format!("{selector} is not shown"))?;
        ensure!(quad.len() == 8, "{selector}: a box has four corners");
        let (x, y) = ((quad[0] + quad[4]) / 2.0, (quad[1] + quad[5]) / 2.0);
        let hit = format!(
            "(() => {{ const e = document.querySelector({}), h = document.elementFromPoint({x}, {y}); \
             return e.contains(h) || (h !== null && h.contains(e) && getComputedStyle(e).display === 'inline') \
             || [...(e.labels ?? [])].some(l => l.contains(h)); }})()",
            quoted(selector)
        );
        ensure!(self.evaluate(&hit)? == true, "{selector} is covered by something else");
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", mouse)?;
        }
        Ok(())
    }

    /// Chooses a file of this machine in the field at `selector`, as a person does in the box that a browser opens.
    pub fn choose_file(&self, selector: &str, file: &Path) -> Result<()> {
        let files = json!({ "files": [file], "nodeId": self.node(selector)? });
        self.call("DOM.setFileInputFiles", files).map(drop)
    }

    /// Waits until an expression in the page is true.
    pub fn until(&self, what: &str, expression: &str) -> Result<()> {
        let deadline = Instant::now() + ANSWER_MAX;
        // A page that is on its way has nothing to evaluate in: that is no answer yet.
        while !self.evaluate(expression).is_ok_and(|value| value == true) {
            ensure!(Instant::now() < deadline, "{what} did not come on {}: {}", self.url()?, self.text()?);
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// How often the browser itself asked whether to leave a page with unsaved words; the answer was always yes.
    pub fn asked_to_stay(&self) -> usize {
        let leaving = |event: &&Value| event["params"]["type"] == "beforeunload";
        self.events("Page.javascriptDialogOpening").iter().filter(leaving).count()
    }

    /// Clicks, and waits for the page that the click leads to.
    pub fn follow(&self, selector: &str) -> Result<()> {
        self.arriving(|page| page.click(selector))
    }

    /// Presses one key (`Tab`, `Enter`, `Space`), as a keyboard does.
    pub fn press(&self, key: &str) -> Result<()> {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Space" => (32, " "),
            other => bail!("no key `{other}` is known here"),
        };
        let name = if key == "Space" { " " } else { key };
        let down = json!({ "type": "keyDown", "key": name, "code": key, "windowsVirtualKeyCode": code, "text": text });
        self.call("Input.dispatchKeyEvent", down)?;
        let up = json!({ "type": "keyUp", "key": name, "code": key, "windowsVirtualKeyCode": code });
        self.call("Input.dispatchKeyEvent", up).map(drop)
    }

    fn node(&self, selector: &str) -> Result<i64> {
        let document = self.call("DOM.getDocument", json!({ "depth": 0 }))?;
        let query = json!({ "nodeId": document["root"]["nodeId"], "selector": selector });
        let found = self.call("DOM.querySelector", query)?["nodeId"].as_i64().unwrap_or(0);
        ensure!(found != 0, "nothing on {} matches `{selector}`", self.url()?);
        Ok(found)
    }

    /// How far the page is wider than its window, in CSS pixels: 0 means that nobody has to scroll sideways.
    pub fn overflow(&self) -> Result<i64> {
        let over = self.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")?;
        over.as_i64().context("a width is a number")
    }

    /// Writes a picture of the whole page, as PNG.
    pub fn screenshot(&self, file: &Path) -> Result<()> {
        // Only where there is something beyond the window: a shorter page from right to left, Chromium would show shifted.
        let beyond = self.evaluate("document.documentElement.scrollHeight > innerHeight")?;
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": beyond }))?;
        fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        fs::write(file, STANDARD.decode(text(&shot, "data")?)?).with_context(|| file.display().to_string())
    }

    /// Every request that the page made so far, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        let request = |event: &Value| Asked {
            method: event["params"]["request"]["method"].as_str().unwrap_or_default().into(),
            url: event["params"]["request"]["url"].as_str().unwrap_or_default().into(),
        };
        self.events("Network.requestWillBeSent").iter().map(request).collect()
    }

    /// What the page complained about so far: exceptions, `console.error`, and what the browser refused or could not load.
    pub fn complaints(&self) -> Vec<String> {
        let thrown = self.events("Runtime.exceptionThrown");
        let thrown =
            thrown.iter().map(|event| event["params"]["exceptionDetails"]["exception"]["description"].to_string());
        let said = self.events("Runtime.consoleAPICalled");
        let said = said
            .iter()
            .filter(|event| event["params"]["type"] == "error")
            .map(|event| event["params"]["args"].to_string());
        let logged = self.events("Log.entryAdded");
        let logged = logged.iter().map(|event| &event["params"]["entry"]).filter(|entry| entry["level"] == "error");
        let part = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let logged = logged.map(|entry| format!("{} {}", part(entry, "text"), part(entry, "url")));
        thrown.chain(said).chain(logged).collect()
    }

    /// What it complained about so far was wanted.
    pub fn forget_complaints(&self) {
        self.evaluate("0").ok();
        let ours = ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"];
        let of = |event: &Value| event["sessionId"] == self.session && ours.iter().any(|name| event["method"] == *name);
        self.wire.borrow_mut().events.retain(|event| !of(event));
    }

    fn events(&self, method: &str) -> Vec<Value> {
        self.evaluate("0").ok(); // Events come before the answer to what is asked after them.
        let wire = self.wire.borrow();
        let ours = wire.events.iter().filter(|event| event["sessionId"] == self.session && event["method"] == method);
        ours.cloned().collect()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let mut wire = self.wire.borrow_mut();
        wire.call("", "Target.disposeBrowserContext", json!({ "browserContextId": self.context })).ok();
        wire.events.retain(|event| event["sessionId"] != self.session);
    }
}

fn text(value: &Value, key: &str) -> Result<String> {
    Ok(value[key].as_str().with_context(|| format!("Chromium gave no `{key}`: {value}"))?.to_owned())
}

/// A string as JavaScript writes it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
