//! Free ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// How often a validator is started anew on other ports when its own were taken meanwhile.
pub(crate) const TRIES: u32 = 5;

/// As many ports as asked for, all different. Another program may still take one before it is used: the caller
/// tries again then.
pub(crate) fn free(count: usize) -> Result<Vec<u16>, Error> {
    let bind =
        || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|held| Ok((held.local_addr()?.port(), held)));
    // All are held until the last is found, so that none is found twice.
    let held: Result<Vec<_>, _> = (0..count).map(|_| bind()).collect();
    let held = held.map_err(|source| Error::Start { what: "a listener on 127.0.0.1".into(), source })?;
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

pub(crate) fn is_free(port: u16) -> bool {
    port != 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_differ_and_taken_ones_are_seen() {
        let ports: BTreeSet<u16> = free(8).unwrap().into_iter().collect();
        assert_eq!(ports.len(), 8);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(held.local_addr().unwrap().port()));
        assert!(!is_free(0));
    }
}
