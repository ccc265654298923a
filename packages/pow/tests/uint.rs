//! Against u128 where it reaches, by the rules of arithmetic beyond.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "test code"
)]

use medrec_pow::{Target, U256};
use proptest::prelude::*;

fn wide(value: u128) -> U256 {
    let mut bytes = [0; 32];
    bytes[16..].copy_from_slice(&value.to_be_bytes());
    U256::from_be_bytes(&bytes)
}

/// Numbers of every length, not only long ones.
fn number() -> impl Strategy<Value = U256> {
    (any::<[u8; 32]>(), 0u32..=256).prop_map(|(bytes, cut)| U256::from_be_bytes(&bytes).shr(cut))
}

proptest! {
    #[test]
    fn as_u128(a: u128, b: u128, shift in 0u32..128) {
        prop_assert_eq!(wide(a).cmp(&wide(b)), a.cmp(&b));
        prop_assert_eq!(wide(a).bits(), 128 - a.leading_zeros());
        prop_assert_eq!(wide(a).to_string(), a.to_string());
        prop_assert_eq!(wide(a).shr(shift), wide(a >> shift));
        prop_assert_eq!(wide(a).checked_sub(&wide(b)), a.checked_sub(b).map(wide));
        prop_assert_eq!(wide(a).checked_div(&wide(b)), a.checked_div(b).map(wide));
        if let Some(sum) = a.checked_add(b) {
            prop_assert_eq!(wide(a).checked_add(&wide(b)), Some(wide(sum)));
        }
    }

    #[test]
    fn bytes_come_back(bytes: [u8; 32]) {
        prop_assert_eq!(U256::from_be_bytes(&bytes).to_be_bytes(), bytes);
    }

    #[test]
    fn sums_and_differences_undo_each_other(a in number(), b in number()) {
        match a.checked_add(&b) {
            Some(sum) => prop_assert_eq!(sum.checked_sub(&b), Some(a)),
            None => prop_assert!(a > b.complement()),
        }
    }

    #[test]
    fn shifts_are_products(a in number(), bits in 0u32..64) {
        let (low, high) = a.widening_mul(1 << bits);
        prop_assert_eq!(a.shl(bits), low);
        prop_assert_eq!(high != 0, a.bits() + bits > 256);
    }

    #[test]
    fn shifts_in_two_steps(a in number(), first in 0u32..300, second in 0u32..300) {
        prop_assert_eq!(a.shl(first).shl(second), a.shl(first + second));
        prop_assert_eq!(a.shr(first).shr(second), a.shr(first + second));
    }

    #[test]
    fn a_quotient_times_its_divisor_is_within_it(a in number(), b in 1u64..) {
        let quotient = a.checked_div(&b.into()).unwrap();
        let (product, above) = quotient.widening_mul(b);
        prop_assert_eq!(above, 0);
        let rest = a.checked_sub(&product).unwrap();
        prop_assert!(rest < b.into());
    }

    #[test]
    fn work_is_two_to_the_256_over_the_target(a in number()) {
        prop_assume!(!a.is_zero());
        let target = Target::new(a).unwrap();
        let work = target.work();
        // work × (target + 1) ≤ 2^256 < (work + 1) × (target + 1), as far as 64 bits of work show it.
        if let (Some(above), 0..=64) = (a.checked_add(&U256::ONE), work.bits()) {
            let bytes = work.to_be_bytes();
            let times = u64::from_be_bytes(bytes[24..].try_into().unwrap());
            let (low, high) = above.widening_mul(times);
            prop_assert!(high == 0 || (high == 1 && low.is_zero()));
            if let Some(next) = times.checked_add(1) {
                let (_, high) = above.widening_mul(next);
                prop_assert!(high >= 1);
            }
        }
        prop_assert!(Target::of_work(&work).value() >= a || a == U256::MAX);
    }
}

#[test]
fn edges() {
    assert_eq!(U256::MAX.checked_add(&U256::ONE), None);
    let max = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    assert_eq!(U256::MAX.to_string(), max);
    assert_eq!(format!("{:>4}", U256::ZERO), "   0");
    assert_eq!(U256::ZERO.checked_sub(&U256::ONE), None);
    assert_eq!(U256::ONE.checked_div(&U256::ZERO), None);
    assert_eq!(U256::MAX.checked_div(&U256::MAX), Some(U256::ONE));
    assert_eq!((U256::ZERO.bits(), U256::MAX.bits()), (0, 256));
    assert!(U256::ONE.shl(256).is_zero() && U256::MAX.shr(256).is_zero());
    assert!(Target::new(U256::ZERO).is_err());
    assert_eq!(Target::EASIEST.work(), U256::ONE);
    assert_eq!(Target::HARDEST.work(), U256::ONE.shl(255));
    assert_eq!(Target::HARDEST.eased(4).value(), U256::from(4));
    assert_eq!(Target::EASIEST.eased(2), Target::EASIEST);
}
