//! TLS by rustls: a certificate and key from files, read again when they change. A broken new pair keeps the old one.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The certificate in use.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

/// When the chain's first certificate ends, in seconds since 1970.
fn not_after(cert: &Path) -> Option<i64> {
    let first = CertificateDer::pem_file_iter(cert).ok()?.next()?.ok()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&first).ok()?;
    Some(parsed.validity().not_after.timestamp())
}

fn load(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let shown = |path: &Path, error: String| format!("{}: {error}", path.display());
    let chain: Vec<CertificateDer> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| shown(cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(shown(cert, "holds no certificate".into()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|_| shown(key, "holds no private key".into()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| shown(cert, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl Tls {
    /// Reads the pair and goes on watching it.
    pub fn open(cert: PathBuf, key: PathBuf) -> Result<Arc<Tls>, String> {
        let current = RwLock::new(load(&cert, &key)?);
        let tls = Arc::new(Tls { cert, key, current });
        tokio::spawn(watch(tls.clone()));
        Ok(tls)
    }

    /// When the certificate that lies there ends, in seconds since 1970; `None` where that cannot be read.
    pub fn ends_at(&self) -> Option<i64> {
        not_after(&self.cert)
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone())
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

async fn watch(tls: Arc<Tls>) {
    let mut seen = (changed(&tls.cert), changed(&tls.key));
    loop {
        tokio::time::sleep(LOOK).await;
        let now = (changed(&tls.cert), changed(&tls.key));
        if now == seen {
            continue;
        }
        match load(&tls.cert, &tls.key) {
            Ok(config) => {
                *tls.current.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = config;
                seen = now;
                tracing::info!("the TLS certificate was read again");
            }
            // Perhaps only one of the two is written yet: the next look tries again.
            Err(error) => tracing::warn!(%error, "the new TLS certificate cannot be used; the old one stays"),
        }
    }
}
