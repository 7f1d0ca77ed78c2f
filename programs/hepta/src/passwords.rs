//! Passwords: hashes of them, and whether one is right.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

/// Somebody who may come in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) hash: Hash,
}

/// The hash of a password, by one of the functions that were made for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Hash {
    /// `$argon2id$…` (RFC 9106), and its sisters `argon2i` and `argon2d`.
    Argon2(String),
    /// `$2b$…`, `$2y$…` or `$2a$…`, as `htpasswd -B` writes it.
    Bcrypt(String),
}

impl Hash {
    /// The hash of a new password: argon2id with the library's parameters, which are those that
    /// OWASP names.
    pub(crate) fn of(password: &[u8]) -> anyhow::Result<Self> {
        let hash = Argon2::default().hash_password(password);
        Ok(Self::Argon2(hash.map_err(|error| anyhow::anyhow!("{error}"))?.to_string()))
    }

    /// Reads a hash as it is written in a file of users.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.starts_with("$argon2") {
            PasswordHash::new(text).ok()?;
            return Some(Self::Argon2(text.to_owned()));
        }
        text.parse::<bcrypt::HashParts>().ok()?;
        Some(Self::Bcrypt(text.to_owned()))
    }

    /// Whether `password` is the one. Takes some hundredths of a second, on purpose.
    pub(crate) fn is_of(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(hash) => PasswordHash::new(hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok()),
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Argon2(hash) | Self::Bcrypt(hash) => hash,
        }
    }
}

/// Whether one of `users` has this name and this password. Takes as long for a name that nobody has.
pub(crate) fn is_one_of(users: &[User], name: &str, password: &[u8]) -> bool {
    match users.iter().find(|user| user.name == name) {
        Some(user) => user.hash.is_of(password),
        None => {
            if let Some(other) = users.first() {
                other.hash.is_of(password);
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash() {
        let hash = Hash::of(b"secret").unwrap();
        let read = Hash::parse(hash.as_str()).unwrap();
        assert_eq!(read, hash);
        assert!(read.is_of(b"secret"));
        assert!(!read.is_of(b"Secret"));
    }

    #[test]
    fn hashes_of_others_are_read() {
        // `htpasswd -nbB -C 4 anna secret`
        let hash = bcrypt::hash("secret", 4).unwrap().replace("$2b$", "$2y$");
        let users = [User { name: "anna".into(), hash: Hash::parse(&hash).unwrap() }];
        assert!(is_one_of(&users, "anna", b"secret"));
        assert!(!is_one_of(&users, "anna", b"wrong"));
        assert!(!is_one_of(&users, "bob", b"secret"));
        for bad in ["", "secret", "$apr1$x$y", "{SHA}abc", "$argon2id$", "$2y$10$short"] {
            assert_eq!(Hash::parse(bad), None, "{bad}");
        }
    }
}
