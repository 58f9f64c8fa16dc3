//! TLS as a client: the web's root certificates, rustls, and the world's clock for their dates.
//!
//! A certificate is always checked: issuer, name and dates. There is no switch that turns this off; who runs an authority
//! of their own names it with [`Tls::public_and`].

use crate::{Ms, Stream, World};
use rustls::{
    CertificateError, ClientConfig, Error, RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    time_provider::TimeProvider,
};
use std::{io, sync::Arc, time::Duration};

/// Certificates in one file of authorities: Debian's whole bundle holds about 150.
const AUTHORITIES_MAX: usize = 1_000;
/// Certificates in a signer's file: its own, and two or three of its issuers.
const SIGNERS_CHAIN_MAX: usize = 6;
/// Names of a certificate that are repeated in a sentence; some hold hundreds.
const NAMES_SHOWN_MAX: usize = 5;

/// Who is trusted, and the clock that says until when. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    roots: Arc<RootCertStore>,
    world: World,
}

/// A certificate with which something was signed, fetched by a connection that was secured for its owner's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignersKey(Vec<u8>);

impl SignersKey {
    /// Its key: a SubjectPublicKeyInfo (RFC 5280 §4.1), DER.
    pub fn spki(&self) -> &[u8] {
        &self.0
    }
}

/// A text holds no certificate of an authority, or one that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthority {
    /// There is no PEM block of a certificate in it.
    #[error("it holds no certificate (a block that begins with -----BEGIN CERTIFICATE-----)")]
    Empty,
    /// One of its certificates, counted from 1, cannot be used.
    #[error("certificate {0} in it cannot be read")]
    Damaged(usize),
    /// More than any bundle holds.
    #[error("it holds more than {AUTHORITIES_MAX} certificates")]
    TooMany,
}

/// Why a connection could not be secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insecure {
    /// The certificate has expired.
    Expired {
        /// When, in UTC milliseconds.
        ended: Ms,
    },
    /// The certificate is not good yet.
    NotYet {
        /// When it begins to be, in UTC milliseconds.
        begins: Ms,
    },
    /// The certificate is for other names.
    WrongName {
        /// Some of the names that it is for.
        names: Vec<String>,
    },
    /// Nobody trusted has signed the certificate.
    UnknownIssuer,
    /// The server shows an authority's certificate as its own.
    Authority,
    /// The certificate is no good for another reason.
    Certificate(String),
    /// What answers does not speak TLS.
    NotTls,
    /// The connection ended in the middle.
    Gone,
    /// Something else.
    Other(String),
}

impl Tls {
    /// Trusts the web's certificate authorities, as Mozilla lists them.
    pub fn public(world: &World) -> Self {
        Self::trusting(world, RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// Trusts the web's authorities and those in `pem`, PEM blocks one after the other (RFC 7468). A server's own
    /// self-signed certificate may be among them.
    ///
    /// # Errors
    /// [`NoAuthority`].
    pub fn public_and(world: &World, pem: &[u8]) -> Result<Self, NoAuthority> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            count += 1;
            if count > AUTHORITIES_MAX {
                return Err(NoAuthority::TooMany);
            }
            let certificate = certificate.map_err(|_| NoAuthority::Damaged(count))?;
            roots.add(certificate).map_err(|_| NoAuthority::Damaged(count))?;
        }
        if count == 0 {
            return Err(NoAuthority::Empty);
        }
        Ok(Self::trusting(world, roots))
    }

