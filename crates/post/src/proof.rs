//! An edition's proof, in pieces: one line for each reader of it with state, tries, way and answer, and sums that make up
//! the audience. It holds a page at a time, whatever the audience, and never an address.

use std::collections::{BTreeMap, VecDeque};

use newsroom::{DeliveryState, Departure, DepartureId, RouteId};
use serde_json::json;
use store::proof::{self as kept, Line};
use store::{Store, ways};

/// How many readers' lines are read at once: half a megabyte of text.
const PAGE: i64 = 2_000;

/// How a proof is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table; its last lines are sums, with `sum` in place of a reader.
    Csv,
    /// One document: `{"lines": […], "sums": {…}, "audience": n}`.
    Json,
}

/// The columns of a line. `readers` is 1 in a reader's line and their number in a sum's.
const COLUMNS: &str = "reader,departure,state,why,attempts,route,at,code,answer,doubted_since,doubt,resolution,resolved_at,\
                       resolved_by,readers";

/// A proof on its way.
pub struct Proof {
    format: Format,
    ways: BTreeMap<RouteId, String>,
    departures: VecDeque<DepartureId>,
    after: (i64, i64),
    audience: i64,
    counts: [i64; DeliveryState::EVERY.len()],
    doubted: i64,
    begun: bool,
    ended: bool,
}

/// A state's word, as reports use it.
pub fn word(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Queued => "queued",
        DeliveryState::Leased => "leased",
        DeliveryState::InFlight => "in_flight",
        DeliveryState::Accepted => "accepted",
        DeliveryState::Deferred => "deferred",
        DeliveryState::Refused => "refused",
        DeliveryState::Uncertain => "uncertain",
        DeliveryState::Excluded => "excluded",
        DeliveryState::Expired => "expired",
    }
}

/// Why a reader was left out, in a word.
fn why(why: i64) -> &'static str {
    match why {
        0 => "",
        1 => "nothing_new",
        2 => "unsubscribed",
        3 => "suppressed",
        4 => "superseded",
        5 => "cancelled",
        6 => "unreadable",
        _ => "other",
    }
}

