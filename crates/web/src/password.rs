//! Members' passwords: which are taken, and how they are kept.
//!
//! Kept as argon2id in the PHC's string form, at OWASP's costs (19 MiB, two passes, one lane), with the costs written beside
//! it so that they can rise. Length is the one rule of composition (ASVS V6.2); what everyone would guess is refused.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use world::World;
use zeroize::Zeroizing;

/// NIST SP 800-63B and ASVS V6.2.1 ask for 8 and advise 15; twelve is what people can be asked for beside a budget.
pub(crate) const CHARS_MIN: usize = 12;
/// Longer than a passphrase of twelve long words; more would only be work for us.
pub(crate) const CHARS_MAX: usize = 256;

/// OWASP's Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
/// Costs read back from the store are ours, but a damaged row must not ask for all memory.
const MEMORY_KIB_MAX: u32 = 256 * 1_024;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weak {
    /// Fewer than [`CHARS_MIN`] characters.
    Short,
    /// More than [`CHARS_MAX`].
    Long,
    /// Among what everyone would guess first.
    Common,
    /// Little more than the member's name, their address or the outlet's name.
    Personal,
}

impl Weak {
    /// In words, for the form.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Short => {
                format!("A password has at least {CHARS_MIN} characters; four or five words make a good one.")
            }
            Self::Long => format!("A password has at most {CHARS_MAX} characters."),
            Self::Common => {
                "This password is among those that are tried first everywhere. Choose another; four or five \
                             words that do not belong together make a good one."
                    .to_owned()
            }
            Self::Personal => {
                "This password is little more than a name that anyone can look up. Choose words that do not belong \
                 together."
                    .to_owned()
            }
        }
    }
}

/// What everyone guesses first, letters only: nearly all of the common passwords of twelve characters and more are one of
/// these said again, with digits and signs around it, or with digits in place of letters.
const COMMON: &str = "password passwort passwd passw motdepasse contrasena clave parola senha wachtwoord haslo lozinka heslo \
    qwerty qwertyuiop qwertz qwertzuiop azerty azertyuiop asdf asdfgh asdfghjkl asdfjkl zxcvbn zxcvbnm yxcvbnm qazwsx \
    qazwsxedc qweasd qweasdzxc wsxedc poiuytrewq lkjhgfdsa mnbvcxz iuytrewq \
    letmein welcome welcometo willkommen bienvenido bienvenue benvenuto admin administrator administrador root guest test \
    testing tester default changeme changeit secret topsecret geheim system server access login user username master \
    iloveyou ilove loveyou loveme iloveu iloveme teamo tequiero jetaime ichliebedich mylove babygirl babyboy princess \
    princesa sunshine monkey dragon shadow superman batman spiderman starwars pokemon naruto football baseball basketball \
    liverpool manchester barcelona realmadrid chelsea arsenal juventus michael jennifer jessica michelle jordan charlie \
    daniel nicole ashley andrew matthew joshua anthony william samantha elizabeth alexander christian jonathan nicholas \
    computer internet samsung google facebook instagram youtube linkedin microsoft windows android iphone macintosh apple \
    trustno trustnoone whatever nothing something freedom forever friends family butterfly chocolate blink blinkeight \
    summer winter spring autumn january february march april june july august september october november december \
    monday tuesday wednesday thursday friday saturday sunday hello helloworld goodbye abc abcd abcdef abcdefg abcdefgh \
    abcdefghi abcdefghijkl abcdefghijklmnop abcdefghijklmnopqrstuvwxyz correcthorsebatterystaple thequickbrownfox \
    newsroom newspaper editor journalist coranto mustang harley corvette ferrari porsche mercedes yamaha phoenix slipknot \
    metallica nirvana pussy fuckyou fuckme fuckoff asshole bullshit motherfucker jesus jesuschrist godisgood jesusislord \
    password one two three four five six seven eight nine zero my the is i am and love you me";

/// Judges a password before it is kept. `names` are what anyone knows of the member: name, address, outlet.
pub(crate) fn judge(typed: &str, names: &[&str]) -> Result<(), Weak> {
    let chars = typed.chars().count();
    if chars < CHARS_MIN {
        return Err(Weak::Short);
    }
    if chars > CHARS_MAX {
        return Err(Weak::Long);
    }
    // A sign between two words parts them, or stands for a letter: `ana.sol@courier`, `p@ssword`.
    let plain = [letters(typed), letters(&typed.replace(['@', '$', '!', '|'], " "))];
    let common: Vec<&str> = COMMON.split_whitespace().collect();
    let guessed = |words: &[&str]| plain.iter().any(|plain| made_of(plain, words));
    let alike = typed.to_lowercase();
    if few_characters(&alike) || is_walk(&alike) || guessed(&common) {
        return Err(Weak::Common);
    }
    let names: Vec<String> = names.iter().flat_map(|name| name.split([' ', '@', '.', '-', '_'])).map(letters).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.len() >= 3).collect();
    let both: Vec<&str> = known.iter().copied().chain(common).collect();
    if !known.is_empty() && guessed(&both) { Err(Weak::Personal) } else { Ok(()) }
}

