//! Who may import whom: the table in ARCHITECTURE.md against what cargo says.
//!
//! The table itself is read, so that the document cannot drift from the code. A row's right side is a list of crates, or
//! one of the sentences in [`Arrows::grant`]; a word that is not understood is a fault of the table, never ignored.

use super::Fault;
use super::cargo::{Crate, Purpose};
use std::collections::{BTreeMap, BTreeSet};

/// The document that holds the table.
pub const DOCUMENT: &str = "ARCHITECTURE.md";
const HEADER: &str = "| crate | may import |";
/// The row that speaks of dev-dependencies.
const TESTS: &str = "the tests of any crate";
/// Crates that are allowed here alone, and why (ARCHITECTURE.md, invariants 1 and 6; "Errors").
const KEPT: [(&str, &[&str], &str); 4] = [
    ("rusqlite", &["store", "crashdisk", "interop"], "only `store` knows SQL; ask it for a query"),
    ("postgres", &["store", "interop"], "only `store` knows SQL; ask it for a query"),
    (
        "anyhow",
        &["coranto", "xtask", "interop"],
        "one `thiserror` enum per crate boundary: what can the caller do now?",
    ),
    ("sqlite-plugin", &["crashdisk"], "the simulated disk lives in `crashdisk`"),
];
/// Crates that must not know a library, whatever it is for.
const KEPT_FROM: [(&str, &str, &str); 4] = [
    ("newsroom", "serde", "words do not derive `Serialize`: what crosses a boundary has a type of its own there"),
    ("newsroom", "tokio", "words do no I/O"),
    ("front", "vault", "the public side cannot open an address, by what it links"),
    ("store", "world", "every query that needs the time takes `now`"),
];

/// The table, read.
pub struct Arrows {
    allowed: BTreeMap<String, BTreeSet<String>>,
    in_tests: BTreeSet<String>,
}

impl Arrows {
    /// Reads the table from the text of ARCHITECTURE.md; `ours` are the names of the workspace's crates.
    pub fn read(document: &str, ours: &BTreeSet<String>) -> Result<Arrows, Vec<Fault>> {
        let mut arrows = Arrows { allowed: BTreeMap::new(), in_tests: BTreeSet::new() };
        let mut faults = Vec::new();
        let lines = document.lines().enumerate().map(|(at, line)| (at + 1, line));
        let rows = lines.skip_while(|(_, line)| *line != HEADER).skip(2).take_while(|(_, line)| line.starts_with('|'));
        for (line, row) in rows {
            if let Err(what) = arrows.row(row, ours) {
                faults.push(Fault::new(DOCUMENT, line, &what, "write crates by name, or teach `tidy` the sentence"));
            }
        }
        if arrows.allowed.is_empty() {
            faults.push(Fault::new(DOCUMENT, 1, "the table of arrows is gone", &format!("keep its header `{HEADER}`")));
        }
        if faults.is_empty() { Ok(arrows) } else { Err(faults) }
    }

    fn row(&mut self, row: &str, ours: &BTreeSet<String>) -> Result<(), String> {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (Some(left), Some(right), None) = (cells.next(), cells.next(), cells.next()) else {
            return Err(format!("a row of two cells was expected: {row}"));
        };
        if left == TESTS {
            let named = |word: &&str| ours.contains(*word);
            self.in_tests = right.split(|c: char| !c.is_alphanumeric()).filter(named).map(str::to_owned).collect();
            return Ok(());
        }
        let names: Vec<&str> = left.split(", ").collect();
        let above: BTreeSet<String> = self.allowed.keys().cloned().collect();
        self.allowed.extend(names.iter().map(|name| ((*name).to_owned(), BTreeSet::new())));
        let plain = right.replace(['*', '`'], "");
        for sentence in plain.split('.').map(str::trim).filter(|sentence| !sentence.is_empty()) {
            self.grant(&names, sentence, &above, ours)?;
        }
        Ok(())
    }

    fn grant(
        &mut self,
        names: &[&str],
        sentence: &str,
        above: &BTreeSet<String>,
        ours: &BTreeSet<String>,
    ) -> Result<(), String> {
        if sentence.starts_with("Never ") {
            return Ok(()); // What no sentence grants is refused anyway.
        }
        if let Some(also) = sentence.strip_prefix("Also ") {
            return also.split("; ").try_for_each(|part| {
                let (what, who) =
                    part.split_once(" for ").ok_or_else(|| format!("`Also {part}` names no crate it is for"))?;
                let who = list(who, ours)?;
                self.add(&who.iter().map(String::as_str).collect::<Vec<_>>(), &list(what, ours)?)
            });
        }
        let granted = match sentence.trim_end_matches(" (never the reverse)") {
            "nothing of ours" => BTreeSet::new(),
            "everything above" | "coranto and everything above" => above.clone(),
            sentence => match sentence.strip_prefix("all of the above except ") {
                Some(except) => &above.clone() - &list(except, ours)?,
                None => match sentence.strip_prefix("coranto and everything above, ") {
                    Some(more) => above | &list(more, ours)?,
                    None => list(sentence, ours)?,
                },
            },
        };
        self.add(names, &granted)
    }

    fn add(&mut self, names: &[&str], granted: &BTreeSet<String>) -> Result<(), String> {
        for name in names {
            let row = self.allowed.get_mut(*name).ok_or_else(|| format!("`{name}` has no row yet"))?;
            row.extend(granted.iter().cloned());
        }
        Ok(())
    }

    /// Every import among our crates that the table does not grant, and every library in a crate that must not have it.
    pub fn check(&self, crates: &[Crate]) -> Vec<Fault> {
        let ours: BTreeSet<&str> = crates.iter().map(|c| c.name.as_str()).collect();
        crates.iter().flat_map(|one| self.check_crate(one, &ours)).collect()
    }

