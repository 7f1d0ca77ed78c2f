//! Our hashes against those that rustls has by itself, which are aws-lc's.

use proptest::collection::vec;
use proptest::prelude::*;
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::crypto::tls13::OkmBlock;
use rustls::{SupportedCipherSuite, Tls13CipherSuite};

use crate::key_schedule::{with_sha256, with_sha384};

fn pairs() -> [(Tls13CipherSuite, &'static Tls13CipherSuite); 3] {
    let tls13 = |suite: &SupportedCipherSuite| suite.tls13().unwrap();
    let aes128 = &cipher_suite::TLS13_AES_128_GCM_SHA256;
    let aes256 = &cipher_suite::TLS13_AES_256_GCM_SHA384;
    let chacha20 = &cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    [
        (with_sha256(aes128), tls13(aes128)),
        (with_sha384(aes256), tls13(aes256)),
        (with_sha256(chacha20), tls13(chacha20)),
    ]
}

#[test]
fn a_suite_keeps_what_is_not_its_hash() {
    for (ours, theirs) in pairs() {
        assert_eq!(ours.common.suite, theirs.common.suite);
        assert_eq!(ours.common.confidentiality_limit, theirs.common.confidentiality_limit);
        assert_eq!(ours.common.hash_provider.algorithm(), theirs.common.hash_provider.algorithm());
        assert_eq!(
            ours.common.hash_provider.output_len(),
            theirs.common.hash_provider.output_len()
        );
    }
}

#[test]
fn what_is_too_long_is_not_expanded() {
    for (ours, theirs) in pairs() {
        let most = 255 * theirs.common.hash_provider.output_len();
        for len in [0, most, most + 1] {
            let expand = |suite: &Tls13CipherSuite| {
                let mut output = vec![0; len];
                let secret = suite.hkdf_provider.extract_from_secret(None, b"secret");
                secret.expand_slice(&[b"info"], &mut output).is_ok().then_some(output)
            };
            assert_eq!(expand(&ours).is_some(), len <= most);
            assert_eq!(expand(&ours), expand(theirs));
        }
    }
}

proptest! {
    #[test]
    fn a_transcript_is_the_same(messages in vec(vec(any::<u8>(), 0..300), 0..6)) {
        for (ours, theirs) in pairs() {
            let digests = |suite: &Tls13CipherSuite| {
                let hash = suite.common.hash_provider;
                let mut transcript = hash.start();
                let mut digests = vec![hash.hash(&messages.concat()).as_ref().to_vec()];
                for message in &messages {
                    transcript.update(message);
                    digests.push(transcript.fork_finish().as_ref().to_vec());
                    digests.push(transcript.fork().finish().as_ref().to_vec());
                }
                digests.push(transcript.finish().as_ref().to_vec());
                digests
            };
            prop_assert_eq!(digests(&ours), digests(theirs));
        }
    }

    //= test RFC 5869 §2: extract, then expand, with and without a salt.
    #[test]
    fn secrets_are_the_same(
        salt in proptest::option::of(vec(any::<u8>(), 0..200)),
        secret in vec(any::<u8>(), 0..200),
        info in vec(vec(any::<u8>(), 0..80), 0..5),
        len in 0_usize..300,
        message in vec(any::<u8>(), 0..200),
    ) {
        let info: Vec<&[u8]> = info.iter().map(Vec::as_slice).collect();
        for (ours, theirs) in pairs() {
            let secrets = |suite: &Tls13CipherSuite| {
                let hkdf = suite.hkdf_provider;
                let extracted = hkdf.extract_from_secret(salt.as_deref(), &secret);
                let block = extracted.expand_block(&info);
                let okm = OkmBlock::new(block.as_ref());
                let mut output = vec![0; len];
                extracted.expand_slice(&info, &mut output).unwrap();
                let of_nothing = hkdf.extract_from_zero_ikm(salt.as_deref()).expand_block(&info);
                let next = hkdf.expander_for_okm(&okm).expand_block(&info);
                let tag = hkdf.hmac_sign(&okm, &message);
                let blocks = [block.as_ref(), of_nothing.as_ref(), next.as_ref(), tag.as_ref()];
                (extracted.hash_len(), output, blocks.concat())
            };
            prop_assert_eq!(secrets(&ours), secrets(theirs));
        }
    }
}
