//! What the vault promises, through its front door.

use newsroom::{Address, DepartureId, ReaderId};
use proptest::prelude::*;
use seal::{Purpose, Secret};
use vault::{KeyRing, Vault, VaultFault};

/// Dice that count: every byte rolled differs from the one before, and a run repeats.
fn dice(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |bytes| {
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    }
}

fn vault(seed: u64) -> Vault {
    Vault::new(KeyRing::generate(&mut dice(seed)))
}

fn address(typed: &str) -> Address {
    Address::parse(typed).unwrap()
}

const ANA: &str = "ana.sol+news@example.org";
const READER: ReaderId = ReaderId(0x0123_4567_89ab_cdef);

#[test]
fn a_sealed_address_opens_for_its_own_reader_alone() {
    let (vault, ana) = (vault(1), address(ANA));
    let (kid, sealed) = vault.seal_address(&ana, READER, &mut dice(2));
    assert_eq!(vault.open_address(kid, &sealed, READER), Ok(ana));
    assert_eq!(vault.open_address(kid, &sealed, ReaderId(READER.0 + 1)), Err(VaultFault::Refused));
}

#[test]
fn a_sealed_address_changed_in_any_bit_or_length_is_refused() {
    let vault = vault(1);
    let (kid, sealed) = vault.seal_address(&address(ANA), READER, &mut dice(2));
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut forged = sealed.clone();
            forged[at] ^= 1 << bit;
            assert_eq!(vault.open_address(kid, &forged, READER), Err(VaultFault::Refused), "byte {at} bit {bit}");
        }
        assert_eq!(vault.open_address(kid, &sealed[..at], READER), Err(VaultFault::Refused), "{at} bytes");
    }
    let longer = [sealed, vec![0]].concat();
    assert_eq!(vault.open_address(kid, &longer, READER), Err(VaultFault::Refused));
}

#[test]
fn another_ring_opens_nothing() {
    let (kid, sealed) = vault(1).seal_address(&address(ANA), READER, &mut dice(2));
    assert_eq!(vault(9).open_address(kid, &sealed, READER), Err(VaultFault::Refused));
    assert_eq!(vault(1).open_address(kid + 1, &sealed, READER), Err(VaultFault::UnknownKey(kid + 1)));
}

#[test]
fn the_length_at_rest_does_not_tell_the_address() {
    let vault = vault(1);
    let bytes = |typed: &str| vault.seal_address(&address(typed), READER, &mut dice(2)).1.len();
    assert_eq!(bytes("a@b.cd"), 72);
    assert_eq!(bytes("a.rather.longer.one@example.org"), 72);
    assert_eq!(bytes(&format!("{}@example.org", "a".repeat(21))), 104);
}

#[test]
fn after_a_rotation_old_rows_open_and_new_rows_bear_the_new_key() {
    let mut ring = KeyRing::generate(&mut dice(1));
    let before = Vault::new(ring.clone());
    let (old_kid, old) = before.seal_address(&address(ANA), READER, &mut dice(2));
    let old_token = before.token_key().mint(Purpose::Unsubscribe, READER, 5);
    let old_signup = before.public().0.seal(b"sign-up", b"row", &mut dice(3));
    let index = before.index(&address(ANA));
    ring.rotate_address(&mut dice(4));
    ring.rotate_inbox(&mut dice(5));
    ring.rotate_token(&mut dice(6));
    let after = Vault::new(ring);
    assert_eq!(after.open_address(old_kid, &old, READER), Ok(address(ANA)));
    assert_eq!(after.seal_address(&address(ANA), READER, &mut dice(2)).0, old_kid + 1);
    assert_eq!(after.address_kid(), old_kid + 1);
    assert_eq!(after.token_key().check(old_token.as_str(), Purpose::Unsubscribe), Some((READER, 5)));
    assert_eq!(after.open_signup(&old_signup, b"row").unwrap().expose(), b"sign-up");
    assert_eq!(after.public().0.kid(), 2);
    assert_eq!(after.index(&address(ANA)), index);
    let new_signup = after.public().0.seal(b"sign-up", b"row", &mut dice(3));
    assert_eq!(before.open_signup(&new_signup, b"row").err(), Some(VaultFault::UnknownKey(2)));
}

