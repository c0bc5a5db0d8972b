//! What is wrong with certificates, in words that tell whose.

use std::{error::Error as StdError, io};

use rustls::{CertificateError, Error as Tls};

use crate::transport::Unreached;

/// Why the two sides do not trust each other, if that is what the error is about.
pub(crate) fn certificates(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = tls(error) {
            return explain(tls);
        }
        next = error.source();
    }
    None
}

fn tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Tls> {
    if let Some(tls) = error.downcast_ref() {
        return Some(tls);
    }
    // What such an error holds is none of its sources.
    let io: &io::Error = error.downcast_ref()?;
    let io = Unreached::inside(io).map_or(io, Unreached::error);
    io.get_ref()?.downcast_ref()
}

fn explain(error: &Tls) -> Option<String> {
    Some(match error {
        Tls::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "the engine's certificate does not descend from the authority in `ca`".to_owned()
        }
        Tls::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the engine's certificate has expired".to_owned()
        }
        Tls::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            "the engine's certificate is not valid yet: look at the clocks of both machines".to_owned()
        }
        Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the engine's certificate is not for the name or address that `address` gives".to_owned(),
        Tls::InvalidCertificate(other) => format!("the engine's certificate cannot be used: {other}"),
        Tls::AlertReceived(alert) => {
            format!("the engine does not take this server's certificate, the one in `cert` ({alert:?})")
        }
        Tls::InvalidMessage(_) => "what listens there does not speak TLS".to_owned(),
        _ => return None,
    })
}
