//! The journal of leavings: what it keeps it keeps, and on a full disk too.

use std::path::{Path, PathBuf};

use front::journal::{Journal, SLOT_BYTES, SLOTS_AHEAD, Wish};
use newsroom::{NewsletterId, ReaderId};

fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("leavings")
}

fn wish(reader: i64) -> Wish {
    Wish { reader: ReaderId(reader), newsletter: NewsletterId(7), at: 1_767_268_800_000, one_click: reader % 2 == 0 }
}

fn waiting(journal: &Journal) -> Vec<Wish> {
    journal.waiting(usize::MAX).unwrap()
}

#[test]
fn a_kept_wish_is_there_after_a_restart_until_it_is_settled() {
    let path = place("restart");
    let journal = Journal::at(path.clone());
    assert!(!journal.holds_any());
    for reader in [3, 1, i64::MAX, 3] {
        journal.keep(wish(reader)).unwrap();
    }
    assert!(journal.holds_any());
    drop(journal);

    let again = Journal::at(path.clone());
    assert_eq!(waiting(&again), [wish(1), wish(3), wish(i64::MAX)]);
    again.settle(&[wish(1), wish(i64::MAX)]).unwrap();
    again.keep(wish(9)).unwrap();
    drop(again);

    let last = Journal::at(path.clone());
    assert_eq!(waiting(&last), [wish(3), wish(9)]);
    last.settle(&[wish(3), wish(9)]).unwrap();
    assert!(!last.holds_any());
    drop(last);
    assert!(waiting(&Journal::at(path)).is_empty());
}

#[test]
fn wishes_within_the_reserve_take_no_new_room() {
    let path = place("reserve");
    let journal = Journal::at(path.clone());
    assert!(waiting(&journal).is_empty());
    let length = || std::fs::metadata(&path).unwrap().len();
    assert_eq!(length(), SLOTS_AHEAD * SLOT_BYTES as u64);
    for _ in 0..3 {
        (0..50).for_each(|reader| journal.keep(wish(reader)).unwrap());
        journal.settle(&waiting(&journal)).unwrap();
    }
    assert_eq!(length(), SLOTS_AHEAD * SLOT_BYTES as u64);
    let blank = std::fs::read(&path).unwrap();
    assert!(blank.iter().all(|byte| matches!(byte, b' ' | b'\n')), "nothing is left of who left");
}

#[test]
fn a_damaged_line_is_never_taken_for_a_wish_and_never_written_over() {
    let path = place("damaged");
    let journal = Journal::at(path.clone());
    (1..=3).for_each(|reader| journal.keep(wish(reader)).unwrap());
    drop(journal);
    let mut bytes = std::fs::read(&path).unwrap();
    let digit = SLOT_BYTES + "leave-1 ".len();
    assert_eq!(bytes[digit], b'2');
    bytes[digit] = b'5';
    std::fs::write(&path, &bytes).unwrap();

    let journal = Journal::at(path.clone());
    assert_eq!(waiting(&journal), [wish(1), wish(3)]);
    journal.settle(&waiting(&journal)).unwrap();
    (4..=5).for_each(|reader| journal.keep(wish(reader)).unwrap());
    drop(journal);
    let after = std::fs::read(&path).unwrap();
    assert_eq!(after[SLOT_BYTES..2 * SLOT_BYTES], bytes[SLOT_BYTES..2 * SLOT_BYTES], "left for a person to look at");
    assert_eq!(waiting(&Journal::at(path)), [wish(4), wish(5)]);
}

#[test]
fn a_file_cut_anywhere_is_read_up_to_the_cut() {
    let path = place("cut");
    let journal = Journal::at(path.clone());
    (1..=3).for_each(|reader| journal.keep(wish(reader)).unwrap());
    drop(journal);
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 1, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, 3 * SLOT_BYTES - 1, 3 * SLOT_BYTES] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let whole: Vec<Wish> = (1..=3).map(wish).take(length / SLOT_BYTES).collect();
        let cut = Journal::at(path.clone());
        assert_eq!(waiting(&cut), whole, "cut at {length}");
        cut.keep(wish(8)).unwrap();
        drop(cut);
        assert!(waiting(&Journal::at(path.clone())).contains(&wish(8)));
    }
}

#[test]
fn one_process_holds_a_journal() {
    let path = place("held");
    let first = Journal::at(path.clone());
    assert!(waiting(&first).is_empty());
    let second = Journal::at(path);
    assert!(second.keep(wish(1)).is_err());
    drop(first);
    second.keep(wish(1)).unwrap();
}

#[test]
fn where_no_file_can_be_nothing_is_promised() {
    let nowhere = Journal::at(place("nowhere").join("no").join("folder"));
    assert!(nowhere.keep(wish(1)).is_err());
    assert!(!nowhere.holds_any());
}
