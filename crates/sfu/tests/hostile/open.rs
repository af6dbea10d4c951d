//! Cryptography that seals nothing, for the fuzzers: whatever bytes come from a client's address are read as if that
//! client had sealed them, so that what lies behind DTLS and SRTP is reached. Everything above it is the real str0m.

use std::collections::VecDeque;
use std::sync::Once;
use std::time::{Duration, Instant};

use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, KeyingMaterial,
    ProtocolVersion, SrtpProfile,
};
use str0m::crypto::{
    AeadAes128GcmCipher, CryptoError, CryptoProvider, SrtpProvider, SupportedAeadAes128Gcm,
    SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

/// Length of the seal that each packet would bear.
const TAG: usize = 16;

/// First bytes of records, as in DTLS.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
pub const APPLICATION: u8 = 23;

/// How often a client says hello until it is heard.
const AGAIN: Duration = Duration::from_millis(50);

/// Let every transport of this process, engine and clients, seal nothing.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let real = str0m::crypto::from_feature_flags();
        CryptoProvider { srtp_provider: &Open, dtls_provider: &Open, ..real }.install_process_default();
    });
}

#[derive(Debug)]
struct Open;

impl SrtpProvider for Open {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        str0m::crypto::from_feature_flags().srtp_provider.aes_128_cm_sha1_80()
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Open
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        str0m::crypto::from_feature_flags().srtp_provider.aead_aes_256_gcm()
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        str0m::crypto::from_feature_flags().srtp_provider.srtp_aes_128_ecb_round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        str0m::crypto::from_feature_flags().srtp_provider.srtp_aes_256_ecb_round(key, input, output);
    }
}

impl SupportedAeadAes128Gcm for Open {
    fn create_cipher(&self, _key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Open)
    }
}

impl AeadAes128GcmCipher for Open {
    fn encrypt(
        &mut self,
        _iv: &[u8; 12],
        _aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        output[..input.len()].copy_from_slice(input);
        output[input.len()..].fill(0);
        Ok(())
    }

    fn decrypt(
        &mut self,
        _iv: &[u8; 12],
        _aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        // What is too short for a seal is refused by the real cipher, too.
        let length = input.len().checked_sub(TAG).ok_or_else(|| CryptoError::Other("short".into()))?;
        output[..length].copy_from_slice(&input[..length]);
        Ok(length)
    }
}

impl DtlsProvider for Open {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        Some(DtlsCert { certificate: vec![1; 32], private_key: vec![2; 32] })
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let certificate = cert.certificate.clone();
        Ok(Box::new(OpenDtls {
            certificate,
            active: false,
            connected: false,
            said: None,
            now,
            out: VecDeque::new(),
        }))
    }
}

#[derive(Debug)]
enum Out {
    Packet(Vec<u8>),
    Certificate(Vec<u8>),
    Keys,
    Connected,
    Data(Vec<u8>),
    Closed,
}

/// Each end says its certificate, and then bytes.
#[derive(Debug)]
struct OpenDtls {
    certificate: Vec<u8>,
    active: bool,
    connected: bool,
    /// When it said hello last, if it says it.
    said: Option<Instant>,
    now: Instant,
    out: VecDeque<Out>,
}

impl OpenDtls {
    fn hello(&mut self) {
        self.said = Some(self.now);
        self.out.push_back(Out::Packet([&[HANDSHAKE][..], &self.certificate].concat()));
    }
}

impl DtlsInstance for OpenDtls {
    fn set_active(&mut self, active: bool) {
        self.active = active;
        if active {
            self.hello();
        }
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        match packet.split_first() {
            Some((&HANDSHAKE, certificate)) => {
                if !self.active {
                    self.hello();
                }
                if !self.connected {
                    self.connected = true;
                    self.out.extend([Out::Certificate(certificate.to_vec()), Out::Keys, Out::Connected]);
                }
            }
            Some((&APPLICATION, data)) if self.connected => {
                let mut data = data.to_vec();
                checksum(&mut data);
                self.out.push_back(Out::Data(data));
            }
            Some((&ALERT, _)) if self.connected => self.out.push_back(Out::Closed),
            _ => {}
        }
        Ok(())
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let needed = match self.out.front() {
            Some(Out::Packet(bytes) | Out::Certificate(bytes) | Out::Data(bytes)) => bytes.len(),
            Some(_) => 0,
            None if self.active && !self.connected => {
                return DtlsOutput::Timeout(self.said.unwrap_or(self.now) + AGAIN)
            }
            None => return DtlsOutput::Timeout(self.now + Duration::from_secs(3600)),
        };
        if needed > buf.len() {
            return DtlsOutput::BufferTooSmall { needed };
        }
        let mut written = |bytes: Vec<u8>| {
            buf[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        };
        match self.out.pop_front() {
            Some(Out::Packet(bytes)) => {
                let n = written(bytes);
                DtlsOutput::Packet(&buf[..n])
            }
            Some(Out::Certificate(bytes)) => {
                let n = written(bytes);
                DtlsOutput::PeerCert(&buf[..n])
            }
            Some(Out::Data(bytes)) => {
                let n = written(bytes);
                DtlsOutput::ApplicationData(&buf[..n])
            }
            Some(Out::Keys) => {
                DtlsOutput::KeyingMaterial(KeyingMaterial::new(&[7; 56]), SrtpProfile::AEAD_AES_128_GCM)
            }
            Some(Out::Connected) => DtlsOutput::Connected,
            Some(Out::Closed) | None => DtlsOutput::CloseNotify,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        if self.active && !self.connected && self.said.is_none_or(|at| now >= at + AGAIN) {
            self.hello();
        }
        Ok(())
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<(), DtlsImplError> {
        if !self.connected {
            return Err(DtlsImplError::HandshakePending);
        }
        self.out.push_back(Out::Packet([&[APPLICATION][..], data].concat()));
        Ok(())
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        None
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.out.push_back(Out::Packet(vec![ALERT]));
        Ok(())
    }
}

/// Make the checksum of an SCTP packet right (CRC32c, RFC 9260 appendix A), else no change of it would be read.
fn checksum(packet: &mut [u8]) {
    if packet.len() < 12 {
        return;
    }
    packet[8..12].fill(0);
    let mut crc = u32::MAX;
    for byte in packet.iter() {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    packet[8..12].copy_from_slice(&(!crc).to_le_bytes());
}
