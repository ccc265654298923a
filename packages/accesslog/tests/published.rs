//! Published vectors of what this package stands on, through the same calls.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use common::{place, root};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use medrec_accesslog::{LogKey, LogSigner, Note, key_id};
use sha2::Sha256;

fn unhex<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text.split_whitespace().collect::<String>()).unwrap().try_into().unwrap()
}

/// RFC 5869 appendix A.1 and A.3.
#[test]
fn rfc5869_hkdf() {
    let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(&unhex::<13>("000102030405060708090a0b0c")), &[0x0b; 22]);
    assert_eq!(prk[..], unhex::<32>("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"));
    let mut output = [0u8; 42];
    hkdf.expand(&unhex::<10>("f0f1f2f3f4f5f6f7f8f9"), &mut output).unwrap();
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(output, unhex::<42>(expected));

    let (prk, hkdf) = Hkdf::<Sha256>::extract(None, &[0x0b; 22]);
    assert_eq!(prk[..], unhex::<32>("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"));
    hkdf.expand(&[], &mut output).unwrap();
    let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
    assert_eq!(output, unhex::<42>(expected));
}

/// HKDF-Expand as RFC 5869 section 2.3 writes it down.
fn expand(key: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let (mut output, mut block) = (Vec::new(), Vec::new());
    for counter in 1u8.. {
        if output.len() >= length {
            break;
        }
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap();
        mac.update(&block);
        mac.update(info);
        mac.update(&[counter]);
        block = mac.finalize().into_bytes().to_vec();
        output.extend_from_slice(&block);
    }
    output.truncate(length);
    output
}

fn lp(field: &str) -> Vec<u8> {
    [&(field.len() as u32).to_be_bytes(), field.as_bytes()].concat()
}

/// The ratchet, written a second time from wire.md section 4 and RFC 5869 alone.
#[test]
fn the_ratchet_is_what_the_page_says() {
    let mut extract = <Hmac<Sha256> as Mac>::new_from_slice(b"medrec/ratchet/v1").unwrap();
    extract.update(&[0x11; 32]);
    extract.update(&[0x22; 32]);
    let start = extract.finalize().into_bytes();
    assert_eq!(root().as_bytes()[..], start[..]);

    let place = place(7);
    let whose = [lp(place.chain_id), lp(place.contract), 7u64.to_be_bytes().to_vec()].concat();
    let tags = expand(&start, &[b"medrec/tags/v1", &whose[..]].concat(), 32);
    assert_eq!(root().tag_key(&place).as_bytes()[..], tags);

    let info = [b"medrec/ratchet/v1", &whose[..], &lp(place.log_origin)].concat();
    let mut chain_key = expand(&start, &info, 32);
    let mut ratchet = root().ratchet(&place);
    for counter in 0..5 {
        assert_eq!((ratchet.counter(), &ratchet.chain_key()[..]), (counter, &chain_key[..]));
        let output = expand(&chain_key, b"medrec/ratchet/step/v1", 96);
        let step = ratchet.step();
        assert_eq!((step.counter(), &step.label().0[..]), (counter, &output[..32]));
        chain_key = output[64..].to_vec();
    }
}

/// RFC 8439 section 2.8.2.
#[test]
fn rfc8439_aead() {
    let mut text =
        *b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                      sunscreen would be it.";
    let key: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
    let (nonce, aad) = (unhex::<12>("070000004041424344454647"), unhex::<12>("50515253c0c1c2c3c4c5c6c7"));
    let tag =
        ChaCha20Poly1305::new(&key.into()).encrypt_in_place_detached(&nonce.into(), &aad, &mut text).unwrap();
    let expected = "d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
                    3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
                    92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
                    3ff4def08e4b7a9de576d26586cec64b 6116";
    assert_eq!(text, unhex::<114>(expected));
    assert_eq!(tag[..], unhex::<16>("1ae10b594f09e26a7e902ecbd0600691"));
}

/// Key and note of the tests of Go's sumdb/note, which C2SP signed-note was written from.
#[test]
fn go_sumdb_note() {
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let note = format!(
        "{text}\n\u{2014} PeterNeumann \
         x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
    // PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz without its first byte, 0x01.
    let secret = unhex::<32>("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173");
    let key = LogSigner::new("PeterNeumann", &secret).unwrap().public().clone();
    assert_eq!(key.verifier_key(), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    let parsed = Note::parse(&note).unwrap();
    assert_eq!((parsed.text.as_str(), parsed.to_string()), (text, note));
    let [line] = &parsed.signatures[..] else { panic!("one signature") };
    assert_eq!((line.name.as_str(), line.key_id), ("PeterNeumann", [0xc7, 0x4f, 0x20, 0xa3]));
    let signature = Signature::from_slice(&line.signature).unwrap();
    VerifyingKey::from_bytes(key.public_key()).unwrap().verify_strict(text.as_bytes(), &signature).unwrap();
    assert_eq!(ed25519_dalek::Signer::sign(&SigningKey::from_bytes(&secret), text.as_bytes()), signature);
}

/// Example of C2SP signed-note: its key `example.com/foo+530d903a+…` and note.
#[test]
fn c2sp_signed_note_example() {
    let base64 = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, base64).unwrap();
    let public: [u8; 32] = bytes[1..].try_into().unwrap();
    let key = LogKey::new("example.com/foo", &public).unwrap();
    assert_eq!(key.verifier_key(), format!("example.com/foo+530d903a+{base64}"));
    let note = "This is an example message.\n\n\u{2014} example.com/foo \
                Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let parsed = Note::parse(note).unwrap();
    assert_eq!(parsed.signatures[0].key_id, key_id("example.com/foo", &public));
    let signature = Signature::from_slice(&parsed.signatures[0].signature).unwrap();
    VerifyingKey::from_bytes(&public).unwrap().verify_strict(parsed.text.as_bytes(), &signature).unwrap();
}

/// The notes shown in C2SP signed-note and tlog-checkpoint parse, text and key names as printed there.
#[test]
fn c2sp_examples_parse() {
    let poem = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
                \u{2014} quasimodo.example/salvatore \
                NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let parsed = Note::parse(poem).unwrap();
    assert!(parsed.text.ends_with("\n\ned è subito sera.\n"));
    assert_eq!(parsed.signatures[0].name, "quasimodo.example/salvatore");
    assert_eq!(parsed.to_string(), poem);

    let checkpoint = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let parsed = medrec_accesslog::Checkpoint::parse(checkpoint).unwrap();
    assert_eq!((parsed.origin.as_str(), parsed.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(parsed.text(), checkpoint);
}
