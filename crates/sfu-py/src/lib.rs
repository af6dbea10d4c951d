//! The engine for Python: commands in, events out.
//!
//! Lives here: the module `visavis._sfu`, and the one conversion of errors. Not here: anything else. No packet and no
//! lock of Python's comes into the media path.
//!
//! The stub is `src/visavis/_sfu.pyi`; stubtest holds the two together.

use std::collections::HashMap;
use std::net::IpAddr;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use sfu::{EventKind, NewTrack, Route, TransportId};
use sfu_io::{Error, Handle, Listen};

/// `EngineError`, kept where a conversion finds it.
static ENGINE_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Written in Python: a class derived from `Exception` with an attribute of its own cannot be made in Rust under the
/// stable ABI of Python 3.11.
fn engine_error(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    let kept = ENGINE_ERROR.get_or_try_init(py, || {
        let source = std::ffi::CString::new(include_str!("engine_error.py"))?;
        let module = PyModule::from_code(py, &source, c"engine_error.py", c"visavis._sfu")?;
        Ok::<_, PyErr>(module.getattr("EngineError")?.cast_into::<PyType>()?.unbind())
    })?;
    Ok(kept.bind(py))
}

fn raise(error: &Error) -> PyErr {
    Python::attach(|py| match engine_error(py) {
        Ok(kind) => PyErr::from_type(kind.clone(), (error.code(), error.to_string())),
        Err(e) => e,
    })
}

fn address(text: &str) -> PyResult<IpAddr> {
    text.parse().map_err(|_| raise(&sfu::Error::BadAddress.into()))
}

