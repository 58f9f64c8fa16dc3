//! Bech32 (BIP 173) as age writes its keys: 32 bytes, a name before them, a sum after them, of any length.

const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
/// 32 bytes in groups of five bits.
const GROUPS: usize = 52;
const SUM_GROUPS: usize = 6;

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let next = ((sum & 0x1ff_ffff) << 5) ^ u32::from(value);
        (0..5).filter(|bit| top >> bit & 1 == 1).fold(next, |next, bit| next ^ GENERATOR[bit])
    })
}

/// The name's letters, spread out as the sum takes them.
fn spread(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().map(|c| c >> 5).chain([0]).chain(name.bytes().map(|c| c & 31))
}

/// `bytes` under `name`, in small letters.
pub(super) fn encode(name: &str, bytes: &[u8; 32]) -> String {
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let group = |at: usize| (0..5).fold(0, |group, offset| group << 1 | u8::from(bit(5 * at + offset)));
    let groups: Vec<u8> = (0..GROUPS).map(group).collect();
    let sum = polymod(spread(name).chain(groups.iter().copied()).chain([0; SUM_GROUPS])) ^ 1;
    let sums = (0..SUM_GROUPS).map(|at| (sum >> (5 * (SUM_GROUPS - 1 - at)) & 31) as u8);
    let letters = groups.into_iter().chain(sums).map(|group| LETTERS[usize::from(group)] as char);
    format!("{name}1{}", letters.collect::<String>())
}

/// The 32 bytes of `text` under `name`.
pub(super) fn decode(name: &str, text: &str) -> Result<[u8; 32], &'static str> {
    let mixed = text.bytes().any(|c| c.is_ascii_uppercase()) && text.bytes().any(|c| c.is_ascii_lowercase());
    if mixed {
        return Err("it mixes small and capital letters");
    }
    let text = text.to_ascii_lowercase();
    let letters = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('1')).ok_or(match name {
        "age" => "a recipient begins with age1",
        _ => "a secret key begins with AGE-SECRET-KEY-1",
    })?;
    let group = |c: u8| LETTERS.iter().position(|letter| *letter == c).map(|at| at as u8);
    let groups: Vec<u8> =
        letters.bytes().map(group).collect::<Option<_>>().ok_or("it holds a letter that keys do not")?;
    if groups.len() != GROUPS + SUM_GROUPS {
        return Err("it is too short or too long");
    }
    if polymod(spread(name).chain(groups.iter().copied())) != 1 {
        return Err("it is mistyped: its sum is wrong");
    }
    let bit = |at: usize| groups[at / 5] >> (4 - at % 5) & 1;
    if (256..5 * GROUPS).any(|at| bit(at) == 1) {
        return Err("it is longer than a key");
    }
    Ok(std::array::from_fn(|byte| (0..8).fold(0, |whole, offset| whole << 1 | bit(8 * byte + offset))))
}