/// The letters of a text, digits and signs that stand for letters read as these, all else left out.
fn letters(text: &str) -> String {
    let unmasked = text.to_lowercase();
    // At the ends digits are digits: `password2024`.
    let core = unmasked.trim_matches(|c: char| !c.is_alphabetic() && c != '@' && c != '$');
    core.chars()
        .filter_map(|c| match c {
            '0' => Some('o'),
            '1' | '!' | '|' => Some('i'),
            '3' => Some('e'),
            '4' | '@' => Some('a'),
            '5' | '$' => Some('s'),
            '7' => Some('t'),
            c if c.is_alphabetic() => Some(c),
            _ => None,
        })
        .collect()
}

/// Whether a text is put together from `words` alone, an odd letter or two aside: nothing is left to guess but their order.
/// More than three different words are a passphrase, and taken, unless they are short.
fn made_of(text: &str, words: &[&str]) -> bool {
    let text: Vec<char> = text.chars().collect();
    if text.len() < 3 {
        // Digits and signs, with hardly a letter among them.
        return true;
    }
    // The fewest words that make up the text up to each place; a letter by itself counts as one.
    let mut fewest = vec![usize::MAX; text.len() + 1];
    fewest[0] = 0;
    for from in 0..text.len() {
        if fewest[from] == usize::MAX {
            continue;
        }
        let mut reach = |to: usize, cost: usize| fewest_min(&mut fewest, from, to, cost);
        reach(from + 1, 1);
        for word in words {
            let length = word.chars().count();
            if length > 1 && text[from..].iter().take(length).copied().eq(word.chars()) {
                reach(from + length, 1);
            }
        }
    }
    fewest[text.len()] <= 3
}

fn fewest_min(fewest: &mut [usize], from: usize, to: usize, cost: usize) {
    fewest[to] = fewest[to].min(fewest[from] + cost);
}

/// `aaaaaaaaaaaa`, `121212121212`: fewer than five different characters.
fn few_characters(text: &str) -> bool {
    let mut seen: Vec<char> = text.chars().collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len() < 5
}

/// `123456789012`, `qwertyuiop12`, `1qaz2wsx3edc`: each character is beside the one before it, on the keyboard or in the
/// row of letters and digits, but for a few.
fn is_walk(text: &str) -> bool {
    const ROWS: [&str; 9] = [
        "01234567890",
        "abcdefghijklmnopqrstuvwxyz",
        "qwertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
        "1q2w3e4r5t6y7u8i9o0p",
        "q1w2e3r4t5y6u7i8o9p0",
        "qazwsxedcrfvtgbyhnujmikolp",
    ];
    let chars: Vec<char> = text.chars().collect();
    let beside = |a: char, b: char| {
        a == b
            || ROWS.iter().any(|row| {
                row.chars()
                    .zip(row.chars().skip(1))
                    .any(|(one, other)| (one, other) == (a, b) || (other, one) == (a, b))
            })
    };
    let jumps = chars.windows(2).filter(|pair| !beside(pair[0], pair[1])).count();
    jumps <= chars.len() / 5
}

/// A password as it is kept. Heavy: some 20 ms and 19 MiB, on a thread of its own.
pub(crate) async fn hash(world: &World, typed: Zeroizing<String>) -> String {
    let mut salt = [0; SALT_BYTES];
    world.fill(&mut salt);
    world.compute(move || kept(&typed, &salt)).await
}

fn kept(typed: &str, salt: &[u8]) -> String {
    let hash = hashed(typed, salt, (MEMORY_KIB, PASSES, LANES)).expect("our own costs are valid ones");
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}")
}

fn hashed(typed: &str, salt: &[u8], (memory, passes, lanes): (u32, u32, u32)) -> Option<[u8; HASH_BYTES]> {
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES)).ok()?;
    let mut hash = [0; HASH_BYTES];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(typed.as_bytes(), salt, &mut hash).ok()?;
    Some(hash)
}

