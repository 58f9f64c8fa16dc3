//! `coranto readers import`: says what lists from elsewhere would change here, and does it when told to.
//!
//! Addresses of refused lines are written into the file that the person names, and nowhere else.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ::readers::list::chest::Chest;
use ::readers::list::{Counts, Foreign, Import, Kind, List, ListFault, Mode, Refusal};
use newsroom::{Problem, Topics};
use serde_json::json;
use store::topics;
use vault::age::{self, FIRST_WORDS, Identity};

use super::super::house;
use crate::answer::Answer;
use crate::cli::{self, ListKind};
use crate::house::{House, store_problem};
use crate::passphrase::{self, age_problem};

/// So many refused lines are shown; all of them are in the file that `--refused` names.
const REFUSED_SHOWN: usize = 20;

/// Imports, or says what an import would do.
pub(super) async fn run(of: cli::Import) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let topics = chosen(&house, &of.topics).await?;
    let mode = if of.apply { Mode::Apply } else { Mode::Dry };
    let mut lists = Vec::new();
    for path in &of.files {
        lists.push((shown(path), open(&house, path, &of).await?));
    }
    // Who left in one file must not come in by another.
    lists.sort_by_key(|(_, list)| list.kind() != Some(Kind::Unsubscribed) && list.kind() != Some(Kind::Cleaned));
    let (newsletter, language) = (house.newsletter.id, house.outlet().language);
    let mut import = Import::new(&house.world, &house.store, &house.vault, newsletter, &language, topics, mode);
    let mut told = Told { refused: Refused::begin(of.refused.as_deref())?, files: Vec::new(), all: Counts::default() };
    for (name, list) in lists {
        let (kind, origin) = (list.kind().map_or("whole", Kind::name), list.origin());
        let mut refused = |refusal: &Refusal| told.refused.note(&name, refusal);
        let counts = match list {
            Opened::Table(list) => import.take(list, &mut refused).await,
            Opened::Chest(chest) => import.take_chest(chest, &mut refused).await,
        };
        let counts = counts.map_err(|fault| problem(&name, fault, mode))?;
        told.all.add(&counts);
        told.files.push((name, kind, origin, counts));
    }
    told.answer(mode)
}

fn shown(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A file, opened as what it is.
enum Opened {
    Table(List),
    Chest(Chest),
}

impl Opened {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Table(list) => Some(list.kind()),
            Self::Chest(_) => None,
        }
    }

    fn origin(&self) -> &'static str {
        match self {
            Self::Table(list) => list.origin(),
            Self::Chest(_) => "Coranto",
        }
    }
}

async fn open(house: &House, path: &Path, of: &cli::Import) -> Result<Opened, Problem> {
    let told = of.kind.map(|kind| match kind {
        ListKind::Subscribed => Kind::Subscribed,
        ListKind::Unsubscribed => Kind::Unsubscribed,
        ListKind::Cleaned => Kind::Cleaned,
    });
    let name = shown(path);
    let foreign = |fault: Foreign| foreign_problem(&name, &fault, Mode::Dry);
    let mut file = File::open(path).map_err(|fault| foreign(fault.into()))?;
    let mut first = Vec::new();
    Read::take(&mut file, FIRST_WORDS.len() as u64).read_to_end(&mut first).map_err(|fault| foreign(fault.into()))?;
    let file = std::io::Cursor::new(first.clone()).chain(file);
    if first != FIRST_WORDS {
        return List::open(Box::new(file), &name, told).map(Opened::Table).map_err(foreign);
    }
    let identity = identity(of)?;
    // A passphrase takes a second and a quarter of a gigabyte to try.
    let opened = house.world.compute(move || age::open(BufReader::new(file), &identity)).await;
    let opened = opened.map_err(|fault| age_problem(&name, &fault))?;
    Chest::open(Box::new(BufReader::new(opened))).map(Opened::Chest).map_err(foreign)
}

fn identity(of: &cli::Import) -> Result<Identity, Problem> {
    match &of.identity {
        None => Ok(Identity::Passphrase(passphrase::known(of.passphrase_file.as_deref())?)),
        Some(path) => passphrase::identity(path),
    }
}