#[test]
fn a_sign_up_opens_in_the_vault_bound_to_its_row() {
    let vault = vault(1);
    let sealed = vault.public().0.seal(ANA.as_bytes(), b"row 7", &mut dice(2));
    assert_eq!(vault.open_signup(&sealed, b"row 7").unwrap().expose(), ANA.as_bytes());
    assert_eq!(vault.open_signup(&sealed, b"row 8").err(), Some(VaultFault::Refused));
    for at in 0..sealed.len() {
        let mut forged = sealed.clone();
        forged[at] ^= 1;
        assert!(vault.open_signup(&forged, b"row 7").is_err(), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert!(vault.open_signup(&sealed[..length], b"row 7").is_err(), "{length} bytes");
    }
}

#[test]
fn equal_addresses_have_one_index_and_others_another() {
    let (one, two) = (vault(1), vault(2));
    assert_eq!(one.index(&address(ANA)), one.index(&address(" ANA.Sol+news@Example.ORG ")));
    assert_ne!(one.index(&address(ANA)), one.index(&address("ana.sol@example.org")));
    assert_ne!(one.index(&address(ANA)), two.index(&address(ANA)));
}

#[test]
fn a_secret_setting_opens_under_its_own_name() {
    let vault = vault(1);
    let (kid, sealed) = vault.seal_setting("relay.password", "hunter 2", &mut dice(2));
    assert_eq!(vault.open_setting("relay.password", kid, &sealed).unwrap().expose(), "hunter 2");
    assert_eq!(vault.open_setting("relay.login", kid, &sealed).err(), Some(VaultFault::Refused));
    assert!(!sealed.windows(6).any(|window| window == b"hunter"));
}

#[test]
fn debug_prints_nothing_secret() {
    let vault = vault(1);
    assert_eq!(format!("{vault:?}"), "Vault { address: [1], .. }");
    let (seal_key, token_key) = vault.public();
    let shown = format!("{seal_key:?} {token_key:?} {:?}", vault.post_key());
    assert!(shown.contains("TokenKey { current: MacKey(…), retired: [] } PostKey(MacKey(…))"), "{shown}");
    let fault = vault.open_address(1, b"", READER).unwrap_err();
    assert!(!format!("{fault:?} {fault}").contains("example"));
}

#[test]
fn the_front_is_given_what_it_needs_and_it_works_with_the_vault() {
    let vault = vault(1);
    let (_, token_key) = vault.public();
    let token = vault.token_key().mint(Purpose::Confirm, READER, 3);
    assert_eq!(token_key.check(token.as_str(), Purpose::Confirm), Some((READER, 3)));
    let verp = vault.post_key().verp(DepartureId(4), READER);
    assert_eq!(vault.post_key().check_verp(&verp), Some((DepartureId(4), READER)));
}

#[test]
fn a_dkim_key_is_found_by_its_selector_and_never_replaced() {
    let mut ring = KeyRing::generate(&mut dice(1));
    ring.add_dkim("coranto-2026a", Secret::new(vec![1, 2, 3])).unwrap();
    assert!(ring.add_dkim("coranto-2026a", Secret::new(vec![4])).is_err());
    for bad in ["", "-a", "a-", "A", "a b", "a..b", "ä", &"a".repeat(64)] {
        assert!(ring.add_dkim(bad, Secret::new(vec![4])).is_err(), "{bad}");
    }
    assert_eq!(ring.selectors().collect::<Vec<_>>(), ["coranto-2026a"]);
    assert_eq!(ring.dkim("coranto-2026a").unwrap().expose(), &[1, 2, 3]);
    assert!(ring.dkim("other").is_none());
}

proptest! {
    #[test]
    fn every_address_comes_back(local in "[a-z0-9][a-z0-9+_-]{0,40}", domain in "[a-z0-9]{1,30}\\.[a-z]{2,10}", reader in 0..i64::MAX, seed: u64) {
        let (vault, address, reader) = (vault(1), address(&format!("{local}@{domain}")), ReaderId(reader));
        let (kid, sealed) = vault.seal_address(&address, reader, &mut dice(seed));
        prop_assert_eq!(vault.open_address(kid, &sealed, reader), Ok(address));
    }

    #[test]
    fn every_sign_up_comes_back(plain in proptest::collection::vec(any::<u8>(), 0..3000), aad in proptest::collection::vec(any::<u8>(), 0..40), seed: u64) {
        let vault = vault(1);
        let sealed = vault.public().0.seal(&plain, &aad, &mut dice(seed));
        let opened = vault.open_signup(&sealed, &aad).unwrap();
        prop_assert_eq!(opened.expose(), &plain);
    }

    #[test]
    fn strange_bytes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let vault = vault(1);
        prop_assert!(vault.open_address(1, &bytes, READER).is_err());
        prop_assert!(vault.open_signup(&bytes, b"").is_err());
    }
}
