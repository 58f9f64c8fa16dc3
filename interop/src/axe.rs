//! axe-core's rules of WCAG 2.2 A and AA, run in a page that Chromium shows.
//!
//! axe is script, so a page whose script is off gets it back for as long as the check takes; what the page itself had left
//! out when it was loaded stays out. Its advice beyond the standard (`best-practice`) is left out.

use crate::browser::Page;
use crate::{Tool, need};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use std::fmt;
use std::path::PathBuf;

/// The rules that a page is held to.
const TAGS: [&str; 5] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/// axe-core, found.
pub struct Axe {
    script: String,
}

/// A rule that a page breaks.
#[derive(Debug, Deserialize)]
pub struct Violation {
    /// axe's name of the rule, such as `color-contrast`.
    pub id: String,
    /// What the rule asks.
    pub help: String,
    /// Where it is broken.
    pub nodes: Vec<Node>,
}

/// One element that breaks a rule.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// The element's own tag.
    pub html: String,
    /// What to do, in axe's words.
    #[serde(rename = "failureSummary", default)]
    pub remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.help)?;
        self.nodes.iter().try_for_each(|node| write!(f, "\n  {}\n    {}", node.html, node.remedy))
    }
}

#[derive(Deserialize)]
struct Report {
    violations: Vec<Violation>,
    passes: usize,
}

impl Axe {
    /// axe, or None, with the calling test recorded as skipped.
    pub fn start() -> Option<Axe> {
        need(Tool::Axe).map(|file| Axe::read(file).expect("an installed axe can be read"))
    }

    fn read(file: PathBuf) -> Result<Axe> {
        Ok(Axe { script: std::fs::read_to_string(&file).with_context(|| file.display().to_string())? })
    }

    /// Every violation on the page as it stands. Fails if no rule found anything to look at.
    pub fn check(&self, page: &Page) -> Result<Vec<Violation>> {
        page.with_script(|| self.violations(page))
    }

    fn violations(&self, page: &Page) -> Result<Vec<Violation>> {
        if page.evaluate("typeof window.axe")? == "undefined" {
            page.evaluate(&format!("{}\n;0", self.script))?;
        }
        let options = json!({ "runOnly": { "type": "tag", "values": TAGS }, "resultTypes": ["violations"] });
        let run = format!(
            "axe.run(document, {options}).then(r => ({{ violations: r.violations.map(v => ({{ id: v.id, help: v.help, \
             nodes: v.nodes.map(n => ({{ html: n.html, failureSummary: n.failureSummary }})) }})), passes: r.passes.length }}))"
        );
        let report: Report = serde_json::from_value(page.evaluate(&run)?).context("what axe reports")?;
        ensure!(report.passes > 0, "axe found nothing to look at: is the page empty?");
        Ok(report.violations)
    }
}
