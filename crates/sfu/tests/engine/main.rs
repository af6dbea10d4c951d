//! The engine between real WebRTC clients, in memory and in virtual time: real ICE, DTLS, SRTP and SCTP, no socket.

mod congestion;
mod loopback;
mod paths;
mod redundancy;
mod simulation;
mod world;
