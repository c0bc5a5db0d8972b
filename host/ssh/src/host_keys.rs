//! The keys by which a host is known.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use ssh_key::{
    PublicKey,
    known_hosts::{Entry, HostPatterns, Marker},
    public::KeyData,
};

use crate::{Error, Result, host_pattern};

/// The port that is left out of names in `known_hosts`.
const SSH_PORT: u16 = 22;

/// The keys by which one host is known: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeys {
    keys: Vec<HostKey>,
}

/// One key of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HostKey {
    /// As it is sent.
    blob: Vec<u8>,
    data: KeyData,
}

impl HostKeys {
    /// The largest `known_hosts`, in bytes.
    pub const MOST_BYTES: usize = 1 << 20;

    /// The keys of a host out of the lines of a `known_hosts`. Names, patterns and hashes are matched as `ssh` does it:
    /// those at another port than 22 as `[host]:port`. A revoked key is none of the host's, wherever else it stands.
    ///
    /// # Errors
    /// Where a line is none of `known_hosts`, where no key is left, or where the host is known by an authority for
    /// certificates.
    pub fn of(host: &str, port: u16, known_hosts: &str) -> Result<Self> {
        if known_hosts.len() > Self::MOST_BYTES {
            return Err(Error::Large(Self::MOST_BYTES));
        }
        let host = host.to_ascii_lowercase();
        let name = if port == SSH_PORT { host } else { format!("[{host}]:{port}") };
        let (mut known, mut revoked) = (Vec::new(), Vec::new());
        for (index, text) in known_hosts.lines().enumerate() {
            let line = index + 1;
            let Some(entry) = entry(text).map_err(|()| Error::Line(line))? else { continue };
            if !names(entry.host_patterns(), &name) {
                continue;
            }
            let key = HostKey::of(entry.public_key()).ok_or(Error::Line(line))?;
            match entry.marker() {
                None => known.push(key),
                Some(Marker::Revoked) => revoked.push(key),
                Some(Marker::CertAuthority) => return Err(Error::Authority { line, host: name }),
            }
        }
        known.retain(|key| !revoked.contains(key));
        if known.is_empty() { Err(Error::Unknown(name)) } else { Ok(Self { keys: known }) }
    }

    /// The key that is sent as these bytes, where it is the host's.
    pub(crate) fn find(&self, blob: &[u8]) -> Option<&KeyData> {
        self.keys.iter().find(|key| key.blob == blob).map(|key| &key.data)
    }
}

impl HostKey {
    fn of(key: &PublicKey) -> Option<Self> {
        Some(Self { blob: key.to_bytes().ok()?, data: key.key_data().clone() })
    }
}

/// The entry of a line; none where the line is empty or a comment.
fn entry(text: &str) -> Result<Option<Entry>, ()> {
    let mut fields: Vec<&str> = text.split_ascii_whitespace().collect();
    match fields.first() {
        None => return Ok(None),
        Some(first) if first.starts_with('#') => return Ok(None),
        Some(first) => fields.truncate(if first.starts_with('@') { 4 } else { 3 }),
    }
    fields.join(" ").parse().map(Some).map_err(|_| ())
}

fn names(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => host_pattern::any_matches(patterns, name),
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|hmac| hmac.chain_update(name.as_bytes()).verify_slice(hash).is_ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";
    const SECOND: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn keys(host: &str, port: u16, lines: &str) -> Result<usize> {
        HostKeys::of(host, port, lines).map(|keys| keys.keys.len())
    }

    #[test]
    fn a_host_is_found_by_its_name_its_port_a_wildcard_or_a_hash() {
        let plain = format!("# a comment\n\n  git.example.org,192.0.2.1\t{FIRST} a comment # here\r\n");
        assert_eq!(keys("Git.Example.Org", 22, &plain), Ok(1));
        assert_eq!(keys("192.0.2.1", 22, &plain), Ok(1));
        assert_eq!(keys("git.example.org", 2222, &plain), Err(Error::Unknown("[git.example.org]:2222".to_owned())));
        let port = format!("[git.example.org]:2222 {FIRST}");
        assert_eq!(keys("git.example.org", 2222, &port), Ok(1));
        assert_eq!(keys("git.example.org", 22, &port), Err(Error::Unknown("git.example.org".to_owned())));
        let wild = format!("*.example.org,!evil.example.org {FIRST}\n*.example.org {SECOND}");
        assert_eq!(keys("git.example.org", 22, &wild), Ok(2));
        assert_eq!(keys("evil.example.org", 22, &wild), Ok(1));
        // As `ssh-keygen -H` wrote it.
        let hashed = format!("|1|LoIycs1lItYgkF9sfHuJw3mIGXQ=|yh0N2OuNXYj/JsV2zwYIMU7iAjo= {FIRST}");
        assert_eq!(keys("git.example.org", 22, &hashed), Ok(1));
        assert_eq!(keys("hg.example.org", 22, &hashed), Err(Error::Unknown("hg.example.org".to_owned())));
    }

    #[test]
    fn a_revoked_key_is_not_the_hosts_wherever_it_stands() {
        let lines = format!("@revoked * {FIRST}\ngit.example.org {FIRST}\ngit.example.org {SECOND}");
        let found = HostKeys::of("git.example.org", 22, &lines).unwrap();
        assert_eq!(found, HostKeys::of("git.example.org", 22, &format!("git.example.org {SECOND}")).unwrap());
        let lines = format!("git.example.org {FIRST}\n@revoked git.example.org {FIRST}");
        assert_eq!(keys("git.example.org", 22, &lines), Err(Error::Unknown("git.example.org".to_owned())));
        let lines = format!("git.example.org {FIRST}\n@revoked other.example.org {FIRST}");
        assert_eq!(keys("git.example.org", 22, &lines), Ok(1));
    }

    #[test]
    fn a_host_that_is_known_by_an_authority_is_refused() {
        let lines = format!("git.example.org {FIRST}\n@cert-authority *.example.org {SECOND}");
        let error = keys("git.example.org", 22, &lines).unwrap_err();
        assert_eq!(error, Error::Authority { line: 2, host: "git.example.org".to_owned() });
        assert_eq!(keys("git.example.org", 22, &lines.replace("*.example.org", "*.example.net")), Ok(1));
    }

    #[test]
    fn a_line_that_is_not_understood_is_told_by_its_number() {
        for line in ["git.example.org", "git.example.org ssh-ed25519", "@new git.example.org ssh-ed25519 AAAA", "x y z"]
        {
            assert_eq!(keys("git.example.org", 22, &format!("git.example.org {FIRST}\n{line}")), Err(Error::Line(2)));
        }
        assert_eq!(keys("x", 22, &"#".repeat(HostKeys::MOST_BYTES + 1)), Err(Error::Large(HostKeys::MOST_BYTES)));
    }
}
