//! The migrations, in order: each is one text for both engines, run once in its own transaction. Old and new code both run
//! on what it left; one is added, never edited.

/// Name and text of each.
pub(crate) const EVERY: &[(&str, &str)] = &[
    ("0001_founding", include_str!("../migrations/0001_founding.sql")),
    ("0002_newsroom", include_str!("../migrations/0002_newsroom.sql")),
    ("0003_post", include_str!("../migrations/0003_post.sql")),
    ("0004_ways", include_str!("../migrations/0004_ways.sql")),
];
