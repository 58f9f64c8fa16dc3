//! Stories of age files: ours, those of the age tool, and those that somebody meddled with.

use std::io::Cursor;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

/// Cheap dice for tests: never the same twice.
fn dice(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    }
}

fn pair(seed: u64) -> (Identity, Recipient) {
    let (secret, public) = Identity::generate(&mut dice(seed));
    (Identity::parse(&secret).unwrap(), Recipient::parse(&public).unwrap())
}

fn words(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn sealed(recipients: &[Recipient], plain: &[u8]) -> Vec<u8> {
    let mut sealing = seal_costing(recipients, 4, Vec::new(), &mut dice(plain.len() as u64)).unwrap();
    sealing.write_all(plain).unwrap();
    sealing.finish().unwrap()
}

fn opened(file: &[u8], identity: &Identity) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let mut reading = open(Cursor::new(file), identity).map_err(|fault| fault.to_string())?;
    reading.read_to_end(&mut plain).map_err(|fault| fault.to_string())?;
    Ok(plain)
}

const CHUNK: usize = 64 * 1024;

#[test]
fn what_is_sealed_opens_at_every_length_around_a_chunk() {
    let (identity, recipient) = pair(1);
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
        let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let file = sealed(std::slice::from_ref(&recipient), &plain);
        assert_eq!(opened(&file, &identity).as_deref(), Ok(plain.as_slice()), "{length} bytes");
    }
}

#[test]
fn each_of_several_recipients_opens_it_and_nobody_else() {
    let ((one, to_one), (two, to_two), (stranger, _)) = (pair(1), pair(2), pair(3));
    let file = sealed(&[to_one, to_two], b"the list");
    assert_eq!(opened(&file, &one).as_deref(), Ok(&b"the list"[..]));
    assert_eq!(opened(&file, &two).as_deref(), Ok(&b"the list"[..]));
    let wrong = Err("the key or passphrase does not open this file".to_owned());
    assert_eq!(opened(&file, &stranger), wrong);
    assert_eq!(opened(&file, &Identity::Passphrase(words("the list"))), wrong);
}

#[test]
fn a_passphrase_opens_what_was_sealed_under_it_and_another_does_not() {
    let file = sealed(&[Recipient::Passphrase(words("correct horse battery"))], b"the list");
    let open_with = |text: &str| opened(&file, &Identity::Passphrase(words(text)));
    assert_eq!(open_with("correct horse battery").as_deref(), Ok(&b"the list"[..]));
    assert_eq!(open_with("correct horse batterx"), Err("the key or passphrase does not open this file".to_owned()));
    let (_, recipient) = pair(1);
    let both = seal(&[recipient, Recipient::Passphrase(words("x"))], Vec::new(), &mut dice(1));
    assert!(matches!(both, Err(AgeFault::NoKey(_))));
    assert!(matches!(seal(&[], Vec::new(), &mut dice(1)), Err(AgeFault::NoKey(_))));
}

#[test]
fn a_file_cut_short_changed_or_reordered_anywhere_is_refused() {
    let (identity, recipient) = pair(1);
    let plain: Vec<u8> = (0..2 * CHUNK + 9).map(|at| (at % 249) as u8).collect();
    let file = sealed(std::slice::from_ref(&recipient), &plain);
    let head = file.len() - plain.len() - 3 * 16;
    let whole = CHUNK + 16;
    let ends =
        [0, 1, 30, head - 17, head - 1, head, head + 15, head + 16, head + whole, head + 2 * whole, file.len() - 1];
    for end in ends {
        assert!(opened(&file[..end], &identity).is_err(), "cut to {end} bytes");
    }
    for at in (0..head).chain([head, head + 5, head + whole, file.len() - 1]) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(opened(&changed, &identity).is_err(), "byte {at}");
    }
    let mut swapped = file[..head].to_vec();
    swapped.extend_from_slice(&file[head + whole..head + 2 * whole]);
    swapped.extend_from_slice(&file[head..head + whole]);
    swapped.extend_from_slice(&file[head + 2 * whole..]);
    assert!(opened(&swapped, &identity).is_err(), "chunks in another order");
    let longer = [file.as_slice(), &[0; 20]].concat();
    assert!(opened(&longer, &identity).is_err(), "something after the last chunk");
}

#[test]
fn what_costs_too_much_to_try_is_refused_before_it_is_tried() {
    let file = sealed(&[Recipient::Passphrase(words("correct horse battery"))], b"x");
    let at = file.windows(3).position(|w| w == b" 4\n").unwrap();
    let costly = [&file[..at], b" 30\n", &file[at + 3..]].concat();
    let fault = opened(&costly, &Identity::Passphrase(words("correct horse battery"))).unwrap_err();
    assert!(fault.contains("costs more"), "{fault}");
    let padded = [&file[..at], b" 04\n", &file[at + 3..]].concat();
    assert!(opened(&padded, &Identity::Passphrase(words("correct horse battery"))).is_err());
}

