//! Amazon SNS's notices over HTTP, that carry what SES says: signed with RSA over some of their fields.
//!
//! docs.aws.amazon.com, "Verifying the signatures of Amazon SNS messages". Anybody with an account there can have a message signed,
//! so what tells ours is the topic, which is under the signature. The version in the notice chooses between two algorithms and
//! no others. The certificate is taken only from the host of SNS in the topic's own region.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use newsroom::{Ms, NoticeFrom};
use serde_json::Value;
use url::{Position, Url};
use world::tls::SignersKey;

use super::{PREFIXES, Refusal, Verified, is_of_late, json};

/// Names of topics are at most 256 characters; with region and account an ARN stays below this.
const TOPIC_CHARS_MAX: usize = 400;
/// A token for confirming has some 300 characters.
const TOKEN_CHARS_MAX: usize = 2_048;

/// The name (ARN) of a topic: `arn:aws:sns:eu-west-1:123456789012:name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    arn: String,
    host: String,
}

/// A text that names no topic of SNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no topic of Amazon SNS, such as arn:aws:sns:eu-west-1:123456789012:bounces")]
pub struct NoTopic;

impl Topic {
    /// Reads a topic's name.
    ///
    /// # Errors
    /// [`NoTopic`].
    pub fn parse(arn: &str) -> Result<Self, NoTopic> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", partition, "sns", region, account, name] = parts[..] else { return Err(NoTopic) };
        let is_word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let is_name =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let china = if partition == "aws-cn" { ".cn" } else { "" };
        let is_partition = ["aws", "aws-cn", "aws-us-gov"].contains(&partition);
        if arn.len() > TOPIC_CHARS_MAX || !is_partition || !is_word(region) || !is_account || !is_name(name) {
            return Err(NoTopic);
        }
        Ok(Self { arn: arn.to_owned(), host: format!("sns.{region}.amazonaws.com{china}") })
    }

    /// The host of SNS in its region.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its name.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// A notice of the right topic and of late, its signature not yet checked.
pub(super) struct Signed {
    /// Where its certificate is.
    pub(super) certificate: Url,
    what: String,
    signature: Vec<u8>,
    algorithm: &'static RsaParameters,
    id: String,
    message: String,
    confirms: Option<String>,
}

/// Reads a notice as far as it can be without a certificate.
pub(super) fn look(body: &[u8], topic: Option<&Topic>, received: Ms) -> Result<Signed, Refusal> {
    let notice = json::read(body).ok_or(Refusal::Unread)?;
    let field = |name: &str| notice.get(name).and_then(Value::as_str);
    let needed = |name: &str| field(name).ok_or(Refusal::Unread);
    let kind = needed("Type")?;
    let what = signed_words(kind, &field).ok_or(Refusal::Unread)?;
    let topic = topic.ok_or(Refusal::AnotherTopic)?;
    if needed("TopicArn")? != topic.arn {
        return Err(Refusal::AnotherTopic);
    }
    let made = needed("Timestamp")?.parse::<Timestamp>().map_err(|_| Refusal::Unread)?;
    if !is_of_late(made.as_millisecond(), received) {
        return Err(Refusal::Late);
    }
    // The one place where an algorithm is chosen: by a version that SNS knows, never by a name.
    let algorithm = match needed("SignatureVersion")? {
        "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "2" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(Refusal::Forged),
    };
    let signature = STANDARD.decode(needed("Signature")?).map_err(|_| Refusal::Forged)?;
    let host = topic.host();
    let certificate = certificate_url(needed("SigningCertURL")?, host).ok_or(Refusal::Forged)?;
    let (id, message) = (needed("MessageId")?.to_owned(), needed("Message")?.to_owned());
    let confirms = match kind {
        "SubscriptionConfirmation" => {
            // It is under the signature; what is fetched in the end is an address of our own making.
            at_sns(needed("SubscribeURL")?, host).ok_or(Refusal::Forged)?;
            let token = needed("Token")?;
            let is_token = token.len() <= TOKEN_CHARS_MAX && token.bytes().all(|b| b.is_ascii_alphanumeric());
            Some(is_token.then(|| token.to_owned()).ok_or(Refusal::Unread)?)
        }
        _ => None,
    };
    Ok(Signed { certificate, what, signature, algorithm, id, message, confirms })
}

/// What is signed of a notice: names and values, a line each, in the order of the names. `None` for what SNS does not send.
fn signed_words<'n>(kind: &str, field: &impl Fn(&str) -> Option<&'n str>) -> Option<String> {
    let names: &[&str] = match kind {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return None,
    };
    // A subject is signed only where there is one.
    let pair = |name: &&str| field(name).map(|value| format!("{name}\n{value}\n"));
    Some(names.iter().filter_map(pair).collect())
}