async fn chosen(house: &House, slugs: &[String]) -> Result<Topics, Problem> {
    if slugs.is_empty() {
        return Ok(Topics::ALL);
    }
    let known = house.store.read(topics::list).await.map_err(|fault| store_problem(&fault))?;
    let bit = |slug: &String| {
        known.iter().find(|topic| topic.slug == *slug).map(|topic| topic.bit).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|topic| topic.slug.as_str()).collect();
            Problem::new(
                format!("There is no topic {slug:?} here."),
                "Nothing was imported.",
                format!("The topics are: {}. Without --topics readers get all.", names.join(", ")),
            )
        })
    };
    slugs.iter().map(bit).collect()
}

/// Where refused lines go.
struct Refused {
    file: Option<BufWriter<File>>,
    lost: Option<std::io::Error>,
    first: Vec<(String, u64, String)>,
}

impl Refused {
    fn begin(path: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = path else { return Ok(Self { file: None, lost: None, first: Vec::new() }) };
        // Its owner alone may read it: it holds addresses.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|fault| {
            Problem::new(
                format!("The file {} cannot be made: {fault}.", path.display()),
                "Nothing was imported, and no file was written over.",
                "Name a new file for the refused lines.",
            )
        })?;
        let mut file = BufWriter::new(file);
        let lost = file.write_all(b"file,line,reason,address\r\n").err();
        Ok(Self { file: Some(file), lost, first: Vec::new() })
    }

    fn note(&mut self, name: &str, refusal: &Refusal) {
        let reason = refusal.reason.to_string();
        if let Some(file) = &mut self.file {
            let row = [name, &refusal.line.to_string(), &reason, &refusal.typed].map(cell).join(",");
            if let Err(fault) = file.write_all(format!("{row}\r\n").as_bytes()) {
                self.lost.get_or_insert(fault);
            }
        }
        if self.first.len() < REFUSED_SHOWN {
            self.first.push((name.to_owned(), refusal.line, reason));
        }
    }

    /// Writes out what is left. The first fault of the disk is told: a list of refusals with holes is none.
    fn end(&mut self) -> Option<std::io::Error> {
        let flushed = self.file.as_mut().and_then(|file| file.flush().err());
        self.lost.take().or(flushed)
    }
}

/// A cell of a CSV, never a formula to the program that opens it.
fn cell(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

/// What is told at the end.
struct Told {
    refused: Refused,
    files: Vec<(String, &'static str, &'static str, Counts)>,
    all: Counts,
}

impl Told {
    fn answer(mut self, mode: Mode) -> Result<Answer, Problem> {
        if let Some(fault) = self.refused.end() {
            return Err(Problem::new(
                format!("The refused lines could not all be written: {fault}."),
                if mode == Mode::Apply { "Everybody else in the lists is in." } else { "Nothing was imported." },
                "Make room, and import again with another --refused FILE: it changes nothing and lists them all.",
            ));
        }
        assert_eq!(self.all.sum(), self.all.lines, "every line is counted once");
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(name, kind, origin, counts)| {
                let mut one = counted(counts);
                one["file"] = json!(name);
                one["kind"] = json!(kind);
                one["origin"] = json!(origin);
                one
            })
            .collect();
        let shown: Vec<_> = self
            .refused
            .first
            .iter()
            .map(|(name, line, why)| json!({"file": name, "line": line, "reason": why}))
            .collect();
        let mut document = counted(&self.all);
        document["applied"] = json!(mode == Mode::Apply);
        document["files"] = json!(files);
        document["first_refused"] = json!(shown);
        Ok(Answer::new(document, self.text(mode)))
    }

    fn text(&self, mode: Mode) -> String {
        let mut text = String::new();
        for (name, kind, origin, counts) in &self.files {
            text += &format!("{name}: {origin}, {kind}\n{}\n", table(counts));
        }
        if self.files.len() > 1 {
            text += &format!("All files\n{}\n", table(&self.all));
        }
        for (name, line, why) in &self.refused.first {
            text += &format!("refused: {name}, line {line}: {why}\n");
        }
        let more = self.all.refused.saturating_sub(self.refused.first.len() as u64);
        if more > 0 {
            text += &format!("and {more} more; --refused FILE lists all of them\n");
        }
        text += match mode {
            Mode::Dry => "\nThis is what would happen. Nothing was changed: --apply does it.",
            Mode::Apply => {
                "\nDone. Importing the same again changes nothing. The next edition's new stories reach them first."
            }
        };
        text
    }
}