#[test]
fn keys_are_read_as_age_writes_them() {
    // Made with age-keygen 1.1.1.
    let secret = "# created: 2026-01-01\n# public key: age1…\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n";
    let known = Identity::parse(secret).map(|identity| match identity {
        Identity::Key(key) => *key.expose(),
        Identity::Passphrase(_) => [0; 32],
    });
    assert_eq!(known.unwrap(), [0x42; 32]);
    let public = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    let Ok(Recipient::Key(bytes)) = Recipient::parse(public) else { panic!("a recipient") };
    assert_eq!(bytes, header::public_of(&[0x42; 32]));
    for bad in ["", "age1", "age1qqqq", &public.replace('z', "x"), "AGE-SECRET-KEY-1", &public.to_uppercase()[..50]] {
        assert!(Recipient::parse(bad).is_err(), "{bad}");
    }
}

/// A file that Debian's age 1.1.1 wrote, to the key 42 42 … 42.
const FROM_AGE: &str = "\
    YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBvcTBIRUk3aVJ0dVRhbjIzVmhEZDI0QWtxRmFERUVOTkUyU2NPbnNIS1Jz\
    CnJVdnB6c3ZSNGwzRW1GOWpsYVA1YXd3bjlJckJKd0dQYmNNN05HL1ZBMDQKLS0tIFdhWFltOThLbUE0a0Y4U3N2T2Q2SFBKOXdl\
    MnJ2aEZvMDIwUWdENEtQam8K17q27LxtkBbD8ZyQJmwznA/TFieYPGWyYnA79+ZBRLjKNaTimq/pye5mxWASGqo=";
/// And one under the passphrase `correct horse battery`, cost 18.
const FROM_AGE_SCRYPT: &str = "\
    YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBGRzN1MjRZRFBaWUY0c2Z6bjM5RmlBIDE4CllWRlhOQWkvSlc2RHg5MWVo\
    dHhqNTRaakQ0S1ZSWkRsTnZFSERuZWpSd28KLS0tIDcwYkxEVjRUeGhmTGE5VHlFZVVUeFVQMklPK3VBVm84SWhLYitiTGwzSkkK\
    eFWLDGQvlTtoU/+7+ijzOhHFRlHbEkVVDU7VlEobtNskO8+swk79B3wer9At7Kk=";

#[test]
fn a_file_that_age_wrote_opens() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let file = STANDARD.decode(FROM_AGE).unwrap();
    let identity = Identity::Key(Secret::new([0x42; 32]));
    assert_eq!(opened(&file, &identity).as_deref(), Ok(&b"from age to us\n"[..]));
    let file = STANDARD.decode(FROM_AGE_SCRYPT).unwrap();
    let identity = Identity::Passphrase(words("correct horse battery"));
    assert_eq!(opened(&file, &identity).as_deref(), Ok(&b"from age to us\n"[..]));
}

/// The machine's `age`, or a note that it is missing.
fn age() -> Option<std::path::PathBuf> {
    interop::need(interop::Tool::Age)
}

#[test]
fn age_opens_what_we_seal_and_we_open_what_age_seals() {
    let Some(age) = age() else { return };
    let folder = std::env::current_exe().unwrap().with_file_name(format!("age-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (secret, public) = Identity::generate(&mut dice(9));
    let (key, ours, theirs) = (folder.join("key"), folder.join("ours.age"), folder.join("theirs.age"));
    std::fs::write(&key, secret.as_bytes()).unwrap();
    let plain: Vec<u8> = (0..2 * CHUNK + 100).map(|at| (at % 247) as u8).collect();
    std::fs::write(&ours, sealed(&[Recipient::parse(&public).unwrap()], &plain)).unwrap();
    let said = Command::new(&age).arg("-d").arg("-i").arg(&key).arg(&ours).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(said.stdout == plain, "age reads what we wrote");
    let mut child = Command::new(&age).args(["-r", &public, "-o"]).arg(&theirs).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&plain).unwrap();
    assert!(child.wait().unwrap().success());
    let file = std::fs::read(&theirs).unwrap();
    assert!(opened(&file, &Identity::parse(&secret).unwrap()).unwrap() == plain, "we read what age wrote");
    std::fs::remove_dir_all(folder).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn anything_comes_back(plain in proptest::collection::vec(any::<u8>(), 0..3000), pieces in 1_usize..700, seed: u64) {
        let (identity, recipient) = pair(seed);
        let mut sealing = seal(&[recipient], Vec::new(), &mut dice(seed ^ 1)).unwrap();
        for piece in plain.chunks(pieces) {
            sealing.write_all(piece).unwrap();
        }
        let file = sealing.finish().unwrap();
        prop_assert_eq!(opened(&file, &identity).unwrap(), plain);
    }

    #[test]
    fn any_key_comes_back_from_its_letters(key: [u8; 32]) {
        let text = bech32::encode("age", &key);
        prop_assert_eq!(bech32::decode("age", &text), Ok(key));
        prop_assert_eq!(bech32::decode("age", &text.to_uppercase()), Ok(key));
    }

    #[test]
    fn no_bytes_of_a_stranger_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let identity = Identity::Key(Secret::new([7; 32]));
        prop_assert!(opened(&bytes, &identity).is_err());
        prop_assert!(opened(&[FIRST_WORDS, &bytes].concat(), &identity).is_err());
        prop_assert!(opened(&[FIRST_WORDS, b"-> X25519 ", &bytes].concat(), &identity).is_err());
    }
}
