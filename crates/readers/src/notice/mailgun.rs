//! Mailgun's webhooks: `{"signature": {"timestamp", "token", "signature"}, "event-data": {…}}`.
//!
//! The signature is an HMAC-SHA256 over timestamp and token alone (documentation.mailgun.com, "Securing Webhooks"): it says who
//! sent the notice and not what stands in it. So each token is taken once, within a window, and what the event says is believed
//! only of the copy whose mark it carries, about that copy's own reader.

use aws_lc_rs::hmac;
use newsroom::{Ms, NoticeFrom, SECOND_MS};
use seal::Secret;
use serde_json::Value;

use super::{PREFIXES, Refusal, Verified, is_of_late, json};

/// Mailgun's tokens have 50 characters.
const TOKEN_CHARS_MAX: usize = 100;
/// Seconds since 1970 have 10 digits until 2286.
const TIMESTAMP_DIGITS_MAX: usize = 10;

/// Checks who sent `body`, and reads it.
pub(super) fn verify(body: &[u8], key: Option<&Secret<String>>, received: Ms) -> Result<Verified, Refusal> {
    let notice = json::read(body).ok_or(Refusal::Unread)?;
    let part = |name: &str| notice.pointer(&format!("/signature/{name}")).and_then(Value::as_str);
    let (Some(timestamp), Some(token), Some(signature)) = (part("timestamp"), part("token"), part("signature")) else {
        return Err(Refusal::Unread);
    };
    let is_number =
        (1..=TIMESTAMP_DIGITS_MAX).contains(&timestamp.len()) && timestamp.bytes().all(|b| b.is_ascii_digit());
    let is_token = (1..=TOKEN_CHARS_MAX).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_number || !is_token {
        return Err(Refusal::Unread);
    }
    // Where the timestamp ends and the token begins is not signed: with a timestamp of 10 digits only one place is left.
    if timestamp.len() != TIMESTAMP_DIGITS_MAX {
        return Err(Refusal::Late);
    }
    let key = key.filter(|key| !key.expose().is_empty()).ok_or(Refusal::Forged)?;
    let tag = from_hex(signature).ok_or(Refusal::Forged)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
    // In constant time.
    hmac::verify(&key, format!("{timestamp}{token}").as_bytes(), &tag).map_err(|_| Refusal::Forged)?;
    let made = timestamp.parse::<Ms>().map_err(|_| Refusal::Unread)? * SECOND_MS;
    if !is_of_late(made, received) {
        return Err(Refusal::Late);
    }
    let event = notice.get("event-data").ok_or(Refusal::Unread)?;
    let said = mail::bounce::notice::mailgun(event, &PREFIXES);
    Ok(Verified { from: NoticeFrom::Mailgun, token: token.to_owned(), said, confirms: None })
}

/// 64 hexadecimal digits, as Mailgun writes them: in lower case.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .bytes()
        .map(|b| b"0123456789abcdef".iter().position(|d| *d == b))
        .map(|d| d.map(|d| d as u8))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect();
    (text.len() == 64).then(|| bytes.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_that_another_implementation_makes() {
        // Python: hmac.new(b"key-of-the-outlet", b"1767225600" + b"t" * 50, "sha256").hexdigest()
        let body = format!(
            r#"{{"signature": {{"timestamp": "1767225600", "token": "{}", "signature": "SIGNATURE"}}, "event-data": {{}}}}"#,
            "t".repeat(50)
        );
        let key = Secret::new("key-of-the-outlet".to_owned());
        let good = body.replace("SIGNATURE", "fe778ab6cf690327f4ce12da3d427bb78f42070e281b0d3ba4070cf36a830e54");
        let received = 1_767_225_600_000;
        assert!(verify(good.as_bytes(), Some(&key), received).is_ok());
        for (key, signature) in [
            (Some(&key), ""),
            (Some(&key), &*"0".repeat(64)),
            (Some(&Secret::new(String::new())), "fe778ab6cf690327f4ce12da3d427bb78f42070e281b0d3ba4070cf36a830e54"),
            (None, "fe778ab6cf690327f4ce12da3d427bb78f42070e281b0d3ba4070cf36a830e54"),
        ] {
            let body = body.replace("SIGNATURE", signature);
            assert_eq!(verify(body.as_bytes(), key, received).err(), Some(Refusal::Forged), "{signature}");
        }
    }
}
