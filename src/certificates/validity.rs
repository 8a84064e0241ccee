//! Dates of certificates and revocation lists.

use jiff::Timestamp;
use x509_parser::time::ASN1Time;

/// The time as the rest of the program has it. One that is out of its range is the end of time.
pub(super) fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}