/// What comparing found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// Another password, or none that can be read.
    No,
    /// The same.
    Yes,
    /// The same, kept under costs that are no longer ours: it should be kept anew.
    Old,
}

/// Compares what was typed with what is kept. For somebody unknown `kept` is `None`, and it takes as long.
pub(crate) async fn compare(world: &World, typed: Zeroizing<String>, kept: Option<String>) -> Match {
    world.compute(move || matches(&typed, kept.as_deref())).await
}

fn matches(typed: &str, kept: Option<&str>) -> Match {
    let read = kept.and_then(read);
    let known = read.is_some();
    let (costs, salt, hash) = read.unwrap_or(((MEMORY_KIB, PASSES, LANES), vec![0; SALT_BYTES], vec![0; HASH_BYTES]));
    let Some(found) = hashed(typed, &salt, costs) else { return Match::No };
    let differ = found.iter().zip(&hash).fold(found.len() ^ hash.len(), |sum, (a, b)| sum | usize::from(a ^ b));
    match (known && differ == 0, costs == (MEMORY_KIB, PASSES, LANES)) {
        (false, _) => Match::No,
        (true, true) => Match::Yes,
        (true, false) => Match::Old,
    }
}

type Kept = ((u32, u32, u32), Vec<u8>, Vec<u8>);

/// The PHC's string form: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
fn read(text: &str) -> Option<Kept> {
    let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
    let mut costs = parts.next()?.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let costs = (cost("m=")?, cost("t=")?, cost("p=")?);
    let bytes = |part: Option<&str>| STANDARD_NO_PAD.decode(part?).ok();
    let (salt, hash) = (bytes(parts.next())?, bytes(parts.next())?);
    (costs.0 <= MEMORY_KIB_MAX && parts.next().is_none()).then_some((costs, salt, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everyone_would_guess_is_refused() {
        for typed in [
            "password1234",
            "Password2024!",
            "P@ssw0rd1234",
            "passwordpassword",
            "123456789012",
            "111111111111",
            "1q2w3e4r5t6y",
            "1qaz2wsx3edc",
            "qwertyuiop123",
            "iloveyou1234",
            "letmeinletmein",
            "Welcome12345!",
            "abcdefghijkl",
            "123123123123",
            "q1w2e3r4t5y6u7",
            "adminadmin12",
            "2024-11-24-24",
        ] {
            assert_eq!(judge(typed, &[]), Err(Weak::Common), "{typed}");
        }
    }

    #[test]
    fn names_that_anyone_can_look_up_are_refused() {
        let names = ["Ana Sol", "ana.sol@courier.example", "The Aldry Courier"];
        for typed in ["aldrycourier2024", "AnaSol123456!", "courier-courier-1", "ana.sol@courier"] {
            assert_eq!(judge(typed, &names), Err(Weak::Personal), "{typed}");
        }
    }

    #[test]
    fn what_people_choose_well_is_taken() {
        let names = ["Ana Sol", "ana.sol@courier.example", "The Aldry Courier"];
        for typed in [
            "harbour crane whistles tuesday",
            "tjiWq83-pLmvE",
            "Пароль из пяти слов",
            "四条腿的桌子没有椅子站着睡觉",
            "my dog eats courier bicycles",
            "violet-anchor-93",
        ] {
            assert_eq!(judge(typed, &names), Ok(()), "{typed}");
        }
        assert_eq!(judge("short one", &names), Err(Weak::Short));
        assert_eq!(judge(&"long ".repeat(60), &names), Err(Weak::Long));
    }

    #[test]
    fn a_password_matches_itself_alone_and_the_unknown_match_nothing() {
        let kept = kept("violet-anchor-93", &[7; SALT_BYTES]);
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_eq!(matches("violet-anchor-93", Some(&kept)), Match::Yes);
        assert_eq!(matches("violet-anchor-94", Some(&kept)), Match::No);
        for odd in [None, Some(""), Some("$argon2id$v=19$m=99999999,t=2,p=1$AA$AA"), Some("violet-anchor-93")] {
            assert_eq!(matches("violet-anchor-93", odd), Match::No);
        }
        let cheap = hashed("violet-anchor-93", &[7; SALT_BYTES], (8 * 1_024, 1, 1)).unwrap();
        let cheap = format!(
            "$argon2id$v=19$m=8192,t=1,p=1${}${}",
            STANDARD_NO_PAD.encode([7; SALT_BYTES]),
            STANDARD_NO_PAD.encode(cheap)
        );
        assert_eq!(matches("violet-anchor-93", Some(&cheap)), Match::Old);
    }
}
