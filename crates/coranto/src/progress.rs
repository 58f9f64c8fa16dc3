//! Progress on long work: a bar on a terminal, nothing anywhere else.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for `total` steps of `what`. Hidden where nobody looks.
///
/// # Panics
/// Never: the template is a constant.
pub fn bar(what: &'static str, total: u64) -> ProgressBar {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{msg:<22} {bar:30} {human_pos:>9} of {human_len} {per_sec} {eta}")
        .expect("the template is a constant");
    ProgressBar::with_draw_target(Some(total), target).with_style(style).with_message(what)
}
