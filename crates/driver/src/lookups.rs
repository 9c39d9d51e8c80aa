//! Name look-ups.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

/// Every address of a host, each once, in the resolver's order.
pub(crate) async fn look_up(host: String) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in tokio::net::lookup_host((host, 0)).await? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}

/// As [`look_up`], for as long as the resolver blocks.
pub(crate) fn addresses(host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in (host, 0).to_socket_addrs()? {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}

/// The name of each of a host's addresses, for as long as the resolver blocks.
pub(crate) fn canonical_names(host: &str) -> io::Result<Vec<String>> {
    let name_of = |address: &IpAddr| dns_lookup::lookup_addr(address).ok();
    let addresses_of = |name: &str| addresses(name).unwrap_or_default();
    Ok(names(&addresses(host)?, name_of, addresses_of))
}

/// What addresses are called, each name once. As in Java, a name that does not lead back to its address is not believed.
fn names(
    addresses: &[IpAddr],
    name_of: impl Fn(&IpAddr) -> Option<String>,
    addresses_of: impl Fn(&str) -> Vec<IpAddr>,
) -> Vec<String> {
    let mut names = Vec::new();
    for address in addresses {
        let name = name_of(address).filter(|name| addresses_of(name).contains(address));
        let name = name.unwrap_or_else(|| address.to_string());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_address_is_called_by_the_name_that_leads_back_to_it_or_by_itself() {
        let address = |last| IpAddr::from([192, 0, 2, last]);
        let name_of = |asked: &IpAddr| {
            let names = [(1, "one"), (2, "two"), (3, "liar"), (5, "two")];
            names.iter().find(|(last, _)| address(*last) == *asked).map(|(_, name)| (*name).into())
        };
        let addresses_of = |name: &str| match name {
            "one" => vec![address(1)],
            "two" => vec![address(5), address(2)],
            _ => vec![address(9)],
        };
        let asked: Vec<IpAddr> = (1..=5).map(address).collect();
        let names = names(&asked, name_of, addresses_of);
        assert_eq!(names, ["one", "two", "192.0.2.3", "192.0.2.4"]);
    }

    #[test]
    fn a_name_without_an_address_is_an_error() {
        assert!(canonical_names("nobody..here").is_err());
    }
}
