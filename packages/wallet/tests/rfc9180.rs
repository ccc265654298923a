//! RFC 9180 appendix A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use medrec_wallet::{PublicKey, SecretKey, seal};
use rand_core::{CryptoRng, RngCore};

const IKM_E: &str = "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b";
const PK_EM: &str = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
const SK_RM: &str = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb";
const PK_RM: &str = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a";
const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const AAD: &str = "436f756e742d30";
const PT: &str = "4265617574792069732074727574682c20747275746820626561757479";
const CT: &str = "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";
const EXPORT_TEST_CONTEXT: &str = "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53";

/// Hands out the RFC's ikmE once: a second draw would mean the sealing uses randomness we do not know of.
struct Once(Option<Vec<u8>>);

impl RngCore for Once {
    fn next_u32(&mut self) -> u32 {
        panic!("only whole keys are drawn")
    }
    fn next_u64(&mut self) -> u64 {
        panic!("only whole keys are drawn")
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.take().expect("drawn once"));
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Once {}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

#[test]
fn seals_opens_and_exports_as_published() {
    let secret = SecretKey::from_bytes(&bytes(SK_RM).try_into().unwrap());
    let public = PublicKey::from_slice(&bytes(PK_RM)).unwrap();
    assert_eq!(secret.public().unwrap(), public);

    let mut rng = Once(Some(bytes(IKM_E)));
    let sealed = seal::seal(&mut rng, "it", &public, &bytes(INFO), &bytes(AAD), &bytes(PT)).unwrap();
    assert_eq!(hex::encode(&sealed), format!("{PK_EM}{CT}"));
    let plain = seal::open("it", &secret, &bytes(INFO), &bytes(AAD), &sealed).unwrap();
    assert_eq!(hex::encode(&*plain), PT);

    let mut rng = Once(Some(bytes(IKM_E)));
    let (sealed, exported) =
        seal::seal_and_export(&mut rng, "it", &public, &bytes(INFO), b"", "TestContext").unwrap();
    assert_eq!(hex::encode(*exported), EXPORT_TEST_CONTEXT);
    let (_, exported) = seal::open_and_export("it", &secret, &bytes(INFO), &sealed, "TestContext").unwrap();
    assert_eq!(hex::encode(*exported), EXPORT_TEST_CONTEXT);
}
