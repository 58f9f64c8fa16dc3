//! The rules for every text file, whatever its language: no machine's paths, no registry's host, nothing left for later.
//!
//! Names that must not stand in the repository are put together here from pieces, or this file would break its own rule.

use super::{Fault, Source};

/// Words that promise work instead of doing it.
const LATER_MARKS: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
/// Files whose comments are read for such words; prose and translations use some of them as words.
const COMMENTED: [&str; 8] = [".toml", ".sh", ".sql", ".js", ".css", ".py", ".yml", "/run"];
/// Where one person's machine keeps things.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
/// Registries are reached through their clients, as each machine has set them up.
const REGISTRY_HOSTS: [&str; 6] = [
    concat!("registry.", "npmjs.org"),
    concat!("pypi.", "org"),
    concat!("files.pythonhosted", ".org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("deb.", "debian.org"),
];
/// Cargo writes the index it resolved against into the lock.
const WRITTEN_BY_CARGO: &str = "Cargo.lock";

/// Every fault of one text file.
pub fn check(file: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (line, text) in file.text.lines().enumerate().map(|(at, text)| (at + 1, text)) {
        if let Some(path) = MACHINE_PATHS.iter().find(|path| holds_path(text, path)) {
            let what = format!("a path of one machine (`{path}`)");
            faults.push(Fault::new(&file.path, line, &what, "a path relative to the repository, or an argument"));
        }
        if file.path != WRITTEN_BY_CARGO
            && let Some(host) = REGISTRY_HOSTS.iter().find(|host| text.contains(*host))
        {
            let what = format!("a registry's host (`{host}`)");
            faults.push(Fault::new(&file.path, line, &what, "name the package and leave the host to the client"));
        }
    }
    if COMMENTED.iter().any(|end| file.path.ends_with(end)) {
        faults.extend(later_marks(&file.text).into_iter().map(|(line, mark)| {
            let what = format!("`{mark}` on main");
            Fault::new(&file.path, line + 1, &what, "open an issue and cite its number, or do it now")
        }));
    }
    faults
}

/// Whether `path` stands in `line` as the beginning of a path: a page at `https://example.org` may have such a part.
fn holds_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '/' | '_' | '-' | '$' | '}' | ']' | '*'))
    })
}

/// The words for later in `text`, each with the number of its line, counted from 0.
pub fn later_marks(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        found.extend(LATER_MARKS.into_iter().filter(|mark| words.contains(mark)).map(|mark| (line, mark)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_in(path: &str, text: &str) -> Vec<(usize, String)> {
        let file = Source { path: path.to_owned(), text: text.to_owned() };
        check(&file).into_iter().map(|fault| (fault.line, fault.what)).collect()
    }

    #[test]
    fn a_path_of_one_machine_is_caught_and_a_page_of_that_name_is_not() {
        for path in MACHINE_PATHS {
            assert_eq!(
                faults_in("a.md", &format!("one\nsee `{path}x`")),
                [(2, format!("a path of one machine (`{path}`)"))]
            );
            assert_eq!(faults_in("a.html", &format!("<a href=\"https://example.org{path}x\">")), []);
        }
    }

    #[test]
    fn a_registry_host_is_caught_outside_the_lock() {
        for host in REGISTRY_HOSTS {
            assert_eq!(faults_in(".ci/run", &format!("pip --index https://{host}/")).len(), 1);
            assert_eq!(faults_in("Cargo.lock", host), []);
        }
    }

    #[test]
    fn what_is_left_for_later_is_caught_in_scripts() {
        for mark in LATER_MARKS {
            assert_eq!(faults_in("a.sh", &format!("true\n# {mark}: more")), [(2, format!("`{mark}` on main"))]);
            assert_eq!(faults_in("es.json", &format!("{{\"all\": \"{mark}\"}}")), []);
        }
    }
}
