//! The sockets of one port.
//!
//! Lives here: where the engine is reached, and opening it all on one port number. Not here: system calls (`net`), what
//! comes in (`thread`).

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use sfu::{Place, Protocol};

use crate::net::{bind, listen};

/// How often another port is tried where any will do.
const PORT_TRIES: usize = 64;

/// Where the engine is reached.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Addresses to open the port at, and for each how clients are told of it; none: as it is.
    pub at: Vec<(IpAddr, Vec<IpAddr>)>,
    /// The port; 0 for any.
    pub port: u16,
    /// Take datagrams.
    pub udp: bool,
    /// Take connections.
    pub tcp: bool,
}

/// The sockets of one port, each with the address by which clients know it; those for datagrams are shared.
#[derive(Default)]
pub(crate) struct Sockets {
    pub(crate) udp: Vec<(Arc<UdpSocket>, SocketAddr)>,
    pub(crate) tcp: Vec<(TcpListener, SocketAddr)>,
    pub(crate) places: Vec<Place>,
}

impl Listen {
    /// Open all, on one port; returns its number.
    pub(crate) fn open(&self) -> std::io::Result<(Sockets, u16)> {
        let mut tries = if self.port == 0 { PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            match self.open_at(self.port) {
                Err(e) if tries > 0 && e.kind() == std::io::ErrorKind::AddrInUse => {}
                other => return other,
            }
        }
    }

    fn open_at(&self, mut port: u16) -> std::io::Result<(Sockets, u16)> {
        let mut sockets = Sockets::default();
        for (address, told) in &self.at {
            let own = [*address];
            let told = if told.is_empty() { &own[..] } else { told };
            let mut places = |protocol, port| {
                let place = |ip: &IpAddr| Place { protocol, address: SocketAddr::new(*ip, port) };
                sockets.places.extend(told.iter().map(place));
                SocketAddr::new(told[0], port)
            };
            if self.udp {
                let socket = bind(SocketAddr::new(*address, port))?;
                port = socket.local_addr()?.port();
                sockets.udp.push((Arc::new(socket), places(Protocol::Udp, port)));
            }
            if self.tcp {
                let listener = listen(SocketAddr::new(*address, port))?;
                port = listener.local_addr()?.port();
                sockets.tcp.push((listener, places(Protocol::Tcp, port)));
            }
        }
        Ok((sockets, port))
    }
}
