//! How many requests from one place and by one signer. A fixed number of buckets, so that nobody's addresses fill
//! memory; two who share one by chance share its rate.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use medrec_gate::{Reason, Refusal};

use crate::{clock::Clock, config};

/// Buckets of each kind: 256 KiB.
const BUCKETS: usize = 16_384;
const BUCKETS_64: u64 = BUCKETS as u64;

/// Rates by signer and by network address.
pub struct Limiter {
    clock: Arc<dyn Clock>,
    /// A proxy whose word on the client's address is taken.
    trusted_proxy: Option<IpAddr>,
    peers: Buckets,
    signers: Buckets,
}

impl Limiter {
    pub fn new(limits: &config::Limits, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            trusted_proxy: limits.trusted_proxy,
            peers: Buckets::new(limits.requests_per_peer, limits.burst),
            signers: Buckets::new(limits.requests_per_signer, limits.burst),
        }
    }

    /// By where it comes from. `forwarded`: the `X-Forwarded-For` header, read only from the trusted proxy, only
    /// its last address: the one the proxy itself wrote.
    pub fn admit(&self, peer: Option<IpAddr>, forwarded: Option<&str>) -> Result<(), Refusal> {
        let Some(peer) = peer else { return Ok(()) };
        let client = if Some(peer) == self.trusted_proxy {
            let last = forwarded.and_then(|list| list.rsplit(',').next());
            last.and_then(|address| address.trim().parse().ok()).unwrap_or(peer)
        } else if peer.is_loopback() {
            // Without a trusted proxy everybody on this machine, a proxy too, has one address: it says nothing.
            return Ok(());
        } else {
            peer
        };
        self.peers.take(&network(client), self.clock.now(), "requests from one network address")
    }

    /// By who signed it.
    pub fn signer(&self, address: &str) -> Result<(), Refusal> {
        self.signers.take(&address, self.clock.now(), "requests by one signer")
    }
}

/// An IPv6 host has a whole /64 to choose from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

/// Token buckets that fill by `rate` a second up to `burst` seconds' worth.
struct Buckets {
    rate: u64,
    burst: u64,
    /// Keyed at random at every start: nobody can choose addresses that share a bucket.
    hasher: RandomState,
    buckets: Mutex<Vec<Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: u64,
    at: u64,
}

impl Buckets {
    fn new(rate: u32, burst: u32) -> Self {
        let (rate, burst) = (u64::from(rate), u64::from(rate).saturating_mul(u64::from(burst)));
        let buckets = vec![Bucket { tokens: burst, at: 0 }; BUCKETS];
        Self { rate, burst, hasher: RandomState::new(), buckets: Mutex::new(buckets) }
    }

    fn take(&self, key: &impl std::hash::Hash, now: u64, what: &str) -> Result<(), Refusal> {
        if self.rate == 0 {
            return Ok(());
        }
        let hash = usize::try_from(self.hasher.hash_one(key) % BUCKETS_64).unwrap_or(0);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = buckets.get_mut(hash) else { return Ok(()) };
        let filled = now.saturating_sub(bucket.at).saturating_mul(self.rate);
        bucket.tokens = bucket.tokens.saturating_add(filled).min(self.burst);
        bucket.at = now;
        match bucket.tokens.checked_sub(1) {
            Some(left) => {
                bucket.tokens = left;
                Ok(())
            }
            None => Err(Refusal::new(Reason::RateLimited, what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn limiter(clock: &ManualClock, trusted_proxy: Option<&str>) -> Limiter {
        let limits = config::Limits {
            requests_per_peer: 2,
            requests_per_signer: 1,
            burst: 2,
            trusted_proxy: trusted_proxy.map(|proxy| proxy.parse().unwrap()),
            ..Default::default()
        };
        Limiter::new(&limits, Arc::new(clock.clone()))
    }

    fn admitted(limiter: &Limiter, peer: &str, forwarded: Option<&str>) -> usize {
        let admit = || limiter.admit(Some(peer.parse().unwrap()), forwarded).is_ok();
        (0..10).filter(|_| admit()).count()
    }

    #[test]
    fn a_burst_then_the_rate_for_each() {
        let clock = ManualClock::at(100);
        let limiter = limiter(&clock, None);
        assert_eq!(admitted(&limiter, "192.0.2.1", None), 4);
        assert_eq!(admitted(&limiter, "192.0.2.2", Some("192.0.2.9")), 4, "nobody names his own address");
        clock.set(101);
        assert_eq!(admitted(&limiter, "192.0.2.1", None), 2);
        clock.set(1000);
        assert_eq!(admitted(&limiter, "192.0.2.1", None), 4, "never more than the burst");
        let signed = |who: &str| (0..10).filter(|_| limiter.signer(who).is_ok()).count();
        assert_eq!((signed("a"), signed("b"), signed("a")), (2, 2, 0));
    }

    #[test]
    fn a_v6_network_is_one_place_and_a_mapped_v4_its_own() {
        let limiter = limiter(&ManualClock::at(100), None);
        assert_eq!(admitted(&limiter, "2001:db8::1", None), 4);
        assert_eq!(admitted(&limiter, "2001:db8::ffff:2", None), 0);
        assert_eq!(admitted(&limiter, "2001:db8:0:1::1", None), 4);
        assert_eq!(admitted(&limiter, "192.0.2.7", None), 4);
        assert_eq!(admitted(&limiter, "::ffff:192.0.2.7", None), 0);
    }

    #[test]
    fn behind_a_trusted_proxy_its_last_word_counts_and_loopback_says_nothing() {
        let clock = ManualClock::at(100);
        let behind = limiter(&clock, Some("127.0.0.1"));
        assert_eq!(admitted(&behind, "127.0.0.1", Some("203.0.113.1, 192.0.2.1")), 4);
        assert_eq!(admitted(&behind, "127.0.0.1", Some("198.51.100.1, 192.0.2.1")), 0);
        assert_eq!(admitted(&behind, "127.0.0.1", Some("192.0.2.2")), 4);
        assert_eq!(admitted(&behind, "127.0.0.1", Some("nonsense")), 4, "then the proxy's own");
        assert_eq!(admitted(&behind, "127.0.0.1", None), 0);
        assert_eq!(admitted(&limiter(&clock, None), "127.0.0.1", Some("192.0.2.1")), 10);
    }
}