    fn check_crate(&self, one: &Crate, ours: &BTreeSet<&str>) -> Vec<Fault> {
        let fault = |what: String, remedy: &str| Fault::new(&one.manifest, 1, &what, remedy);
        let Some(allowed) = self.allowed.get(&one.name) else {
            return vec![fault(
                format!("`{}` is not in the table of arrows", one.name),
                "add its row to ARCHITECTURE.md",
            )];
        };
        let mut faults = Vec::new();
        for (name, purpose) in &one.imports {
            let in_tests = *purpose == Purpose::Tests;
            let granted = allowed.contains(name) || (in_tests && self.in_tests.contains(name)) || *name == one.name;
            if ours.contains(name.as_str()) && !granted {
                let what = format!("`{}` imports `{name}`, which the table of arrows does not grant", one.name);
                faults.push(fault(what, "meet in the store: when two parts need each other, it has a missing word"));
            }
            if let Some((_, _, why)) =
                KEPT.iter().find(|(kept, homes, _)| kept == name && !homes.contains(&one.name.as_str()))
            {
                faults.push(fault(format!("`{}` imports `{name}`", one.name), why));
            }
            if let Some((_, _, why)) =
                KEPT_FROM.iter().find(|(from, kept, _)| *from == one.name && kept == name && !in_tests)
            {
                faults.push(fault(format!("`{}` imports `{name}`", one.name), why));
            }
        }
        faults
    }
}

fn list(text: &str, ours: &BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    let known = |name: &str| match ours.contains(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("`{name}` is no crate of ours")),
    };
    text.split(',').flat_map(|part| part.split(" and ")).map(str::trim).map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
# Architecture\n\n| crate | may import |\n| --- | --- |
| newsroom, mail | nothing of ours |
| store | newsroom |
| vault | newsroom |
| post, readers | newsroom, store. Also `mail` for post; `vault` for post, readers. **Never one another.** |
| web | all of the above except mail |
| coranto | everything above |
| crashdisk | coranto and everything above (never the reverse) |
| xtask | coranto and everything above, crashdisk |
| the tests of any crate | what the crate may import, and interop |

Afterwards.";

    fn ours() -> BTreeSet<String> {
        let names = [
            "newsroom",
            "mail",
            "store",
            "vault",
            "post",
            "readers",
            "web",
            "coranto",
            "crashdisk",
            "xtask",
            "interop",
        ];
        names.map(str::to_owned).into()
    }

    fn faults_of(name: &str, imports: &[(&str, Purpose)]) -> Vec<String> {
        let imports = imports.iter().map(|(name, purpose)| ((*name).to_owned(), *purpose)).collect();
        let one = Crate { name: name.into(), manifest: format!("crates/{name}/Cargo.toml"), imports };
        let mut crates: Vec<Crate> =
            ours().into_iter().filter(|n| n != name && n != "interop").map(Crate::empty).collect();
        crates.push(one);
        crates.push(Crate::empty("interop".into()));
        let arrows = Arrows::read(TABLE, &ours()).unwrap_or_else(|faults| panic!("{faults:?}"));
        let all = arrows.check(&crates).into_iter().filter(|fault| !fault.what.contains("is not in the table"));
        all.map(|fault| fault.what).collect()
    }

    #[test]
    fn what_the_table_grants_passes() {
        use Purpose::*;
        assert_eq!(
            faults_of("post", &[("newsroom", Ships), ("mail", Ships), ("vault", Ships), ("interop", Tests)]),
            [""; 0]
        );
        assert_eq!(faults_of("web", &[("post", Ships), ("store", Ships)]), [""; 0]);
        assert_eq!(faults_of("xtask", &[("crashdisk", Ships), ("coranto", Ships)]), [""; 0]);
    }

    #[test]
    fn parts_that_import_one_another_are_caught() {
        let says = |a: &str, b: &str| [format!("`{a}` imports `{b}`, which the table of arrows does not grant")];
        assert_eq!(faults_of("post", &[("readers", Purpose::Ships)]), says("post", "readers"));
        assert_eq!(faults_of("readers", &[("mail", Purpose::Ships)]), says("readers", "mail"));
        assert_eq!(faults_of("web", &[("mail", Purpose::Ships)]), says("web", "mail"));
        assert_eq!(faults_of("newsroom", &[("store", Purpose::Tests)]), says("newsroom", "store"));
        assert_eq!(faults_of("post", &[("interop", Purpose::Ships)]), says("post", "interop"));
    }

    #[test]
    fn a_driver_outside_the_store_is_caught() {
        assert_eq!(faults_of("post", &[("rusqlite", Purpose::Ships)]), ["`post` imports `rusqlite`"]);
        assert_eq!(faults_of("newsroom", &[("serde", Purpose::Ships)]), ["`newsroom` imports `serde`"]);
        assert_eq!(faults_of("store", &[("rusqlite", Purpose::Ships)]), [""; 0]);
    }

    #[test]
    fn a_crate_without_a_row_is_caught() {
        let arrows = Arrows::read(TABLE, &ours()).unwrap_or_else(|faults| panic!("{faults:?}"));
        let faults = arrows.check(&[Crate::empty("stray".into())]);
        assert_eq!(faults[0].what, "`stray` is not in the table of arrows");
    }

    #[test]
    fn a_sentence_that_the_table_cannot_mean_is_caught() {
        let read =
            |row: &str| Arrows::read(&format!("{HEADER}\n| --- | --- |\n{row}"), &ours()).err().map(|f| f[0].line);
        assert_eq!(read("| post | most things |"), Some(3));
        assert_eq!(read("| post |"), Some(3));
        assert_eq!(read(""), Some(1));
        assert_eq!(read("| post | newsroom |"), None);
    }
}
