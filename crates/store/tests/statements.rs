//! Every statement of the store, read from the source and planned on each engine: same parameters, same columns.

use std::collections::BTreeMap;

use store::{Location, Session};

/// The statements of one file: `const NAME: &str = sql!("…")`, and those built by a `…_columns!` macro of that file.
fn statements(source: &str) -> BTreeMap<String, String> {
    let prefix = source
        .split_once("concat!(")
        .map(|(_, rest)| literal(rest).expect("a columns macro begins with its literal"))
        .unwrap_or_default();
    let mut prefixes: BTreeMap<String, String> = BTreeMap::new();
    for part in source.split("macro_rules! ").skip(1) {
        let (name, rest) = part.split_once(' ').expect("a macro has a name");
        let text = rest.split_once("concat!(").and_then(|(_, rest)| literal(rest)).unwrap_or(prefix.clone());
        prefixes.insert(name.to_owned(), text);
    }
    let mut found = BTreeMap::new();
    for part in source.split("const ").skip(1) {
        let Some((name, rest)) = part.split_once(": &str =") else { continue };
        let Some((maker, rest)) = rest.trim_start().split_once("!(") else { continue };
        let Some(text) = literal(rest) else { continue };
        let head = if maker == "sql" { String::new() } else { prefixes[maker].clone() };
        found.insert(name.to_owned(), head + &text);
    }
    found
}

/// The first string literal in `rest`. The store's statements hold no quotation marks and no escapes.
fn literal(rest: &str) -> Option<String> {
    let (before, rest) = rest.split_once('"')?;
    before.trim().is_empty().then(|| rest.split('"').next().unwrap_or_default().to_owned())
}

fn every_statement() -> BTreeMap<String, String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the crate has sources") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_some_and(|e| e == "rs") {
            let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
            for (name, text) in statements(&std::fs::read_to_string(&path).expect("a readable file")) {
                all.insert(format!("{file}::{name}"), text);
            }
        }
    }
    all
}

fn highest_parameter(sql: &str) -> usize {
    sql.split('$')
        .skip(1)
        .filter_map(|p| p.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .max()
        .unwrap_or(0)
}

fn plan_all(mut session: Session) -> BTreeMap<String, (usize, usize)> {
    session.migrate().expect("the founding schema is valid");
    every_statement()
        .into_iter()
        .map(|(name, text)| {
            let planned = session.plan(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(planned.0, highest_parameter(&text), "{name} takes other parameters than it names");
            (name, planned)
        })
        .collect()
}

#[test]
fn every_statement_is_planned_on_sqlite() {
    let folder = tempfile("sqlite");
    let plans = plan_all(Session::open(&Location::Sqlite(folder.join("newsroom.db")), true).expect("a fresh file"));
    assert!(plans.len() > 90, "the source yields only {} statements: the reader of statements is blind", plans.len());
    std::fs::remove_dir_all(folder).expect("our own folder");
}

#[test]
fn every_statement_is_planned_on_postgresql_alike() {
    let Some(server) = interop::postgres::shared() else { return };
    let url = server.database().expect("a fresh database");
    let folder = tempfile("both");
    let here = plan_all(Session::open(&Location::Sqlite(folder.join("beside.db")), true).expect("a fresh file"));
    let there = plan_all(Session::open(&Location::Postgres(url), true).expect("a server"));
    assert_eq!(here, there);
}

fn tempfile(name: &str) -> std::path::PathBuf {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("statements-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}
