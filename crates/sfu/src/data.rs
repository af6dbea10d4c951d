//! Data packets within a room: who sent it is stamped by the engine, whom it is for is read from it.
//!
//! Lives here: the few fields of LiveKit's `DataPacket` that a forwarder touches, the members of each room, and how
//! far each has come in numbering what it sends.
//! Not here: the packets' contents, which are opaque (an `EncryptedPacket` above all), and the channels (`session`).
//!
//! ```text
//! DataPacket                              UserPacket (field 2)
//!  2 user                                  1 participant_sid          stamped
//!  3 speaker                 refused       3 destination_sids         read
//!  4 participant_identity    stamped       5 participant_identity     stamped
//!  5 destination_identities  read          6 destination_identities   read
//!  8 metrics                 for nobody    … everything else           untouched
//! 16 sequence                read
//! 17 participant_sid         stamped
//!  … everything else         untouched
//! ```
//! A client numbers its reliable packets. After a resume it sends those again that signalling has told it did not come
//! (`last_sequence`); those that came after all, by SCTP's own resending, come twice and go on once.
//!
//! Source: livekit_models.proto.

use std::collections::HashMap;
use std::time::Instant;

use crate::TransportId;

/// Largest data packet that is forwarded, in bytes; the SDKs split longer ones.
pub(crate) const MAX_PACKET_BYTES: usize = 64 * 1024;

/// Most fields and most destinations looked at in one packet.
const MAX_FIELDS: usize = 4096;

/// What a sender may always send: so many bytes at once, then so many a second.
const FREE: (f64, f64) = (1_000_000.0, 64_000.0);

/// What it may send while everybody it sends to keeps up; a file at the speed of a good line.
const MOST: (f64, f64) = (4_000_000.0, 2_000_000.0);

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// One field of a protobuf message.
struct Field<'a> {
    number: u32,
    wire: u8,
    /// The whole field, key included.
    span: &'a [u8],
    /// The value, if the wire type is `VARINT`.
    value: u64,
    /// The value, if the wire type is `BYTES`.
    body: &'a [u8],
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The fields of a message in order; `None` if it is not one. Groups are not.
fn fields(message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut out = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        // A key has 32 bits. Readers differ in what they do with longer ones, so none passes.
        let key = u32::try_from(varint(&mut rest)?).ok()?;
        let (number, wire) = (key >> 3, (key & 7) as u8);
        let mut value = 0;
        let skip = match wire {
            VARINT => {
                value = varint(&mut rest)?;
                0
            }
            FIXED64 => 8,
            FIXED32 => 4,
            BYTES => usize::try_from(varint(&mut rest)?).ok()?,
            _ => return None,
        };
        let (body, tail) = rest.split_at_checked(skip)?;
        rest = tail;
        if number == 0 || out.len() == MAX_FIELDS {
            return None;
        }
        out.push(Field { number, wire, span: &start[..start.len() - rest.len()], value, body });
    }
    Some(out)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_varint(out, u64::from(number << 3 | u32::from(BYTES)));
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Whom a packet is for; both empty means everybody in the room.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Destinations {
    identities: Vec<String>,
    sids: Vec<String>,
    /// A client's measurements are for a server that gathers them; passed on they would cost everybody.
    nobody: bool,
}

impl Destinations {
    fn include(&self, identity: &str, sid: &str) -> bool {
        if self.nobody {
            return false;
        }
        (self.identities.is_empty() && self.sids.is_empty())
            || self.identities.iter().any(|i| i == identity)
            || self.sids.iter().any(|s| s == sid)
    }
}

/// A packet with its true sender.
#[derive(Debug)]
pub(crate) struct Stamped {
    pub(crate) bytes: Vec<u8>,
    pub(crate) to: Destinations,
    /// The sender's number of it; 0: none.
    pub(crate) sequence: u32,
}