/// The media engine: one port and its media threads.
#[pyclass(frozen, module = "visavis._sfu")]
struct Engine(Handle);

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (places, port, udp=true, tcp=true, threads=1))]
    fn new(
        py: Python<'_>,
        places: Vec<(String, Vec<String>)>,
        port: u16,
        udp: bool,
        tcp: bool,
        threads: usize,
    ) -> PyResult<Self> {
        let addresses = |all: &[String]| all.iter().map(|a| address(a)).collect::<PyResult<Vec<_>>>();
        let at = places.iter().map(|(a, told)| Ok((address(a)?, addresses(told)?)));
        let listen = Listen { at: at.collect::<PyResult<Vec<_>>>()?, port, udp, tcp };
        py.detach(|| Handle::start(&listen, threads)).map(Engine).map_err(|e| raise(&e))
    }

    /// The port in use.
    #[getter]
    fn port(&self) -> u16 {
        self.0.port()
    }

    /// A file descriptor that is readable while events wait.
    fn event_fd(&self) -> i32 {
        self.0.event_fd()
    }

    /// The events that wait, oldest first: (name, transport, argument, number).
    fn drain(&self) -> Vec<(&'static str, u64, String, i64)> {
        let plain = String::new;
        self.0
            .drain()
            .into_iter()
            .map(|e| match e.kind {
                EventKind::Connected => ("connected", e.transport.0, plain(), 0),
                EventKind::Closed => ("closed", e.transport.0, plain(), 0),
                EventKind::Ice(state) => ("ice", e.transport.0, state, 0),
                EventKind::Stream { mid, layer } => ("stream", e.transport.0, mid, i64::from(layer)),
                EventKind::Channel(label) => ("channel", e.transport.0, label, 0),
                EventKind::Level { mid, level } => ("level", e.transport.0, mid, i64::from(level)),
                EventKind::Quality(level) => ("quality", e.transport.0, plain(), i64::from(level)),
                EventKind::Throttled { mid, paused } => ("throttled", e.transport.0, mid, i64::from(paused)),
            })
            .collect()
    }

    /// Make a transport of a room.
    fn create(&self, py: Python<'_>, transport: u64, room: &str) -> PyResult<()> {
        self.call(py, |h| h.create(TransportId(transport), room))
    }

    /// Take a publisher's offer; returns the answer.
    fn accept_offer(&self, py: Python<'_>, transport: u64, sdp: &str) -> PyResult<String> {
        self.call(py, |h| h.accept_offer(TransportId(transport), sdp))
    }

    /// Make an offer to a subscriber; returns it and the sections of the tracks it adds.
    #[pyo3(signature = (transport, add, stop, channels=false, restart=false))]
    fn make_offer(
        &self,
        py: Python<'_>,
        transport: u64,
        add: Vec<(bool, String, String, String)>,
        stop: Vec<String>,
        channels: bool,
        restart: bool,
    ) -> PyResult<(String, Vec<String>)> {
        let add = add
            .into_iter()
            .map(|(video, codec, stream, track)| NewTrack { video, codec, stream, track })
            .collect();
        self.call(py, |h| h.make_offer(TransportId(transport), add, stop, channels, restart))
    }

    /// Take a subscriber's answer to the last offer.
    fn accept_answer(&self, py: Python<'_>, transport: u64, sdp: &str) -> PyResult<()> {
        self.call(py, |h| h.accept_answer(TransportId(transport), sdp))
    }

    /// End a transport.
    fn close(&self, py: Python<'_>, transport: u64) -> PyResult<()> {
        self.call(py, |h| h.close(TransportId(transport)))
    }

    /// Send a track to a subscriber. rank: 0 is served first where the path does not bear all.
    #[allow(clippy::too_many_arguments)]
    fn route(
        &self,
        py: Python<'_>,
        source: u64,
        source_mid: String,
        target: u64,
        target_mid: String,
        max_layer: u8,
        rank: u8,
    ) -> PyResult<()> {
        let (source, target) = (TransportId(source), TransportId(target));
        self.call(py, |h| h.route(Route { source, source_mid, target, target_mid, max_layer, rank }))
    }

    /// Send packets of nothing in a subscriber's section until media comes, or for five seconds.
    fn wake(&self, py: Python<'_>, target: u64, target_mid: String) -> PyResult<()> {
        self.call(py, |h| h.wake_section(TransportId(target), target_mid))
    }

    /// Stop sending in a subscriber's section.
    fn unroute(&self, py: Python<'_>, target: u64, target_mid: String) -> PyResult<()> {
        self.call(py, |h| h.unroute(TransportId(target), target_mid))
    }

    /// Change the highest layer of a subscriber's section, or pause it; and how early it is served.
    fn set_layer(
        &self,
        py: Python<'_>,
        target: u64,
        target_mid: String,
        max_layer: u8,
        paused: bool,
        rank: u8,
    ) -> PyResult<()> {
        self.call(py, |h| h.set_layer(TransportId(target), target_mid, max_layer, paused, rank))
    }

    /// Enter a participant in a room: data packets go within it.
    #[allow(clippy::too_many_arguments)]
    fn member(
        &self,
        py: Python<'_>,
        room: u64,
        identity: String,
        sid: String,
        up: u64,
        down: u64,
        can_publish_data: bool,
        hidden: bool,
    ) -> PyResult<()> {
        let (up, down) = (TransportId(up), TransportId(down));
        self.call(py, |h| h.member(room, identity, sid, up, down, can_publish_data, hidden))
    }

    /// Send a data packet of the server's own to these transports, as it is.
    fn send(&self, py: Python<'_>, targets: Vec<u64>, reliable: bool, packet: Vec<u8>) -> PyResult<()> {
        let targets = targets.into_iter().map(TransportId).collect();
        self.call(py, |h| h.send(targets, reliable, packet))
    }

    /// The highest number of a reliable data packet that came in on a transport; 0: none came.
    fn last_sequence(&self, py: Python<'_>, transport: u64) -> PyResult<u32> {
        self.call(py, |h| h.last_sequence(TransportId(transport)))
    }

    /// Counters by name; times in microseconds.
    fn stats(&self, py: Python<'_>) -> PyResult<HashMap<&'static str, u64>> {
        Ok(self.call(py, Handle::stats)?.into_iter().collect())
    }

    /// End the media threads and wait for their end.
    fn shutdown(&self, py: Python<'_>) {
        py.detach(|| self.0.shutdown());
    }
}

impl Engine {
    /// Without the interpreter's lock: a command may wait for the media thread.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&Handle) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        py.detach(|| f(&self.0)).map_err(|e| raise(&e))
    }
}

/// The addresses of this machine's interfaces that are up, each with its interface's name.
#[pyfunction]
fn interfaces() -> PyResult<Vec<(String, String)>> {
    let found = sfu_io::interfaces().map_err(|e| raise(&e.into()))?;
    Ok(found.into_iter().map(|(name, ip)| (name, ip.to_string())).collect())
}

#[pymodule]
fn _sfu(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Engine>()?;
    m.add_function(wrap_pyfunction!(interfaces, m)?)?;
    m.add("EngineError", engine_error(m.py())?)
}
