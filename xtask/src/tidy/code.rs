//! The rules that one Rust file can break alone.
//!
//! Each is a function over the file's tokens, so that a rule's own name in a comment or a string breaks nothing.
//! What rustc or clippy can see (undocumented items, banned calls, unordered maps) is theirs to say, not repeated here.

use super::tokens::{Attribute, Kind, Token, closing, tokens};
use super::{Fault, Source};
use std::collections::BTreeSet;

/// A file longer than this is no longer one idea; the longest files of the codebases STYLE.md points at stay below.
const LINES_MAX: usize = 1_000;
/// What differs between the engines must stay small enough to be read at one sitting (ARCHITECTURE.md, "The tree").
const ENGINE_LINES_MAX: usize = 800;
/// Crates that may say they call the system, and why it is theirs.
const MAY_ASK_THE_SYSTEM: [&str; 3] = [
    "world",   // it is the seam
    "store",   // the threads that own the database connections
    "coranto", // it reads the environment and starts the runtime
];
/// Crates whose code may hold SQL: the store, the disk it is tested on, and what drives real databases.
const MAY_HOLD_SQL: [&str; 4] = ["store", "crashdisk", "interop", "xtask"];

/// Every fault of one Rust file.
pub fn check(file: &Source, test_files: &BTreeSet<String>) -> Vec<Fault> {
    let mut all = tokens(&file.text);
    if is_test_path(&file.path) || test_files.contains(&file.path) {
        all.iter_mut().for_each(|token| token.in_test = true);
    }
    let code: Vec<Token<'_>> = all.iter().copied().filter(|token| token.kind != Kind::Comment).collect();
    let mut faults = Vec::new();
    let mut fault = |line: usize, what: &str, remedy: &str| faults.push(Fault::new(&file.path, line, what, remedy));
    promise(&file.path, &file.text, &mut fault);
    length(&file.text, &mut fault);
    marks(&all, &mut fault);
    unwraps(&code, &mut fault);
    attributes(&code, file.crate_name(), &mut fault);
    unsafety(&code, file.crate_name(), &mut fault);
    selects(&code, &mut fault);
    sql(&code, file.crate_name(), &mut fault);
    if file.crate_name() == "store" && !is_engine(&file.path) {
        pieces(&code, &mut fault);
    }
    faults
}

/// Whether the path alone says that only tests compile the file.
fn is_test_path(path: &str) -> bool {
    path.ends_with("/tests.rs") || ["/tests/", "/benches/"].iter().any(|part| path.contains(part))
}

/// The files that `#[cfg(test)] mod name;` in `file` leads to.
pub fn test_modules(file: &Source) -> Vec<String> {
    let all = tokens(&file.text);
    let code: Vec<_> = all.iter().filter(|token| token.kind != Kind::Comment).collect();
    let declared = code.windows(3).filter(|w| w[0].in_test && w[0].is("mod") && w[2].is(";"));
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let home = match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    declared.flat_map(|w| [format!("{home}/{}.rs", w[1].text), format!("{home}/{}/mod.rs", w[1].text)]).collect()
}

/// STYLE 2: a file opens with its promise.
fn promise(path: &str, text: &str, fault: &mut impl FnMut(usize, &str, &str)) {
    if !text.trim_start().starts_with("//!") && path.contains("/src/") && !path.contains("/bin/") {
        fault(1, "the file does not say what it is", "open it with `//!`: what, why, what it never does");
    }
}

/// STYLE 1: a file is one idea.
fn length(text: &str, fault: &mut impl FnMut(usize, &str, &str)) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        let what = format!("{lines} lines, more than {LINES_MAX}");
        fault(LINES_MAX + 1, &what, "a file is one idea: move the second one into a file of its own");
    }
}