/// Stamp a packet with its true sender.
///
/// packet: a `DataPacket` as the client sent it. identity, sid: the sender's; of a hidden sender no identity is given,
/// and the receivers learn its sid alone, by which they tell its numbering from others'.
/// `None` if it is malformed, too large, or of a kind that only a server may send.
pub(crate) fn stamp(packet: &[u8], identity: Option<&str>, sid: &str) -> Option<Stamped> {
    if packet.len() > MAX_PACKET_BYTES {
        return None;
    }
    let (identity, user_sid) = identity.map_or(("", ""), |identity| (identity, sid));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let mut out = Vec::with_capacity(packet.len() + 2 * (identity.len() + sid.len()) + 16);
    let mut to = Destinations::default();
    let mut sequence = 0;
    for field in fields(packet)? {
        match field.number {
            4 | 17 => {}
            2 | 5 if field.wire != BYTES => return None,
            2 => {
                let mut user = Vec::with_capacity(field.body.len() + identity.len() + sid.len() + 8);
                for inner in fields(field.body)? {
                    match inner.number {
                        1 | 5 => continue,
                        3 | 6 if inner.wire != BYTES => return None,
                        3 => to.sids.push(text(inner.body)?),
                        6 => to.identities.push(text(inner.body)?),
                        _ => {}
                    }
                    user.extend_from_slice(inner.span);
                }
                put_bytes(&mut user, 1, user_sid.as_bytes());
                put_bytes(&mut user, 5, identity.as_bytes());
                put_bytes(&mut out, 2, &user);
            }
            3 => return None,
            8 => to.nobody = true,
            16 if field.wire == VARINT => {
                sequence = field.value as u32;
                out.extend_from_slice(field.span);
            }
            5 => {
                to.identities.push(text(field.body)?);
                out.extend_from_slice(field.span);
            }
            _ => out.extend_from_slice(field.span),
        }
    }
    put_bytes(&mut out, 4, identity.as_bytes());
    put_bytes(&mut out, 17, sid.as_bytes());
    Some(Stamped { bytes: out, to, sequence })
}

/// What a sender may still send. Datagrams over it are dropped before they are read, as a narrow path would: a reliable
/// channel then sends them again, more slowly, so nothing is lost and nobody has to go. Else whoever sends faster than
/// the others receive would fill what waits for them until they lose their transports.
#[derive(Debug)]
pub(crate) struct Inflow {
    free: f64,
    most: f64,
    at: Instant,
}

impl Inflow {
    pub(crate) fn new(now: Instant) -> Inflow {
        Inflow { free: FREE.0, most: MOST.0, at: now }
    }

    /// Whether so many bytes may come in now. pressed: whether some receiver does not keep up; asked if it matters.
    pub(crate) fn admits(&mut self, bytes: usize, now: Instant, pressed: impl FnOnce() -> bool) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.free = (self.free + passed * FREE.1).min(FREE.0);
        self.most = (self.most + passed * MOST.1).min(MOST.0);
        let bytes = bytes as f64;
        if self.most < bytes || (self.free < bytes && pressed()) {
            return false;
        }
        self.most -= bytes;
        self.free = (self.free - bytes).max(0.0);
        true
    }
}

/// A participant as the engine knows it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) identity: String,
    pub(crate) sid: String,
    /// The transport on which it receives.
    pub(crate) down: TransportId,
    pub(crate) can_publish_data: bool,
    /// The others do not know of it.
    pub(crate) hidden: bool,
    /// The highest number of a reliable packet that came from it; 0: none came.
    pub(crate) last_sequence: u32,
}

/// Why a packet does not go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Malformed, too large, or not allowed.
    Refused,
    /// It came before.
    Repeated,
}

/// Who is in which room, by the transport on which a member sends.
#[derive(Debug, Default)]
pub(crate) struct Members {
    rooms: HashMap<u64, HashMap<TransportId, Member>>,
    room_of: HashMap<TransportId, u64>,
}

impl Members {
    /// Enter a member, or replace what was known of it but for its numbering.
    pub(crate) fn enter(&mut self, room: u64, up: TransportId, mut member: Member) {
        member.last_sequence = self.last_sequence(up);
        self.leave(up);
        self.room_of.insert(up, room);
        self.rooms.entry(room).or_default().insert(up, member);
    }

    /// Remove the member that sends on `up`, if there is one.
    pub(crate) fn leave(&mut self, up: TransportId) {
        let Some(room) = self.room_of.remove(&up) else { return };
        if let Some(members) = self.rooms.get_mut(&room) {
            members.remove(&up);
            if members.is_empty() {
                self.rooms.remove(&room);
            }
        }
    }

