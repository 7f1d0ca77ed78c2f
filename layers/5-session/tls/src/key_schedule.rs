//! The hashes of TLS 1.3's transcript and key schedule (RFC 8446 §4.4.1, §7.1), on RustCrypto's SHA-2
//! where rustls would take aws-lc's.
//!
//! A handshake hashes often and little: some sixty times a block or two. What counts then is what stands
//! around the hash. aws-lc keeps contexts on the heap, and extracts a secret anew for each thing that is
//! expanded from it; here that is done once, on the stack. Key exchange, signatures and records stay
//! aws-lc's.

use std::marker::PhantomData;

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use rustls::crypto::CipherSuiteCommon;
use rustls::crypto::hash::{self, HashAlgorithm, Output};
use rustls::crypto::hmac::Tag;
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock, OutputLengthError};
use rustls::{SupportedCipherSuite, Tls13CipherSuite};
use sha2::digest::{self, CtOutput};
use sha2::{Digest, Sha256, Sha384};

static SHA256: Hashing<Sha256> = Hashing::new(HashAlgorithm::SHA256);
static SHA384: Hashing<Sha384> = Hashing::new(HashAlgorithm::SHA384);

/// A suite of TLS 1.3 whose name ends in `SHA256`, with these hashes in place of its own.
pub(crate) const fn with_sha256(suite: &SupportedCipherSuite) -> Tls13CipherSuite {
    with(suite, &SHA256, &SHA256)
}

/// The same for `SHA384`.
pub(crate) const fn with_sha384(suite: &SupportedCipherSuite) -> Tls13CipherSuite {
    with(suite, &SHA384, &SHA384)
}

const fn with(
    suite: &SupportedCipherSuite,
    hash_provider: &'static dyn hash::Hash,
    hkdf_provider: &'static dyn Hkdf,
) -> Tls13CipherSuite {
    let SupportedCipherSuite::Tls13(suite) = suite else { panic!("it is a suite of TLS 1.3") };
    let CipherSuiteCommon { suite: name, confidentiality_limit, .. } = suite.common;
    Tls13CipherSuite {
        common: CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit },
        hkdf_provider,
        aead_alg: suite.aead_alg,
        quic: None,
    }
}

/// A hash of RustCrypto's with HMAC over it.
trait Sha2: EagerHash<Core: Send + Sync> + Send + Sync + 'static {}

impl Sha2 for Sha256 {}
impl Sha2 for Sha384 {}

/// What HMAC over a hash comes to, wiped when it is dropped, as the states of hashes and HMACs are.
type Block<D> = CtOutput<Hmac<D>>;

/// A hash, and HMAC and HKDF over it, as rustls asks for them.
struct Hashing<D> {
    name: HashAlgorithm,
    of: PhantomData<fn() -> D>,
}

impl<D> Hashing<D> {
    const fn new(name: HashAlgorithm) -> Self {
        Self { name, of: PhantomData }
    }
}

impl<D: Sha2> hash::Hash for Hashing<D> {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(Transcript(D::new()))
    }

    fn hash(&self, data: &[u8]) -> Output {
        Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.name
    }
}

/// The messages of a handshake so far.
struct Transcript<D>(D);

impl<D: Sha2> hash::Context for Transcript<D> {
    fn fork_finish(&self) -> Output {
        Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

impl<D: Sha2> Hkdf for Hashing<D> {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        self.extract_from_secret(salt, &digest::Output::<D>::default())
    }

    //= RFC 5869 §2.2: no salt is as many zeros as the hash is long; HMAC fills its keys up with zeros.
    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        let prk = key::<D>(salt.unwrap_or_default()).chain_update(secret).finalize();
        Box::new(Expander(key::<D>(prk.as_bytes())))
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        Box::new(Expander(key::<D>(okm.as_ref())))
    }

    fn hmac_sign(&self, secret: &OkmBlock, message: &[u8]) -> Tag {
        Tag::new(key::<D>(secret.as_ref()).chain_update(message).finalize().as_bytes())
    }
}

/// A secret from which others are expanded.
struct Expander<D: Sha2>(Hmac<D>);

impl<D: Sha2> Expander<D> {
    //= RFC 5869 §2.3: a block is made of the one before, of what it is for, and of its number.
    fn block(&self, before: &[u8], info: &[&[u8]], number: u8) -> Block<D> {
        let mut hmac = self.0.clone();
        hmac.update(before);
        for part in info {
            hmac.update(part);
        }
        hmac.update(&[number]);
        hmac.finalize()
    }
}

impl<D: Sha2> HkdfExpander for Expander<D> {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        if output.len() > usize::from(u8::MAX) * self.hash_len() {
            return Err(OutputLengthError);
        }
        let mut last: Option<Block<D>> = None;
        for (chunk, number) in output.chunks_mut(self.hash_len()).zip(1..=u8::MAX) {
            let before = last.as_ref().map(|block| block.as_bytes().as_slice());
            let block = self.block(before.unwrap_or_default(), info, number);
            for (to, from) in chunk.iter_mut().zip(block.as_bytes()) {
                *to = *from;
            }
            last = Some(block);
        }
        Ok(())
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        OkmBlock::new(self.block(&[], info, 1).as_bytes())
    }

    fn hash_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

/// A key of HMAC, both of whose pads are taken in (RFC 2104 §2).
fn key<D: Sha2>(bytes: &[u8]) -> Hmac<D> {
    Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length")
}