/// STYLE 17: nothing is left for later on main.
fn marks(all: &[Token<'_>], fault: &mut impl FnMut(usize, &str, &str)) {
    for token in all.iter().filter(|token| token.kind == Kind::Comment) {
        for (line, mark) in super::text::later_marks(token.text) {
            let what = format!("`{mark}` in a comment");
            fault(token.line + line, &what, "open an issue and cite its number, or do it now");
        }
    }
}

/// STYLE 15: no unwrap outside tests.
fn unwraps(code: &[Token<'_>], fault: &mut impl FnMut(usize, &str, &str)) {
    for pair in code.windows(2).filter(|pair| !pair[0].in_test) {
        if (pair[0].is(".") || pair[0].is(":")) && ["unwrap", "unwrap_err"].iter().any(|word| pair[1].is(word)) {
            let what = format!("`{}` outside a test", pair[1].text);
            fault(pair[1].line, &what, "`expect(\"why it cannot fail\")`, or hand the error to the caller");
        }
    }
}

/// STYLE 17 and 26: lints are expected with a reason, the system is called by few, no test is skipped in silence.
fn attributes(code: &[Token<'_>], of: &str, fault: &mut impl FnMut(usize, &str, &str)) {
    for attribute in (0..code.len()).filter_map(|at| Attribute::at(code, at)) {
        let inside = attribute.inside(code);
        let has = |word: &str| inside.iter().any(|token| token.is(word));
        let starts = |word: &str| inside.first().is_some_and(|token| token.is(word));
        let Some(line) = inside.first().map(|token| token.line) else { continue };
        if starts("allow") || (starts("cfg_attr") && has("allow")) {
            fault(line, "`#[allow]`", "`#[expect(…, reason = \"…\")]`, which says why and goes when it is not needed");
        }
        let expects = starts("expect") || (starts("cfg_attr") && has("expect"));
        if expects && !has("reason") {
            fault(line, "`#[expect]` without a reason", "add `reason = \"…\"`");
        }
        if expects && has("disallowed_methods") && !MAY_ASK_THE_SYSTEM.contains(&of) && !is_tool(of) {
            fault(line, "the system is asked outside `world`", "take `&World` or `now` as an argument");
        }
        if starts("ignore") {
            fault(
                line,
                "`#[ignore]` skips a test in silence",
                "`interop::need` says what is missing, in the last lines",
            );
        }
    }
}

fn is_tool(of: &str) -> bool {
    of == "interop" || of == "xtask"
}

/// STYLE 17: no `unsafe` outside `crashdisk`.
fn unsafety(code: &[Token<'_>], of: &str, fault: &mut impl FnMut(usize, &str, &str)) {
    for token in code.iter().filter(|token| of != "crashdisk" && token.is("unsafe")) {
        fault(token.line, "`unsafe` outside crashdisk", "find the safe way; if there is none, write a decision first");
    }
}

/// STYLE 19: `select!` is biased, so that a seed replays.
fn selects(code: &[Token<'_>], fault: &mut impl FnMut(usize, &str, &str)) {
    for four in code.windows(4).filter(|four| four[0].is("select") && four[1].is("!")) {
        if !four[3].is("biased") {
            fault(four[0].line, "`select!` rolls dice", "begin it with `biased;` and put the branches in order");
        }
    }
}

/// STYLE 20: SQL stands in the store alone.
fn sql(code: &[Token<'_>], of: &str, fault: &mut impl FnMut(usize, &str, &str)) {
    if MAY_HOLD_SQL.contains(&of) {
        return;
    }
    for (at, token) in code.iter().enumerate() {
        if calls(code, at, "sql") || (token.kind == Kind::Text && is_sql(token.text)) {
            fault(token.line, "SQL outside the store", "add a query to `store`, named by a verb of the newsroom");
        }
    }
}

/// STYLE 20: SQL is written out, never put together while running. (The engine, which derives one dialect from the other
/// and writes what bulk verbs need, is the place where that is done.)
fn pieces(code: &[Token<'_>], fault: &mut impl FnMut(usize, &str, &str)) {
    for (at, token) in code.iter().enumerate() {
        let formats = ["format", "write", "writeln", "format_args"].iter().any(|name| calls(code, at, name));
        if formats && first_text(code, at + 2).is_some_and(is_sql) {
            fault(token.line, "SQL put together from pieces", "write it out in `sql!` and bind what varies with `$1`");
        }
    }
}

fn calls(code: &[Token<'_>], at: usize, name: &str) -> bool {
    code[at].is(name) && code.get(at + 1).is_some_and(|next| next.is("!"))
}

fn is_engine(path: &str) -> bool {
    path.starts_with("crates/store/src/engine/") || path == "crates/store/src/engine.rs"
}

fn first_text<'a>(code: &[Token<'a>], open: usize) -> Option<&'a str> {
    let end = if open < code.len() { closing(code, open) } else { open };
    code.get(open..end)?.iter().find(|token| token.kind == Kind::Text).map(|token| token.text)
}

/// Whether a string is a statement of SQL: it begins as one and goes on as one.
fn is_sql(text: &str) -> bool {
    let text = text.trim_start_matches([' ', '\n', '\t', '\\']);
    let words: Vec<&str> = text.split_whitespace().collect();
    let has = |word: &str| words.contains(&word);
    match words.first().copied() {
        Some("SELECT") => has("FROM") || words.len() <= 3,
        Some("WITH") => has("AS") && has("SELECT"),
        Some("INSERT") => has("INTO"),
        Some("UPDATE") => has("SET"),
        Some("DELETE") => has("FROM"),
        Some("CREATE" | "DROP" | "ALTER") => ["TABLE", "INDEX", "VIEW", "TRIGGER"].iter().any(|word| has(word)),
        Some("PRAGMA" | "VACUUM" | "TRUNCATE") => true,
        Some("BEGIN" | "COMMIT" | "ROLLBACK") => words.len() <= 2,
        _ => false,
    }
}

/// The store's engine module keeps its budget: lines of code, without comments, blanks and tests.
pub fn engine_budget(files: &[Source]) -> Vec<Fault> {
    let lines: usize = files.iter().filter(|file| is_engine(&file.path)).map(|file| code_lines(&file.text)).sum();
    let what = format!("what differs between the engines takes {lines} lines of code, more than {ENGINE_LINES_MAX}");
    let remedy = "move what both engines share up into the store, or the budget in ARCHITECTURE.md with a decision";
    let over = lines > ENGINE_LINES_MAX;
    over.then(|| Fault::new("crates/store/src/engine", 1, &what, remedy)).into_iter().collect()
}

fn code_lines(text: &str) -> usize {
    let all = tokens(text);
    let code = all.iter().filter(|token| token.kind != Kind::Comment && !token.in_test);
    code.map(|token| token.line).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_in(path: &str, body: &str) -> Vec<String> {
        let file = Source { path: path.to_owned(), text: format!("//! A promise.\n{body}") };
        check(&file, &BTreeSet::new()).into_iter().map(|fault| format!("{}: {}", fault.line, fault.what)).collect()
    }

    fn check_one(body: &str, fault: &str) {
        assert_eq!(faults_in("crates/post/src/x.rs", body), [fault], "{body}");
    }

    fn check_clean(path: &str, body: &str) {
        assert_eq!(faults_in(path, body), [""; 0], "{body}");
    }

    #[test]
    fn an_unwrap_is_caught_outside_tests_only() {
        check_one("fn f() { g().unwrap(); }", "2: `unwrap` outside a test");
        check_one("fn f() { g().map(Option::unwrap) }", "2: `unwrap` outside a test");
        check_clean("crates/post/src/x.rs", "#[cfg(test)] mod tests { fn f() { g().unwrap(); } }");
        check_clean("crates/post/src/x.rs", "fn f() { g().unwrap_or(1); } // .unwrap()");
        check_clean("crates/post/tests/story.rs", "fn f() { g().unwrap(); }");
    }

    #[test]
    fn a_module_that_only_tests_declare_is_test_code() {
        let lib = Source { path: "crates/a/src/lib.rs".into(), text: "#[cfg(test)] mod planted; mod real;".into() };
        assert!(test_modules(&lib).contains(&"crates/a/src/planted.rs".to_owned()));
        assert!(!test_modules(&lib).contains(&"crates/a/src/real.rs".to_owned()));
        let post = Source { path: "crates/a/src/post.rs".into(), text: "#[cfg(test)] mod planted;".into() };
        assert_eq!(test_modules(&post)[0], "crates/a/src/post/planted.rs");
    }

    #[test]
    fn lints_are_expected_with_a_reason_never_allowed() {
        check_one("#[allow(dead_code)] fn f() {}", "2: `#[allow]`");
        check_one("#![cfg_attr(test, allow(dead_code))]", "2: `#[allow]`");
        check_one("#[expect(dead_code)] fn f() {}", "2: `#[expect]` without a reason");
        check_clean("crates/post/src/x.rs", "#[expect(dead_code, reason = \"shown by the next commit\")] fn f() {}");
    }

    #[test]
    fn only_the_seams_may_say_that_they_ask_the_system() {
        let body = "#[expect(clippy::disallowed_methods, reason = \"the clock\")] fn f() {}";
        check_one(body, "2: the system is asked outside `world`");
        check_clean("crates/world/src/real.rs", body);
    }

    #[test]
    fn an_ignored_test_is_caught() {
        check_one(
            "#[cfg(test)] mod tests { #[test] #[ignore = \"slow\"] fn f() {} }",
            "2: `#[ignore]` skips a test in silence",
        );
    }

    #[test]
    fn unsafe_is_for_crashdisk_alone() {
        check_one("fn f() { unsafe { g() } }", "2: `unsafe` outside crashdisk");
        check_clean("crates/crashdisk/src/x.rs", "fn f() { unsafe { g() } }");
        check_clean("crates/post/src/x.rs", "// unsafe\nconst WORD: &str = \"unsafe\";");
    }

    #[test]
    fn what_is_left_for_later_is_caught_in_comments_only() {
        let later = concat!("TO", "DO");
        check_one(&format!("fn f() {{}}\n/* one\n{later}: two */"), &format!("4: `{later}` in a comment"));
        check_clean("crates/post/src/x.rs", &format!("const SPANISH: &str = \"{later} el mundo\";"));
    }

    #[test]
    fn a_select_without_biased_is_caught() {
        check_one("fn f() { tokio::select! { a = b => {} } }", "2: `select!` rolls dice");
        check_clean("crates/post/src/x.rs", "fn f() { tokio::select! { biased; a = b => {} } }");
    }

    #[test]
    fn sql_outside_the_store_is_caught() {
        check_one("const Q: &str = \"SELECT id FROM reader\";", "2: SQL outside the store");
        check_one("const Q: &str = r#\"\n  UPDATE reader\n  SET x = $1\"#;", "2: SQL outside the store");
        check_one("const Q: &str = \"PRAGMA synchronous\";", "2: SQL outside the store");
        check_one("fn f() { g(sql!(X)) }", "2: SQL outside the store");
        check_clean(
            "crates/post/src/x.rs",
            "const S: &str = \"Select a topic FROM the list\"; // SELECT id FROM reader",
        );
        check_clean("crates/store/src/x.rs", "const Q: &str = sql!(\"SELECT id FROM reader\");");
    }

    #[test]
    fn sql_put_together_from_pieces_is_caught_in_the_store() {
        let body = "fn f() { format!(\"SELECT id FROM reader ORDER BY {column}\") }";
        assert_eq!(faults_in("crates/store/src/x.rs", body), ["2: SQL put together from pieces"]);
        check_clean("crates/store/src/x.rs", "fn f() { format!(\"reader {id}\") }");
        check_clean("crates/store/src/x.rs", "const Q: &str = concat!(\"SELECT id FROM reader\", \" ORDER BY id\");");
        check_clean("crates/store/src/engine/sqlite.rs", body);
    }

    #[test]
    fn a_file_without_its_promise_is_caught() {
        let file = Source { path: "crates/a/src/b.rs".into(), text: "fn f() {}".into() };
        assert_eq!(check(&file, &BTreeSet::new())[0].what, "the file does not say what it is");
    }

    #[test]
    fn a_file_of_two_ideas_is_caught_by_its_length() {
        check_one(
            &"\n".repeat(LINES_MAX),
            &format!("{}: {} lines, more than {LINES_MAX}", LINES_MAX + 1, LINES_MAX + 1),
        );
    }

    #[test]
    fn the_engine_keeps_its_budget_of_code() {
        let engine = |lines: usize| {
            let text = format!("{}// comment\n\n#[cfg(test)] mod tests {{\n fn f() {{}}\n}}", "use a;\n".repeat(lines));
            engine_budget(&[Source { path: "crates/store/src/engine/sqlite.rs".into(), text }]).len()
        };
        assert_eq!([engine(ENGINE_LINES_MAX), engine(ENGINE_LINES_MAX + 1)], [0, 1]);
    }
}