fn counted(c: &Counts) -> serde_json::Value {
    json!({"lines": c.lines, "new": c.new, "here": c.here, "suppressed": c.suppressed, "kept_out": c.kept_out,
        "duplicates": c.duplicates, "refused": c.refused})
}

fn table(c: &Counts) -> String {
    let rows = [
        ("new readers", c.new, ""),
        ("already so here", c.here, ""),
        ("suppressed", c.suppressed, "(left or bounced elsewhere: never mailed)"),
        ("kept out", c.kept_out, "(left here or elsewhere before: no list brings them back)"),
        ("duplicates", c.duplicates, "(an earlier line has the same address)"),
        ("refused", c.refused, ""),
    ];
    let mut table: String = rows
        .iter()
        .map(|(what, count, why)| format!("  {what:<16}{count:>9}  {why}").trim_end().to_owned() + "\n")
        .collect();
    table += &format!("  {:<16}{:>9}", "lines", c.lines);
    table
}

fn problem(name: &str, fault: ListFault, mode: Mode) -> Problem {
    match fault {
        ListFault::Store(fault) => store_problem(&fault),
        ListFault::Foreign(fault) => foreign_problem(name, &fault, mode),
        fault @ ListFault::Vault(..) => unreadable(&fault),
    }
}

/// An address of this newsroom's own does not open.
pub(super) fn unreadable(fault: &ListFault) -> Problem {
    Problem::new(
        format!("{fault}."),
        "The list was not written: it would have had a hole.",
        "Put the right key file back; if it is the right one, that row is damaged: restore it from a backup.",
    )
}

fn foreign_problem(name: &str, fault: &Foreign, mode: Mode) -> Problem {
    let (what, act) = foreign_words(name, fault);
    let means = match mode {
        Mode::Dry => "Nothing was imported or changed.",
        Mode::Apply => "What was read before that is in; nobody is in twice, and nobody was mailed.",
    };
    Problem::new(what, means, act)
}

fn foreign_words(name: &str, fault: &Foreign) -> (String, String) {
    match fault {
        Foreign::NoText(what) => (
            format!("The file {name} is {what}, not a list as CSV."),
            "Unpack an export's archive and name the .csv files in it; save a spreadsheet as CSV first.".into(),
        ),
        Foreign::Empty => (format!("The file {name} is empty."), "Export the list again.".into()),
        Foreign::NoColumn(names) => (
            format!("The file {name} has no column called email or email address; it has: {}.", names.join(", ")),
            "Name that column `email` in the file's first line.".into(),
        ),
        Foreign::NoHeading => (
            format!("The file {name} has several columns, and its first line does not name them."),
            "Write a first line with the columns' names; the one of the addresses is `email`.".into(),
        ),
        Foreign::TwoKinds(one, other) => (
            format!("The file {name} looks both {} and {}.", one.name(), other.name()),
            "Give the file its own name back, or say what it holds with --as. People who left are never brought back by a list."
                .into(),
        ),
        Foreign::LongLine(line) => (
            format!("Line {line} of {name} is longer than a megabyte, which no line of a list is."),
            "Look at the file: it may be cut, or no list. Export it again.".into(),
        ),
        Foreign::OpenQuote(line) => (
            format!("Line {line} of {name} opens a quotation mark that is not closed in the 200 lines after it."),
            "Correct that line, or export the list again.".into(),
        ),
        Foreign::TooMany => (
            format!("With {name} the lists hold more than two million addresses."),
            "Import the files one after another, or in parts.".into(),
        ),
        Foreign::Disk(why) => (format!("The file {name} cannot be read: {why}."), "Check its name and who may read it.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_to_the_program_that_opens_it() {
        assert_eq!(cell("ana@example.org"), "\"ana@example.org\"");
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        for begin in ["=", "+", "-", "@", "\t", "\r", " ="] {
            assert!(cell(&format!("{begin}1")).starts_with("\"'"), "{begin:?}");
        }
    }
}