    /// Where the others in the room receive of whoever sends on `up`.
    pub(crate) fn others(&self, up: TransportId) -> impl Iterator<Item = TransportId> + '_ {
        let room = self.room_of.get(&up).and_then(|room| self.rooms.get(room));
        room.into_iter().flatten().filter(move |(id, _)| **id != up).map(|(_, m)| m.down)
    }

    /// The highest number of a reliable packet that came in on `up`; 0: none came.
    pub(crate) fn last_sequence(&self, up: TransportId) -> u32 {
        let member = self.room_of.get(&up).and_then(|room| self.rooms.get(room)?.get(&up));
        member.map_or(0, |m| m.last_sequence)
    }

    /// How much is known of rooms and members.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn held(&self) -> usize {
        self.rooms.len() + self.room_of.len()
    }

    /// Stamp what came in on `up`, and say on which transports it goes out: those of the others in the same room whom
    /// the packet names.
    pub(crate) fn address(
        &mut self,
        up: TransportId,
        packet: &[u8],
        reliable: bool,
    ) -> Result<(Vec<u8>, Vec<TransportId>), Stop> {
        let room = self.room_of.get(&up).and_then(|room| self.rooms.get_mut(room)).ok_or(Stop::Refused)?;
        let sender = room.get_mut(&up).filter(|m| m.can_publish_data).ok_or(Stop::Refused)?;
        let identity = (!sender.hidden).then_some(sender.identity.as_str());
        let Stamped { bytes, to, sequence } = stamp(packet, identity, &sender.sid).ok_or(Stop::Refused)?;
        if reliable && sequence > 0 {
            if sequence <= sender.last_sequence {
                return Err(Stop::Repeated);
            }
            sender.last_sequence = sequence;
        }
        let receivers = room
            .iter()
            .filter(|(id, m)| **id != up && to.include(&m.identity, &m.sid))
            .map(|(_, m)| m.down)
            .collect();
        Ok((bytes, receivers))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(parts: &[(u32, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, value) in parts {
            put_bytes(&mut out, *number, value);
        }
        out
    }

    fn values(packet: &[u8], number: u32) -> Vec<Vec<u8>> {
        fields(packet).unwrap().iter().filter(|f| f.number == number).map(|f| f.body.to_vec()).collect()
    }

    #[test]
    fn a_sender_is_slowed_down_by_who_does_not_keep_up_and_never_below_what_is_free() {
        let sent_in = |seconds: u64, pressed: bool| {
            let start = Instant::now();
            let mut inflow = Inflow::new(start);
            let passed = (0..seconds * 10_000)
                .filter(|n| inflow.admits(1200, start + Duration::from_micros(n * 100), || pressed))
                .count();
            passed as f64 * 1200.0
        };
        let near = |got: f64, wanted: f64| (got - wanted).abs() < 0.01 * wanted;
        assert!(near(sent_in(10, true), FREE.0 + 10.0 * FREE.1));
        assert!(near(sent_in(10, false), MOST.0 + 10.0 * MOST.1));
        let mut inflow = Inflow::new(Instant::now());
        assert!(inflow.admits(1200, Instant::now(), || unreachable!("what is free depends on nobody")));
    }

    #[test]
    fn a_forged_sender_is_replaced_everywhere() {
        let user = message(&[(1, b"PA_forged"), (5, b"forged"), (2, b"words"), (4, b"topic")]);
        let packet = message(&[(4, b"forged"), (2, &user), (17, b"PA_forged"), (4, b"again")]);
        let Stamped { bytes: out, to, .. } = stamp(&packet, Some("principal-a"), "PA_1").unwrap();
        assert_eq!(to, Destinations::default());
        assert_eq!(values(&out, 4), [b"principal-a"]);
        assert_eq!(values(&out, 17), [b"PA_1"]);
        let user = values(&out, 2).remove(0);
        assert_eq!(values(&user, 1), [b"PA_1"]);
        assert_eq!(values(&user, 5), [b"principal-a"]);
        assert_eq!(values(&user, 2), [b"words"]);
        assert_eq!(values(&user, 4), [b"topic"]);
        let hidden = stamp(&packet, None, "PA_1").unwrap().bytes;
        assert_eq!((values(&hidden, 4), values(&hidden, 17)), (vec![vec![]], vec![b"PA_1".to_vec()]));
        let user = values(&hidden, 2).remove(0);
        assert_eq!((values(&user, 1), values(&user, 5)), (vec![vec![]], vec![vec![]]));
    }

    #[test]
    fn an_encrypted_packet_passes_bit_exact() {
        let opaque: Vec<u8> = (0..=255).collect();
        let mut packet = message(&[(18, &opaque)]);
        packet.extend_from_slice(&[0x80, 0x01, 0x2a]); // field 16, sequence = 42
        packet.extend_from_slice(&[0x82, 0x01, 0x00]);
        let stamped = stamp(&packet, Some("a"), "PA_1").unwrap();
        assert!(stamped.bytes.starts_with(&packet));
        assert_eq!(stamped.sequence, 42, "as a number alone");
    }

    #[test]
    fn a_packet_goes_to_those_it_names_in_its_own_room_and_never_back() {
        let mut members = Members::default();
        let member = |n: u64, name: &str, may: bool| Member {
            identity: name.into(),
            sid: format!("PA_{name}"),
            down: TransportId(n + 100),
            can_publish_data: may,
            hidden: false,
            last_sequence: 0,
        };
        for (room, n, name, may) in
            [(1, 1, "a", true), (1, 2, "b", true), (1, 3, "c", false), (2, 4, "b", true)]
        {
            members.enter(room, TransportId(n), member(n, name, may));
        }
        let mut to = |up: u64, packet: &[u8]| {
            members.address(TransportId(up), packet, true).ok().map(|(_, mut to)| {
                to.sort();
                to.into_iter().map(|t| t.0).collect::<Vec<_>>()
            })
        };
        assert_eq!(to(1, &message(&[(18, b"x")])), Some(vec![102, 103]));
        assert_eq!(to(1, &message(&[(18, b"x"), (5, b"b")])), Some(vec![102]));
        assert_eq!(to(1, &message(&[(2, &message(&[(6, b"c")]))])), Some(vec![103]));
        assert_eq!(to(1, &message(&[(2, &message(&[(3, b"PA_b")]))])), Some(vec![102]));
        assert_eq!(to(1, &message(&[(18, b"x"), (5, b"a")])), Some(vec![]));
        assert_eq!(to(1, &message(&[(8, b"x")])), Some(vec![]), "a client's measurements");
        assert_eq!(to(4, &message(&[(18, b"x")])), Some(vec![]));
        assert_eq!(to(3, &message(&[(18, b"x")])), None, "may not send");
        assert_eq!(to(9, &message(&[(18, b"x")])), None, "not a member");
        members.leave(TransportId(2));
        assert_eq!(members.address(TransportId(1), &message(&[]), true).unwrap().1, [TransportId(103)]);
    }

    #[test]
    fn a_reliable_packet_that_comes_again_goes_on_once_whatever_becomes_of_its_sender() {
        let mut members = Members::default();
        let member = |may: bool| Member {
            identity: "a".into(),
            sid: "PA_a".into(),
            down: TransportId(101),
            can_publish_data: may,
            hidden: false,
            last_sequence: 0,
        };
        let up = TransportId(1);
        members.enter(1, up, member(true));
        let numbered = |n: u8| [message(&[(18, b"x")]), vec![0x80, 0x01, n]].concat();
        assert_eq!(members.last_sequence(up), 0);
        let mut say = |n: u8, reliable: bool| members.address(up, &numbered(n), reliable).map(|_| ());
        assert_eq!([1, 2, 4].map(|n| say(n, true)), [Ok(()), Ok(()), Ok(())], "a gap is the client's affair");
        assert_eq!([1, 3, 4].map(|n| say(n, true)), [1, 3, 4].map(|_| Err(Stop::Repeated)));
        assert_eq!([0, 0].map(|n| say(n, true)), [Ok(()), Ok(())], "not numbered");
        assert_eq!(say(4, false), Ok(()), "lossy packets have no numbering");
        members.enter(1, up, member(false));
        assert_eq!(members.address(up, &numbered(5), true).map(|_| ()), Err(Stop::Refused));
        members.enter(1, up, member(true));
        assert_eq!(members.last_sequence(up), 4, "what was refused did not come");
        assert_eq!(members.address(up, &numbered(4), true).map(|_| ()), Err(Stop::Repeated));
        members.leave(up);
        assert_eq!(members.last_sequence(up), 0);
    }

    #[test]
    fn what_only_a_server_says_and_what_is_no_message_are_refused() {
        for packet in [
            message(&[(3, b"speakers")]),
            vec![0x12],                                     // a key without its value
            vec![0x12, 0x05, 1],                            // a value cut short
            vec![0x13, 0x14],                               // a group
            vec![0x10, 0x01],                               // the user packet as a number
            vec![0xa2, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00], // a key of more than 32 bits
            vec![0xff; 12],
            vec![0; MAX_PACKET_BYTES + 1],
            [0x40, 0x00].repeat(MAX_FIELDS + 1),
            message(&[(5, &[0xff])]),
        ] {
            assert!(stamp(&packet, Some("a"), "PA_1").is_none(), "{:?}", &packet[..packet.len().min(12)]);
        }
    }

    #[test]
    fn no_cut_or_flipped_byte_makes_a_forged_sender_pass() {
        let user = message(&[(1, b"PA_forged"), (2, b"words")]);
        let packet = message(&[(4, b"forged"), (2, &user), (17, b"PA_forged")]);
        for at in 0..packet.len() {
            for bit in 0..8 {
                let mut bad = packet.clone();
                bad[at] ^= 1 << bit;
                for candidate in [&bad[..], &packet[..at]] {
                    if let Some(Stamped { bytes: out, .. }) = stamp(candidate, Some("a"), "PA_1") {
                        assert_eq!(values(&out, 4), [b"a"]);
                        assert_eq!(values(&out, 17), [b"PA_1"]);
                    }
                }
            }
        }
    }
}
