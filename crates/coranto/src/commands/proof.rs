//! `coranto edition proof`: one line for each reader of an edition, streamed; no addresses.

use std::io::{self, BufWriter, Write};

use newsroom::{Departure, Problem};
use post::proof::{Format, Proof};
use serde_json::json;
use store::editions;

use super::edition::named;
use super::house;
use crate::answer::Answer;
use crate::cli;
use crate::house::{House, store_problem};
use crate::newfile::{self, NewFile};

pub(super) async fn write(of: cli::Proof) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let edition = named(&house, of.id).await?.edition.expect("an edition's departure names it");
    let departures = house.store.read(move |tx| editions::departures_of(tx, edition)).await;
    let departures = departures.map_err(|fault| store_problem(&fault))?;
    let format = match of.format {
        cli::ProofFormat::Csv => Format::Csv,
        cli::ProofFormat::Json => Format::Json,
    };
    let Some(path) = &of.out else {
        let mut out = BufWriter::new(io::stdout().lock());
        stream(&house, &departures, format, &mut out, |fault| unwritten(&fault.to_string())).await?;
        return Ok(Answer::printed());
    };
    let mut file = NewFile::create(path)?;
    let fault = |fault: io::Error| newfile::problem(path, &fault.to_string());
    let lines = stream(&house, &departures, format, &mut file, fault).await?;
    file.keep().map_err(fault)?;
    let told = format!("{lines} readers, one line each, with sums that make up the audience, in {}.", path.display());
    Ok(Answer::new(json!({"edition": edition.to_string(), "readers": lines, "file": path.display().to_string()}), told))
}

fn unwritten(why: &str) -> Problem {
    Problem::new(
        format!("The proof could not be written to its end: {why}."),
        "What came out of it is not whole.",
        "Write it into a file with --out, on a disk with room.",
    )
}

async fn stream(
    house: &House,
    departures: &[Departure],
    format: Format,
    out: &mut impl Write,
    fault: impl Fn(io::Error) -> Problem,
) -> Result<i64, Problem> {
    let store_fault = |fault: store::Error| store_problem(&fault);
    let mut proof = Proof::begin(&house.store, departures, format).await.map_err(store_fault)?;
    while let Some(piece) = proof.next(&house.store).await.map_err(store_fault)? {
        match out.write_all(piece.as_bytes()) {
            // Who closes their end has read enough.
            Err(closed) if closed.kind() == io::ErrorKind::BrokenPipe => return Ok(proof.readers()),
            written => written.map_err(&fault)?,
        }
    }
    match out.flush() {
        Err(closed) if closed.kind() == io::ErrorKind::BrokenPipe => {}
        flushed => flushed.map_err(&fault)?,
    }
    Ok(proof.readers())
}
