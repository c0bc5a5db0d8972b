//! Certificates of an engine and of the server, from one authority.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

/// Files with certificates: `ca.pem`, `engine.pem`, `engine-key.pem`, `cert.pem` and `key.pem`.
pub(crate) struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    /// Makes them for an engine with this address.
    pub(crate) fn make(directory: &Path, address: &str) -> Self {
        Self::of_year(directory, address, 4000)
    }

    /// Makes them so that the engine's is good until the end of this year.
    pub(crate) fn of_year(directory: &Path, address: &str, year: i32) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(4096, 1, 1);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let write = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        write("ca.pem", authority.pem());
        for (name, cert, key, usage, year) in [
            (address, "engine.pem", "engine-key.pem", ExtendedKeyUsagePurpose::ServerAuth, year),
            ("server", "cert.pem", "key.pem", ExtendedKeyUsagePurpose::ClientAuth, 4000),
        ] {
            let pair = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.extended_key_usages = vec![usage];
            params.not_after = date_time_ymd(year, 12, 31);
            write(cert, params.signed_by(&pair, &authority).unwrap().pem());
            write(key, pair.serialize_pem());
        }
        Self { directory: directory.to_owned() }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}
