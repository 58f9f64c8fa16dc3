//! Members: the people who work at the desk, and what each may do there.

use unicode_normalization::UnicodeNormalization;

use crate::{Address, MemberId, Ms};

/// A name longer than this is not one: the longest bylines of real outlets stay below.
pub const MEMBER_NAME_CHARS_MAX: usize = 80;

/// What a member may do at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything about articles, pages and editions.
    Editor = 1,
    /// That, and the outlet's settings and its members.
    Admin = 2,
}

impl Role {
    /// The role the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is no role: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        match raw {
            1 => Self::Editor,
            2 => Self::Admin,
            other => panic!("{other} is no role of a member"),
        }
    }

    /// Its name, as it stands in forms and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Editor, Self::Admin].into_iter().find(|role| role.word() == word)
    }
}

/// Someone who works at the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Their id.
    pub id: MemberId,
    /// Their name, as they write it.
    pub name: String,
    /// Where they can be written to; with it or with the name they sign in.
    pub address: Address,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub active: bool,
    /// When they were made a member.
    pub made: Ms,
}

/// A member's name without spaces at its ends, or `None` when it is none: empty, too long, or with control characters.
pub fn member_name(typed: &str) -> Option<String> {
    let name: String = typed.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
    // An address and a name must not be taken for one another where either signs in.
    let well = !name.is_empty() && name.chars().count() <= MEMBER_NAME_CHARS_MAX && !name.contains('@');
    (well && !name.chars().any(char::is_control)).then_some(name)
}

/// How two names compare: as people read them, whatever their case and composition (NFKC).
pub fn name_key(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_as_people_read_them() {
        assert_eq!(name_key("  Ana  SOL "), name_key("ana sol"));
        assert_eq!(name_key("Zoe\u{308}"), name_key("Zo\u{eb}"));
        assert_eq!(member_name(" Ana \n Sol "), Some("Ana Sol".to_owned()));
        for odd in ["", "  ", "ana@example.org", "a\u{0}b", &"a".repeat(81)] {
            assert_eq!(member_name(odd), None, "{odd:?}");
        }
    }
}
