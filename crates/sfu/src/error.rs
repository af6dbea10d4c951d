//! What can go wrong in the engine, and the stable code of each.
//!
//! Lives here: the one error type of this crate. Not here: its Python form (`sfu-py`).
//!
//! Messages never repeat what a client sent: a description may be hostile, and str0m's own errors print addresses of
//! memory.

use std::fmt;

/// Why the engine did not do what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// No transport of that number lives.
    UnknownTransport,
    /// A transport of that number exists already.
    TransportExists,
    /// A session description is longer than [`crate::MAX_SDP_BYTES`] or has too many sections.
    DescriptionTooLarge,
    /// The offer is not a session description.
    MalformedOffer,
    /// The answer is not a session description.
    MalformedAnswer,
    /// The offer can be read, but not be taken.
    OfferRefused,
    /// The answer can be read, but does not fit the offer.
    AnswerRefused,
    /// There is no offer that this answer could answer.
    NoOfferPending,
    /// The offer would change nothing.
    NothingToOffer,
    /// The transport failed inside and was closed; the others go on.
    TransportFailed,
    /// An address to advertise is missing or cannot be one.
    BadAddress,
    /// The library of cryptography could not make a certificate.
    NoCertificate,
}

impl Error {
    /// The stable name of the error: kebab-case, never translated.
    pub fn code(self) -> &'static str {
        match self {
            Error::UnknownTransport => "unknown-transport",
            Error::TransportExists => "transport-exists",
            Error::DescriptionTooLarge => "description-too-large",
            Error::MalformedOffer => "malformed-offer",
            Error::MalformedAnswer => "malformed-answer",
            Error::OfferRefused => "offer-refused",
            Error::AnswerRefused => "answer-refused",
            Error::NoOfferPending => "no-offer-pending",
            Error::NothingToOffer => "nothing-to-offer",
            Error::TransportFailed => "transport-failed",
            Error::BadAddress => "bad-address",
            Error::NoCertificate => "no-certificate",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::UnknownTransport => "no such transport",
            Error::TransportExists => "a transport of that number exists already",
            Error::DescriptionTooLarge => "the session description is too large",
            Error::MalformedOffer => "the offer cannot be read",
            Error::MalformedAnswer => "the answer cannot be read",
            Error::OfferRefused => "the offer cannot be taken",
            Error::AnswerRefused => "the answer does not fit the offer",
            Error::NoOfferPending => "no offer waits for an answer",
            Error::NothingToOffer => "the offer would change nothing",
            Error::TransportFailed => "the transport failed and was closed",
            Error::BadAddress => "not an address that can be advertised",
            Error::NoCertificate => "no certificate could be made",
        })
    }
}

impl std::error::Error for Error {}
