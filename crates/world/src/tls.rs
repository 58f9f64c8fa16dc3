//! TLS as a client: the web's root certificates, rustls, and the world's clock for their dates.

use crate::{Stream, World};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{ServerName, UnixTime},
    time_provider::TimeProvider,
};
use std::{io, sync::Arc, time::Duration};

/// Who is trusted, and the clock that says until when. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Trusts the web's certificate authorities, as Mozilla lists them.
    pub fn public(world: &World) -> Self {
        Self::trusting(world, RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// Trusts `roots` and nobody else.
    pub fn trusting(world: &World, roots: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(WorldClock(world.clone())))
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config: Arc::new(config) }
    }

    /// Shakes hands with `host` over `stream`; the stream that comes back carries plain bytes.
    ///
    /// # Errors
    /// `InvalidInput` when `host` is no name a certificate could hold; else what the handshake said, `InvalidData` when
    /// the certificate is not good for `host`.
    pub async fn secure(&self, stream: Stream, host: &str) -> io::Result<Stream> {
        let bare = host.trim_matches(['[', ']']).trim_end_matches('.').to_owned();
        let name = ServerName::try_from(bare).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let peer = stream.peer();
        let secured = tokio_rustls::TlsConnector::from(self.config.clone()).connect(name, stream).await?;
        Ok(Stream::new(secured, peer))
    }
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
