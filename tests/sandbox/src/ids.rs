//! Record ids: 15 case-sensitive characters, or 18 with a suffix that keeps the case.

use std::fmt;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The characters between an id's key prefix and its serial number; they name
/// the instance that made the record.
pub(crate) const INSTANCE: [u8; 3] = *b"gK0";

const SERIAL_DIGITS: usize = 9;

/// One record id. Ordered as Salesforce orders ids, by its characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id([u8; 15]);

impl Id {
    /// Returns the id written as 15 or 18 characters.
    ///
    /// The suffix says which letters are capitals, so an 18-character id whose
    /// case was lost on the way is mended.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let mut short: [u8; 15] = bytes.get(..15)?.try_into().ok()?;
        match bytes.len() {
            15 => Some(Self(short)),
            18 => {
                for (block, letter) in short.chunks_mut(5).zip(&bytes[15..]) {
                    let bits =
                        SUFFIX.iter().position(|known| *known == letter.to_ascii_uppercase())?;
                    for (place, character) in block.iter_mut().enumerate() {
                        if bits >> place & 1 == 1 {
                            character.make_ascii_uppercase();
                        } else {
                            character.make_ascii_lowercase();
                        }
                    }
                }
                Some(Self(short))
            }
            _ => None,
        }
    }

    /// Returns the id with these 15 characters, which were an id's before.
    pub(crate) fn from_short(short: [u8; 15]) -> Self {
        Self(short)
    }

    /// Returns the id of the record with this serial number under a key prefix.
    pub(crate) fn compose(prefix: &str, mut serial: u64) -> Self {
        let mut short = [b'0'; 15];
        short[..3].copy_from_slice(&prefix.as_bytes()[..3]);
        short[3..6].copy_from_slice(&INSTANCE);
        for place in (15 - SERIAL_DIGITS..15).rev() {
            short[place] = DIGITS[(serial % 62) as usize];
            serial /= 62;
        }
        Self(short)
    }

    /// Returns the serial number, if this instance made the id.
    pub(crate) fn serial(&self) -> Option<u64> {
        if self.0[3..6] != INSTANCE {
            return None;
        }
        self.0[15 - SERIAL_DIGITS..].iter().try_fold(0_u64, |sum, character| {
            let digit = DIGITS.binary_search(character).ok()?;
            sum.checked_mul(62)?.checked_add(digit as u64)
        })
    }

    /// Returns the three characters that tell the object.
    pub(crate) fn prefix(&self) -> &str {
        std::str::from_utf8(&self.0[..3]).unwrap_or_default()
    }

    /// Returns the 15-character form.
    pub(crate) fn short(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the 18-character form as bytes.
    pub(crate) fn long(&self) -> [u8; 18] {
        let mut long = [0; 18];
        long[..15].copy_from_slice(&self.0);
        for (block, characters) in self.0.chunks(5).enumerate() {
            let bits = characters
                .iter()
                .enumerate()
                .filter(|(_, character)| character.is_ascii_uppercase())
                .fold(0_usize, |bits, (place, _)| bits | 1 << place);
            long[15 + block] = SUFFIX[bits];
        }
        long
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(&self.long()).unwrap_or_default())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_follows_the_capitals() {
        for (short, suffix) in [
            ("001Da00000xnAk6", "IAE"),
            ("0015500001QdQWa", "AAN"),
            ("003q000000KvQ1t", "AAF"),
            ("a0D30000001n7Pi", "EAI"),
            ("701E0000000JuFH", "IA0"),
            ("001000000000000", "AAA"),
        ] {
            let id = Id::parse(short).unwrap();
            assert_eq!(id.to_string(), format!("{short}{suffix}"));
            assert_eq!(Id::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn a_suffix_mends_a_lost_case() {
        let mangled = "001DA00000XNAK6IAE".to_ascii_lowercase();
        let mended = Id::parse(&mangled).unwrap();
        assert_eq!(mended.short(), "001Da00000xnAk6");
    }

    #[test]
    fn a_serial_number_survives_the_id() {
        for serial in [0, 1, 61, 62, 238_329, 13_537_086_546_263_551] {
            assert_eq!(Id::compose("003", serial).serial(), Some(serial));
        }
    }

    #[test]
    fn ids_sort_as_their_serial_numbers() {
        let mut ids: Vec<_> = (0..5000).map(|n| Id::compose("003", n * 7)).collect();
        let sorted = ids.clone();
        ids.sort_by_key(|id| id.short().to_owned());
        assert_eq!(ids, sorted);
    }

    #[test]
    fn other_lengths_and_signs_are_no_ids() {
        for text in ["", "003", "0030000000000001x", "00300000000000!", "0030000000000ü"] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }
}