impl Proof {
    /// Begins the proof of an edition that has these departures.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin(store: &Store, departures: &[Departure], format: Format) -> store::Result<Self> {
        Ok(Self {
            format,
            ways: store.read(ways::names).await?,
            departures: departures.iter().map(|departure| departure.id).collect(),
            after: (-1, -1),
            audience: departures.iter().map(|departure| departure.audience).sum(),
            counts: [0; DeliveryState::EVERY.len()],
            doubted: 0,
            begun: false,
            ended: false,
        })
    }

    /// How many readers' lines were written so far.
    pub fn readers(&self) -> i64 {
        self.counts.iter().sum()
    }

    /// The next piece of its text; `None` after the last. A reader has one line, whatever moves meanwhile: rows keep their
    /// keys, and each is read once.
    ///
    /// # Errors
    /// The store's.
    ///
    /// # Panics
    /// When the lines do not make up the audience: the ledger has broken its promise.
    pub async fn next(&mut self, store: &Store) -> store::Result<Option<String>> {
        while let Some(&departure) = self.departures.front() {
            let after = self.after;
            let page = store.read(move |tx| kept::lines(tx, departure, after, PAGE)).await?;
            let Some(last) = page.last() else {
                self.departures.pop_front();
                self.after = (-1, -1);
                continue;
            };
            self.after = (last.key.lane, last.key.position);
            return Ok(Some(self.page(&page)));
        }
        if std::mem::replace(&mut self.ended, true) {
            return Ok(None);
        }
        assert_eq!(self.readers(), self.audience, "every reader of the audience has one line");
        Ok(Some(self.tail()))
    }

    fn head(&mut self) -> &'static str {
        match (std::mem::replace(&mut self.begun, true), self.format) {
            (true, _) => "",
            (false, Format::Csv) => COLUMNS,
            (false, Format::Json) => "{\"lines\":[",
        }
    }

    fn page(&mut self, page: &[Line]) -> String {
        let mut out = String::new();
        let mut first = !self.begun;
        out.push_str(self.head());
        if first && self.format == Format::Csv {
            out.push('\n');
        }
        for line in page {
            self.counts[line.state as usize] += 1;
            self.doubted += i64::from(line.doubt.is_some());
            match self.format {
                Format::Csv => out.push_str(&self.csv(line)),
                Format::Json => {
                    out.push_str(if std::mem::take(&mut first) { "\n" } else { ",\n" });
                    out.push_str(&self.json(line));
                }
            }
        }
        out
    }

    fn way(&self, line: &Line) -> Option<String> {
        line.route.map(|route| self.ways.get(&route).cloned().unwrap_or_else(|| route.to_string()))
    }

    fn csv(&self, line: &Line) -> String {
        let number = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
        let (answer, ended) = (line.answer.as_ref(), line.doubt.as_ref().and_then(|(_, _, ended)| ended.as_ref()));
        let cells = [
            line.reader.to_string(),
            line.key.departure.to_string(),
            word(line.state).to_owned(),
            why(line.why).to_owned(),
            line.attempts.to_string(),
            cell(&self.way(line).unwrap_or_default()),
            number(answer.map(|a| a.at)),
            number(answer.map(|a| a.code)),
            cell(answer.map_or("", |a| &a.text)),
            number(line.doubt.as_ref().map(|(since, ..)| *since)),
            cell(line.doubt.as_ref().map_or("", |(_, cause, _)| cause)),
            ended.map_or("", |r| r.end.word()).to_owned(),
            number(ended.map(|r| r.at)),
            cell(ended.map_or("", |r| &r.by)),
            "1\n".to_owned(),
        ];
        cells.join(",")
    }

    fn json(&self, line: &Line) -> String {
        let answer = line.answer.as_ref();
        let doubt = line.doubt.as_ref().map(|(since, cause, ended)| {
            let ended = ended.as_ref();
            json!({"since": since, "cause": cause, "resolution": ended.map(|r| r.end.word()),
                "resolved_at": ended.map(|r| r.at), "resolved_by": ended.map(|r| &r.by)})
        });
        json!({
            "reader": line.reader.to_string(), "departure": line.key.departure.to_string(), "state": word(line.state),
            "why": why(line.why), "attempts": line.attempts, "route": self.way(line), "at": answer.map(|a| a.at),
            "code": answer.map(|a| a.code), "answer": answer.map(|a| &a.text), "doubt": doubt,
        })
        .to_string()
    }

    fn tail(&mut self) -> String {
        let mut out = if self.begun { String::new() } else { self.page(&[]) };
        let sums = DeliveryState::EVERY.iter().map(|state| (word(*state), self.counts[*state as usize]));
        match self.format {
            Format::Csv => {
                for (name, count) in sums.chain([("audience", self.audience), ("doubted", self.doubted)]) {
                    out.push_str(&format!("sum,,{name},,,,,,,,,,,,{count}\n"));
                }
            }
            Format::Json => {
                let sums: BTreeMap<_, _> = sums.collect();
                let sums = serde_json::to_string(&sums).expect("names and numbers");
                let (audience, doubted) = (self.audience, self.doubted);
                out.push_str(&format!("\n],\"sums\":{sums},\"audience\":{audience},\"doubted\":{doubted}}}\n"));
            }
        }
        out
    }
}

/// A cell of text, never a formula to the program that opens it.
fn cell(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let formula = text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_is_no_formula_and_stays_in_its_cell() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(cell("taken, thanks"), "\"taken, thanks\"");
    }

    #[test]
    fn a_line_of_sums_has_the_columns_of_a_readers() {
        assert_eq!(COLUMNS.split(',').count(), "sum,,accepted,,,,,,,,,,,,1".split(',').count());
    }
}
