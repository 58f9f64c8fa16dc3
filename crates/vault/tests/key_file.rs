//! The key file on disk, through the front door.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use newsroom::{Address, DepartureId, ReaderId};
use seal::{Purpose, Secret};
use vault::{KeyFileFault, KeyRing, Vault};

fn ring() -> KeyRing {
    let mut count = 0u8;
    let mut dice = |bytes: &mut [u8]| {
        count += 1;
        bytes.fill(count);
    };
    let mut ring = KeyRing::generate(&mut dice);
    ring.rotate_address(&mut dice);
    ring.add_dkim("coranto-2026a", Secret::new(vec![9; 1200])).unwrap();
    ring
}

fn load(folder: &Folder) -> KeyRing {
    KeyRing::load(&folder.file()).unwrap()
}

/// What a ring's keys make of one reader: two rings agree on all of it only if they hold the same keys.
fn keys_of(ring: &KeyRing) -> Vec<Vec<u8>> {
    let vault = Vault::new(ring.clone());
    let (ana, reader) = (Address::parse("ana@example.org").unwrap(), ReaderId(7));
    let (kid, sealed) = vault.seal_address(&ana, reader, &mut |bytes| bytes.fill(1));
    vec![
        kid.to_be_bytes().to_vec(),
        sealed,
        vault.index(&ana).to_vec(),
        vault.public().0.to_bytes().to_vec(),
        vault.token_key().mint(Purpose::Confirm, reader, 3).as_str().into(),
        vault.post_key().verp(DepartureId(4), reader).into(),
        vault.seal_setting("relay.password", "x", &mut |bytes| bytes.fill(1)).1,
        ring.dkim("coranto-2026a").unwrap().expose().clone(),
        format!("{ring:?}").into(),
    ]
}

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("vault-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("coranto.keys")
    }

    fn count(&self) -> usize {
        fs::read_dir(&self.0).unwrap().count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_ring_comes_back_from_its_file_and_only_its_owner_can_read_it() {
    let folder = Folder::new("back");
    ring().create(&folder.file()).unwrap();
    assert_eq!(keys_of(&load(&folder)), keys_of(&ring()));
    assert_eq!((mode(&folder.file()), folder.count()), (0o600, 1));
}

#[test]
fn a_first_key_file_never_replaces_another() {
    let folder = Folder::new("first");
    ring().create(&folder.file()).unwrap();
    let other = KeyRing::generate(&mut |bytes| bytes.fill(77));
    assert!(matches!(other.create(&folder.file()), Err(KeyFileFault::AlreadyThere(_))));
    assert_eq!(keys_of(&load(&folder)), keys_of(&ring()));
    assert_eq!(folder.count(), 1);
}

#[test]
fn a_rotated_ring_replaces_the_file_and_a_strange_one_does_not() {
    let folder = Folder::new("replace");
    ring().create(&folder.file()).unwrap();
    let mut rotated = ring();
    assert_eq!(rotated.rotate_address(&mut |bytes| bytes.fill(50)), 3);
    assert_eq!(rotated.rotate_token(&mut |bytes| bytes.fill(51)), 2);
    rotated.replace(&folder.file()).unwrap();
    assert_eq!(keys_of(&load(&folder)), keys_of(&rotated));
    assert_eq!((mode(&folder.file()), folder.count()), (0o600, 1));
    let fault = ring().replace(&folder.file()).unwrap_err();
    assert!(matches!(&fault, KeyFileFault::WouldLose { kind: "address", name, .. } if name == "3"), "{fault}");
    assert_eq!(keys_of(&load(&folder)), keys_of(&rotated));
}

#[test]
fn a_file_that_others_may_open_is_refused_with_what_to_do() {
    let folder = Folder::new("others");
    ring().create(&folder.file()).unwrap();
    for open in [0o640, 0o604, 0o660, 0o601, 0o620] {
        fs::set_permissions(folder.file(), fs::Permissions::from_mode(open)).unwrap();
        let fault = KeyRing::load(&folder.file()).unwrap_err();
        assert!(matches!(fault, KeyFileFault::OpenToOthers { mode, .. } if mode == open));
        assert!(fault.to_string().contains("chmod 600"), "{fault}");
    }
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o400)).unwrap();
    KeyRing::load(&folder.file()).unwrap();
}

#[test]
fn a_missing_file_is_told_from_a_damaged_one() {
    let folder = Folder::new("missing");
    assert!(matches!(KeyRing::load(&folder.file()), Err(KeyFileFault::Missing(_))));
    assert!(matches!(ring().replace(&folder.file()), Err(KeyFileFault::Missing(_))));
    assert!(matches!(KeyRing::load(&folder.0), Err(KeyFileFault::Disk { .. } | KeyFileFault::OpenToOthers { .. })));
}
