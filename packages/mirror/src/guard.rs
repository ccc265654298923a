//! Where a mirror connects to. The URLs are other institutions' word: without this they could make us ask our own
//! network, or the cloud's metadata service, on their behalf.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

/// Which addresses are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Also loopback and private networks; link-local addresses never.
    pub allow_private: bool,
}

/// A URL that may be asked, with the addresses its name had when it was checked: they are not looked up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Without the slash at its end.
    pub base: String,
    /// The name to be resolved to `addresses`; none if the URL has an address itself.
    pub name: Option<String>,
    pub addresses: Vec<SocketAddr>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(
        "the registrar's URL of the institution is not http(s) with a host and nothing before or behind the path"
    )]
    Url,
    #[error("the host of the institution's URL has no address")]
    Unknown,
    #[error(
        "the host of the institution's URL has no address outside loopback, private and link-local networks: \
         if that is meant, as on a test network, set mirror.allow_private"
    )]
    Address,
}

impl Guard {
    /// Resolves the URL's host once and keeps the addresses that are allowed.
    pub async fn check(self, url: &str) -> Result<Target, Refused> {
        let url = parse(url)?;
        let port = url.port_or_known_default().ok_or(Refused::Url)?;
        let (name, found) = match url.host().ok_or(Refused::Url)? {
            Host::Ipv4(address) => (None, vec![SocketAddr::new(address.into(), port)]),
            Host::Ipv6(address) => (None, vec![SocketAddr::new(address.into(), port)]),
            Host::Domain(name) => {
                let found = tokio::net::lookup_host((name, port)).await.map_err(|_| Refused::Unknown)?;
                (Some(name.to_owned()), found.collect())
            }
        };
        if found.is_empty() {
            return Err(Refused::Unknown);
        }
        let addresses: Vec<SocketAddr> = found.into_iter().filter(|found| self.allows(found.ip())).collect();
        if addresses.is_empty() {
            return Err(Refused::Address);
        }
        Ok(Target { base: url.as_str().trim_end_matches('/').to_owned(), name, addresses })
    }

    /// Whether an address may be connected to.
    pub fn allows(self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => !is_nowhere_v4(address) && (self.allow_private || !is_private_v4(address)),
            IpAddr::V6(address) => !is_nowhere_v6(address) && (self.allow_private || !is_private_v6(address)),
        }
    }
}

fn parse(url: &str) -> Result<Url, Refused> {
    let url = Url::parse(url).map_err(|_| Refused::Url)?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    let ends = url.query().is_none() && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && is_plain && ends { Ok(url) } else { Err(Refused::Url) }
}

fn is_nowhere_v4(address: Ipv4Addr) -> bool {
    address.is_unspecified() || address.is_link_local() || address.is_multicast() || address.is_broadcast()
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_documentation()
        // "This network" (RFC 791), shared (RFC 6598), protocol assignments (RFC 6890), benchmarking (RFC 2544),
        // reserved (RFC 1112).
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || address.octets().starts_with(&[192, 0, 0])
        || (a == 198 && (18..20).contains(&b))
        || a >= 240
}

fn is_nowhere_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Addresses that carry an IPv4 address in them would lead around the rules above: NAT64 (RFC 6052, 8215),
    // 6to4 (RFC 3056), Teredo (RFC 4380), IPv4-compatible.
    let carries_v4 = (first == 0x64 && second == 0xff9b)
        || first == 0x2002
        || (first == 0x2001 && second == 0)
        || (address.segments().starts_with(&[0; 6]) && !address.is_loopback());
    address.is_unspecified() || address.is_multicast() || address.is_unicast_link_local() || carries_v4
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Documentation (RFC 3849), site-local (RFC 3879).
    let is_documentation = first == 0x2001 && second == 0xdb8;
    address.is_loopback() || address.is_unique_local() || is_documentation || first & 0xffc0 == 0xfec0
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTSIDE: Guard = Guard { allow_private: false };
    const INSIDE: Guard = Guard { allow_private: true };

    #[test]
    fn addresses_of_our_own_networks_are_refused() {
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.8",
            "198.18.0.1",
            "0.1.2.3",
            "240.0.0.1",
            "192.0.2.1",
            "::1",
            "fd00:ec2::254",
            "fc00::1",
            "fec0::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert!(!OUTSIDE.allows(parsed), "{address}");
            assert!(INSIDE.allows(parsed), "{address}");
        }
    }

    #[test]
    fn link_local_and_disguised_addresses_are_refused_always() {
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2001:0:7f00:1::",
            "::10.0.0.1",
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert!(!INSIDE.allows(parsed), "{address}");
            assert!(!OUTSIDE.allows(parsed), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_allowed() {
        for address in ["1.1.1.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2606:4700::1111"]
        {
            assert!(OUTSIDE.allows(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn urls_are_http_and_nothing_but_a_place() {
        for url in [
            "",
            "records.example",
            "ftp://1.1.1.1",
            "file:///etc/passwd",
            "http://user@1.1.1.1",
            "http://:x@1.1.1.1",
            "http://1.1.1.1/?a",
            "http://1.1.1.1/#a",
            "unix:/run/docker.sock",
            "http://",
        ] {
            assert_eq!(OUTSIDE.check(url).await, Err(Refused::Url), "{url}");
        }
        // Other spellings of 127.0.0.1 and of the metadata service.
        for url in ["http://127.1/", "http://2130706433", "http://0x7f000001", "https://0177.0.0.1:8443"] {
            assert_eq!(OUTSIDE.check(url).await, Err(Refused::Address), "{url}");
        }
        assert_eq!(INSIDE.check("http://2852039166/latest").await, Err(Refused::Address));
        assert_eq!(OUTSIDE.check("http://localhost:1").await, Err(Refused::Address));
        let target = INSIDE.check("http://localhost:8440/medrec/").await.unwrap();
        assert_eq!(
            (target.base.as_str(), target.name.as_deref()),
            ("http://localhost:8440/medrec", Some("localhost"))
        );
        assert!(target.addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 8440));
        let target = OUTSIDE.check("https://1.1.1.1").await.unwrap();
        assert_eq!(target.addresses, ["1.1.1.1:443".parse().unwrap()]);
        assert_eq!(target.name, None);
    }
}
