//! DTLS for transports: str0m's own library of it, with its configuration made once and asked only when it has news.
//!
//! Lives here: a provider of DTLS that all transports share. Not here: cryptography, which is dimpl's and aws-lc's.
//!
//! str0m's provider makes a configuration for each transport, and dimpl then tests the whole library of cryptography:
//! ten key exchanges, 1.5 ms a transport, a fifth of what a join costs. And str0m asks DTLS at every packet whether it
//! has something to say, though after the handshake it speaks only when spoken to.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use dimpl::{Config, Dtls};
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};
use str0m::crypto::{from_feature_flags, CryptoError, CryptoProvider};

/// The library of cryptography for all transports of the process; one that is installed for the process comes first.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let shared = || Arc::new(CryptoProvider { dtls_provider: &Shared, ..from_feature_flags() });
    match CryptoProvider::get_default() {
        Some(installed) => Arc::new(installed.clone()),
        None => PROVIDER.get_or_init(shared).clone(),
    }
}

/// Makes transports' ends of DTLS from one configuration.
#[derive(Debug)]
struct Shared;

/// The configuration for records of up to `mtu` bytes. No cookies: ICE has shown before that the client is where it
/// says.
fn config(mtu: Option<usize>) -> Result<Arc<Config>, CryptoError> {
    static TESTED: OnceLock<Arc<Config>> = OnceLock::new();
    if let Some(tested) = TESTED.get().filter(|c| mtu.is_none_or(|mtu| mtu == c.mtu())) {
        return Ok(tested.clone());
    }
    let mut builder = Config::builder().use_server_cookie(false);
    if let Some(mtu) = mtu {
        builder = builder.mtu(mtu);
    }
    let made = Arc::new(builder.build().map_err(|e| CryptoError::Other(e.to_string()))?);
    let _ = TESTED.set(made.clone());
    Ok(made)
}

impl DtlsProvider for Shared {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let (config, cert) = (config(mtu)?, cert.clone());
        let dtls = match version {
            DtlsVersion::Dtls12 => Dtls::new_12(config, cert, now),
            DtlsVersion::Dtls13 => Dtls::new_13(config, cert, now),
            _ => Dtls::new_auto(config, cert, now),
        };
        Ok(Box::new(End { dtls, nothing_until: None }))
    }
}

/// One end of a DTLS association.
#[derive(Debug)]
struct End {
    dtls: Dtls,
    /// It has said that it has nothing to say until then, and nothing has happened to it since.
    nothing_until: Option<Instant>,
}

impl End {
    /// The association, to do something to it: after that it may have something to say.
    fn touch(&mut self) -> &mut Dtls {
        self.nothing_until = None;
        &mut self.dtls
    }
}

impl DtlsInstance for End {
    fn set_active(&mut self, active: bool) {
        self.touch().set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.touch().handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        if let Some(until) = self.nothing_until {
            return DtlsOutput::Timeout(until);
        }
        let output = self.dtls.poll_output(buf);
        if let DtlsOutput::Timeout(until) = output {
            self.nothing_until = Some(until);
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.touch().handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<(), DtlsImplError> {
        self.touch().send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.touch().close()
    }
}
