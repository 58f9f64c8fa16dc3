//! TLS as a server: one certificate from a file, rustls, no client certificates.
//!
//! For the receiver of bounces, whose peers are mail servers. It offers TLS 1.2 and 1.3, and it never goes on in the clear
//! once a handshake has begun.

use crate::Stream;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{io, sync::Arc, time::Duration};

/// Certificates in one chain: real ones have up to five.
const CHAIN_MAX: usize = 20;
/// How long a handshake may take: a peer that has nothing to say holds a seat.
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// Shows one certificate. Cheap to clone.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
}

/// A certificate or its key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCertificate {
    /// The text holds no certificate.
    #[error("it holds no certificate chain that can be read")]
    Chain,
    /// The text holds no private key.
    #[error("it holds no private key that can be read")]
    Key,
    /// They do not belong together, or are of a kind that TLS does not take.
    #[error("the certificate cannot be shown: {0}")]
    Pair(String),
}

impl TlsServer {
    /// Shows the chain in `chain` with the key in `key`, both PEM (RFC 7468).
    ///
    /// # Errors
    /// [`NoCertificate`].
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, NoCertificate> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .take(CHAIN_MAX)
            .collect::<Result<_, _>>()
            .map_err(|_| NoCertificate::Chain)?;
        if chain.is_empty() {
            return Err(NoCertificate::Chain);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| NoCertificate::Key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|why| NoCertificate::Pair(why.to_string()))?;
        Ok(Self { config: Arc::new(config) })
    }

    /// Shakes hands with a client over `stream`; the stream that comes back carries plain bytes.
    ///
    /// # Errors
    /// What the handshake said; `TimedOut` when it took too long.
    pub async fn secure(&self, stream: Stream) -> io::Result<Stream> {
        let peer = stream.peer();
        let shaken = tokio_rustls::TlsAcceptor::from(self.config.clone()).accept(stream);
        let secured = tokio::time::timeout(HANDSHAKE_MAX, shaken).await;
        let secured = secured.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        Ok(Stream::new(secured, peer))
    }
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsServer")
    }
}