/// Where a certificate may be taken from: the host of SNS, by its usual name.
fn certificate_url(text: &str, host: &str) -> Option<Url> {
    let url = at_sns(text, host)?;
    let name = url.path().strip_prefix("/SimpleNotificationService-")?.strip_suffix(".pem")?;
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_name && url.query().is_none()).then_some(url)
}

/// An address at the host of SNS in the topic's region, over TLS, and nothing beside: no name or password, no port.
fn at_sns(text: &str, host: &str) -> Option<Url> {
    // What the parser would forgive or rewrite (letters beyond ASCII, spaces, backslashes) is not written by Amazon.
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let url = Url::parse(text).ok().filter(|url| is_plain && url.scheme() == "https" && url.as_str() == text)?;
    let is_host = is_of_sns(host) && url.host_str() == Some(host) && text.starts_with(&format!("https://{host}/"));
    let is_bare = &url[Position::BeforeUsername..Position::BeforePath] == host && url.fragment().is_none();
    (is_host && is_bare).then_some(url)
}

/// `^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`
fn is_of_sns(host: &str) -> bool {
    let inner = host.strip_suffix(".cn").unwrap_or(host);
    let region = inner.strip_prefix("sns.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    region.is_some_and(|region| !region.is_empty() && region.bytes().all(is_letter))
}

impl Signed {
    /// Checks the signature with the key of its certificate, and reads what it says.
    pub(super) fn verify(self, key: &SignersKey) -> Result<Verified, Refusal> {
        let public = UnparsedPublicKey::new(self.algorithm, key.spki());
        public.verify(self.what.as_bytes(), &self.signature).map_err(|_| Refusal::Forged)?;
        let said = match self.confirms {
            None => {
                json::read(self.message.as_bytes()).and_then(|notice| mail::bounce::notice::ses(&notice, &PREFIXES))
            }
            Some(_) => None,
        };
        Ok(Verified { from: NoticeFrom::Ses, token: self.id, said, confirms: self.confirms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_tells_the_host_of_its_region() {
        let host = |arn: &str| Topic::parse(arn).map(|topic| topic.host);
        assert_eq!(host("arn:aws:sns:eu-west-1:123456789012:bounces"), Ok("sns.eu-west-1.amazonaws.com".into()));
        assert_eq!(
            host("arn:aws-cn:sns:cn-north-1:123456789012:b_1.fifo"),
            Ok("sns.cn-north-1.amazonaws.com.cn".into())
        );
        for wrong in [
            "",
            "arn:aws:sqs:eu-west-1:123456789012:bounces",
            "arn:aws:sns:eu-west-1:123456789012",
            "arn:aws:sns:eu-west-1.evil.example/:123456789012:bounces",
            "arn:aws:sns::123456789012:bounces",
            "arn:aws:sns:eu-west-1:12345678901:bounces",
            "arn:aws:sns:eu-west-1:123456789012:boun ces",
            "arn:aws:sns:eu-west-1:123456789012:bounces:7c4d",
        ] {
            assert_eq!(host(wrong), Err(NoTopic), "{wrong}");
        }
    }

    #[test]
    fn a_certificate_is_taken_from_nowhere_but_sns() {
        let host = "sns.eu-west-1.amazonaws.com";
        let good = format!("https://{host}/SimpleNotificationService-0123456789abcdef.pem");
        assert!(certificate_url(&good, host).is_some());
        for wrong in [
            good.replace("https", "http"),
            good.replace("eu-west-1", "us-east-1"),
            good.replace(host, "sns.eu-west-1.amazonaws.com.evil.example"),
            good.replace(host, "evil.example"),
            good.replace(host, "evil.example/sns.eu-west-1.amazonaws.com"),
            good.replace(host, "sns.eu-west-1.amazonaws.com@evil.example"),
            good.replace(host, "evil@sns.eu-west-1.amazonaws.com"),
            good.replace(host, "sns.eu-west-1.amazonaws.com:8443"),
            good.replace(host, "sns.eu-west-1.amazonaws.com:443"),
            good.replace(host, "sns.eu-west-1.amazonaws.com."),
            good.replace(host, "SNS.eu-west-1.amazonaws.com"),
            good.replace(host, "sns.eu-west-1.am\u{430}zonaws.com"),
            good.replace(host, "sns.eu-west-1\u{3002}amazonaws.com"),
            good.replace(host, "s3.amazonaws.com/sns.eu-west-1.amazonaws.com"),
            good.replace(host, "sns.eu-west-1.amazonaws.com\\@evil.example"),
            good.replace(".pem", ".pem?x=1"),
            good.replace(".pem", ".pem#x"),
            good.replace(".pem", ".crt"),
            good.replace("/Simple", "/x/../Simple"),
            format!(" {good}"),
        ] {
            assert_eq!(certificate_url(&wrong, host), None, "{wrong}");
        }
    }
}
