//! Arguments of commands about ports of workspaces.

use std::net::SocketAddr;

use clap::Args;
use sandboxed_model::port::{DeclaredPort, PortNumber, PortProtocol};

use super::Listing;

/// `ports`
#[derive(Debug, Args)]
pub(crate) struct Ports {
    /// The workspace, by its name or id.
    pub(crate) workspace: String,
    /// Declare this port and no others but those named like this: web=3000, api=https:8443.
    #[arg(long, value_name = "NAME=PORT", value_parser = declared_port)]
    pub(crate) declare: Vec<DeclaredPort>,
    /// Declare no ports any more.
    #[arg(long, conflicts_with = "declare")]
    pub(crate) declare_none: bool,
    /// Print an address at which a browser is let in to this port. It is good once and for a minute.
    #[arg(long, value_name = "PORT", conflicts_with_all = ["declare", "declare_none", "json"])]
    pub(crate) open: Option<PortNumber>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

/// `forward`
#[derive(Debug, Args)]
pub(crate) struct Forward {
    /// The workspace, by its name or id.
    pub(crate) workspace: String,
    /// Its port.
    pub(crate) port: PortNumber,
    /// Where connections are taken on this machine; without it at the same port of 127.0.0.1.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

/// `NAME=PORT`, or `NAME=https:PORT` where TLS is spoken.
pub(super) fn declared_port(text: &str) -> Result<DeclaredPort, String> {
    let (name, place) = text.split_once('=').ok_or("write it as NAME=PORT")?;
    let (protocol, port) = match place.split_once(':') {
        None => (PortProtocol::Http, place),
        Some(("http", port)) => (PortProtocol::Http, port),
        Some(("https", port)) => (PortProtocol::Https, port),
        Some((other, _)) => return Err(format!("{other:?} is none of http and https")),
    };
    let name = name.parse().map_err(|error: sandboxed_model::port::InvalidPortName| error.to_string())?;
    let port = port.parse().map_err(|error: sandboxed_model::port::InvalidPortNumber| error.to_string())?;
    Ok(DeclaredPort { name, port, protocol, label: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_declared_by_a_name_and_a_number_and_where_need_be_a_protocol() {
        let port = |text| declared_port(text).map(|port| (port.name.to_string(), port.port.get(), port.protocol));

        assert_eq!(port("web=3000"), Ok(("web".to_owned(), 3000, PortProtocol::Http)));
        assert_eq!(port("api=https:8443"), Ok(("api".to_owned(), 8443, PortProtocol::Https)));
        for wrong in ["3000", "web=", "web=0", "=3000", "Web=3000", "web=ftp:21", "web=70000"] {
            assert!(port(wrong).is_err(), "{wrong}");
        }
    }
}
