//! `cargo xtask receipts`: reads a file of receipts, trusts no line of it, and says what it comes to.
//!
//! Kept messages are held to their receipts, and their signatures to dkimpy when the keys are given. What a sender believes
//! is not known here; who reconciles the two reads the receipts with [`receipts::read`].

use super::receipts::{self, Receipt};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use interop::dkimpy::Dkimpy;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Check a file of receipts and sum it up.
#[derive(Args)]
pub struct Arguments {
    /// The file that `cargo xtask sink --receipts` wrote.
    file: PathBuf,
    /// The file that `--keep` wrote: every message is held to its receipt.
    #[arg(long)]
    kept: Option<PathBuf>,
    /// DNS as a JSON object, from name to TXT record: every kept message must bear a signature that holds.
    #[arg(long, requires = "kept")]
    keys: Option<PathBuf>,
}

/// Prints the sum as one JSON document; fails if something is wrong with the receipts or the messages.
pub fn run(arguments: &Arguments) -> Result<()> {
    let receipts = receipts::read(&arguments.file)?;
    println!("{}", serde_json::to_string_pretty(&sum(&receipts))?);
    let Some(kept) = &arguments.kept else { return Ok(()) };
    let kept = receipts::read_kept(kept)?;
    hold(&receipts, &kept)?;
    arguments.keys.as_deref().map_or(Ok(()), |keys| verify(keys, &kept))
}

fn sum(receipts: &[Receipt]) -> serde_json::Value {
    let mut outcomes = BTreeMap::new();
    receipts.iter().for_each(|one| *outcomes.entry(one.outcome.to_string()).or_insert(0) += 1);
    let held = || receipts.iter().filter(|one| one.outcome.holds());
    let message_ids: BTreeSet<&str> = held().map(|one| one.message_id.as_str()).collect();
    let recipients: BTreeSet<&str> = held().flat_map(|one| &one.to).map(String::as_str).collect();
    serde_json::json!({
        "receipts": receipts.len(),
        "outcomes": outcomes,
        "held": held().count(),
        "message_ids": message_ids.len(),
        "recipients": recipients.len(),
        "with_other_than_one_recipient": held().filter(|one| one.to.len() != 1).count(),
        "held_twice": twice(receipts),
    })
}

/// The Message-IDs that a recipient has more than once, as `id recipient`.
pub fn twice(receipts: &[Receipt]) -> BTreeSet<String> {
    let held = receipts.iter().filter(|one| one.outcome.holds());
    let mut seen = BTreeSet::new();
    let copies = held.flat_map(|one| one.to.iter().map(move |to| format!("{} {to}", one.message_id)));
    copies.filter(|copy| !seen.insert(copy.clone())).collect()
}

fn hold(receipts: &[Receipt], kept: &[(u64, Vec<u8>)]) -> Result<()> {
    for (number, message) in kept {
        let at = usize::try_from(*number)?.checked_sub(1).context("receipts are numbered from 1")?;
        let Some(receipt) = receipts.get(at) else { bail!("kept message {number} has no receipt") };
        let fits = receipt.bytes == message.len() && receipt.digest == crc32fast::hash(message);
        ensure!(fits, "kept message {number} is not the one on its receipt");
    }
    let held = receipts.iter().filter(|one| one.outcome.holds()).count();
    ensure!(held == kept.len(), "{held} messages were taken and {} are kept", kept.len());
    Ok(())
}

fn verify(keys: &Path, kept: &[(u64, Vec<u8>)]) -> Result<()> {
    let keys: BTreeMap<String, String> = serde_json::from_slice(&fs::read(keys)?).context("the keys, as JSON")?;
    let dkimpy = Dkimpy::start().context("dkimpy is missing")?;
    let judged = dkimpy.verify(&keys, kept.iter().map(|(_, message)| message.as_slice()))?;
    let bad: Vec<u64> = judged.iter().zip(kept).filter(|(one, _)| !one.valid).map(|(_, (number, _))| *number).collect();
    let fault = judged.iter().find_map(|one| one.fault.clone()).unwrap_or_default();
    ensure!(bad.is_empty(), "{} signatures do not hold; the first is on message {}: {fault}", bad.len(), bad[0]);
    println!("{} signatures hold", judged.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::receipts::Outcome;

    fn receipt(number: u64, outcome: Outcome, id: &str, to: &str) -> Receipt {
        let (digest, bytes) = (crc32fast::hash(b"hello"), 5);
        let (message_id, to) = (id.to_owned(), vec![to.to_owned()]);
        Receipt { number, connection: 1, outcome, code: 0, bytes, digest, message_id, from: String::new(), to }
    }

    #[test]
    fn a_message_that_a_recipient_has_twice_is_named() {
        use Outcome::*;
        let receipts = [
            receipt(1, Kept, "<1@a>", "r@b"),
            receipt(2, Accepted, "<1@a>", "r@b"),
            receipt(3, Accepted, "<2@a>", "r@b"),
            receipt(4, Lost, "<2@a>", "r@b"),
        ];
        assert_eq!(twice(&receipts), BTreeSet::from(["<1@a> r@b".to_owned()]));
        let summed = sum(&receipts);
        assert_eq!((&summed["held"], &summed["message_ids"], &summed["recipients"]), (&3.into(), &2.into(), &1.into()));
    }

    #[test]
    fn a_kept_message_is_held_to_its_receipt() {
        let receipts = [receipt(1, Outcome::Accepted, "<1@a>", "r@b"), receipt(2, Outcome::Lost, "<2@a>", "r@b")];
        let held = |kept: &[(u64, &[u8])]| {
            hold(&receipts, &kept.iter().map(|(number, message)| (*number, message.to_vec())).collect::<Vec<_>>())
                .is_ok()
        };
        assert!(held(&[(1, b"hello")]));
        assert!(!held(&[(1, b"hellO")]) && !held(&[]) && !held(&[(0, b"hello")]) && !held(&[(9, b"hello")]));
    }
}