    /// Trusts `roots` and nobody else.
    pub fn trusting(world: &World, roots: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(WorldClock(world.clone())))
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        Self { config: Arc::new(config), roots: Arc::new(roots), world: world.clone() }
    }

    /// The key of the first certificate in `pem`, if it is good now, for one of `names`, and signed by whom we trust by way
    /// of the certificates after it.
    ///
    /// A file that holds the signer's certificate alone leaves out its issuer, as Amazon's does. Then its names and dates are
    /// held to, and what vouches for it is the connection by which it came: never give one from anywhere else.
    ///
    /// # Errors
    /// [`Insecure`], or [`Insecure::NotTls`] when there is no certificate in it.
    pub fn signers_key(&self, pem: &[u8], names: &[&str]) -> Result<SignersKey, Insecure> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).take(SIGNERS_CHAIN_MAX).collect();
        let chain = chain.map_err(|_| Insecure::NotTls)?;
        let (first, issuers) = chain.split_first().ok_or(Insecure::NotTls)?;
        let of = |fault: Error| match fault {
            Error::InvalidCertificate(fault) => Insecure::of_certificate(&fault),
            other => Insecure::Other(other.to_string()),
        };
        let certificate = ParsedCertificate::try_from(first).map_err(of)?;
        let is_named = |name: &&str| {
            let name = ServerName::try_from((*name).to_owned()).ok();
            name.is_some_and(|name| verify_server_name(&certificate, &name).is_ok())
        };
        if !names.iter().any(is_named) {
            return Err(Insecure::WrongName { names: Vec::new() });
        }
        let now = WorldClock(self.world.clone()).current_time().ok_or(Insecure::Other("no clock".into()))?;
        let algorithms = self.config.crypto_provider().signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, issuers, now, algorithms).map_err(of)
        {
            Ok(()) => {}
            // Dates and uses were looked at before an issuer was looked for.
            Err(Insecure::UnknownIssuer) if issuers.is_empty() => {}
            Err(fault) => return Err(fault),
        }
        Ok(SignersKey(certificate.subject_public_key_info().as_ref().to_vec()))
    }

    /// Shakes hands with `host` over `stream`; the stream that comes back carries plain bytes.
    ///
    /// # Errors
    /// `InvalidInput` when `host` is no name a certificate could hold; else what the handshake said, `InvalidData` when
    /// the certificate is not good for `host`. [`Insecure::of`] says which.
    pub async fn secure(&self, stream: Stream, host: &str) -> io::Result<Stream> {
        let bare = host.trim_matches(['[', ']']).trim_end_matches('.').to_owned();
        let name = ServerName::try_from(bare).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let peer = stream.peer();
        let secured = tokio_rustls::TlsConnector::from(self.config.clone()).connect(name, stream).await?;
        Ok(Stream::new(secured, peer))
    }
}

impl Insecure {
    /// What an error of [`Tls::secure`] says.
    pub fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(fault)) => Self::of_certificate(fault),
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(other) => Self::Other(other.to_string()),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Gone,
                _ => Self::Other(error.to_string()),
            },
        }
    }

    fn of_certificate(fault: &CertificateError) -> Self {
        let ms = |at: &UnixTime| Ms::try_from(at.as_secs()).unwrap_or(Ms::MAX / 1_000).saturating_mul(1_000);
        match fault {
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired { ended: ms(not_after) },
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYet { begins: ms(not_before) },
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::WrongName { names: names_in(presented) }
            }
            CertificateError::NotValidForName => Self::WrongName { names: Vec::new() },
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            // rustls has no word of its own for it.
            CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => Self::Authority,
            other => Self::Certificate(other.to_string()),
        }
    }
}

/// Bare names: rustls reports them as `DnsName("a.example")`. A stranger wrote them: few are kept, and nothing unprintable.
fn names_in(presented: &[String]) -> Vec<String> {
    let bare = |name: &String| {
        let inside = name.split_once('"').and_then(|(_, rest)| rest.split_once('"')).map_or(name.as_str(), |(n, _)| n);
        inside.chars().filter(|c| c.is_ascii_graphic()).take(253).collect()
    };
    presented.iter().take(NAMES_SHOWN_MAX).map(bare).collect()
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

struct WorldClock(World);

impl std::fmt::Debug for WorldClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WorldClock")
    }
}

impl TimeProvider for WorldClock {
    fn current_time(&self) -> Option<UnixTime> {
        let now = u64::try_from(self.0.now()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(now)))
    }
}
