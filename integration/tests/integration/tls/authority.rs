//! A certificate authority of a test's own, and certificates that it signs.
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// An authority that nobody trusts but who is told to.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The files of one certificate, as a server takes them.
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Writes the authority's own certificate: what `weir render envoy --ca` is given.
    pub fn write(&self, file: &Path) -> PathBuf {
        std::fs::write(file, self.issuer.pem()).unwrap();
        file.to_owned()
    }

    /// Writes a certificate for one DNS name or IP address, and its key, into `folder`.
    pub fn certify(&self, host: &str, folder: &Path) -> Certificate {
        std::fs::create_dir_all(folder).unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, host);
        let key = KeyPair::generate().unwrap();
        let certificate = Certificate { chain: folder.join("cert.pem"), key: folder.join("key.pem") };
        std::fs::write(&certificate.chain, params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        std::fs::write(&certificate.key, key.serialize_pem()).unwrap();
        certificate
    }
}
