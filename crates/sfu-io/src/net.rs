//! System calls: many datagrams in or out at once, waiting, waking, the machine's addresses, the thread's own CPU time.
//!
//! Lives here: every `unsafe` block of the workspace, each behind a safe function.
//! Not here: when to call what (`thread`).
//!
//! Linux: recvmmsg(2), sendmmsg(2), UDP_SEGMENT (udp(7)), eventfd(2), epoll(7), getifaddrs(3), getrlimit(2),
//! getrusage(2).

use std::ffi::CStr;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use libc::{
    c_int, c_void, epoll_event, iovec, mmsghdr, sockaddr_in, sockaddr_in6, sockaddr_storage, socklen_t,
};
use sfu::MAX_DATAGRAM_BYTES;

/// Datagrams per system call.
pub(crate) const BATCH: usize = 64;

/// Most datagrams that the kernel cuts from one buffer (UDP_MAX_SEGMENTS is 64 on older kernels).
const MAX_SEGMENTS: usize = 60;

/// Most bytes in such a buffer: an IPv4 datagram's 65,535 less the headers, with some room.
const MAX_SEGMENTED_BYTES: usize = 60_000;

/// Socket buffers: a second of 30 Mbit/s. The kernel gives less if `net.core.rmem_max` says so.
const SOCKET_BUFFER_BYTES: c_int = 4 << 20;

/// What a connection may hold unsent in the kernel, which doubles it: half a second of 2 Mbit/s.
const CONNECTION_BUFFER_BYTES: c_int = 64 << 10;

/// Connections that may wait to be accepted.
const BACKLOG: c_int = 256;

/// Descriptors that are reported ready at once; the others come next.
const MAX_READY: usize = 256;

/// A counter in the kernel that makes a file descriptor readable: how one thread wakes another.
pub(crate) struct Wake(OwnedFd);

impl Wake {
    pub(crate) fn new() -> io::Result<Wake> {
        // SAFETY: eventfd takes no pointers; a negative result is checked below.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened, is valid, and nobody else owns it.
        Ok(Wake(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Make the descriptor readable. It can only fail when the counter is full, and then it is readable.
    pub(crate) fn wake(&self) {
        let one = 1u64;
        // SAFETY: the descriptor is open, and `one` is eight bytes that live through the call.
        unsafe { libc::write(self.fd(), (&raw const one).cast::<c_void>(), size_of::<u64>()) };
    }

    /// Make the descriptor unreadable again.
    pub(crate) fn settle(&self) {
        let mut count = 0u64;
        // SAFETY: the descriptor is open, and `count` is eight writable bytes that live through the call.
        unsafe { libc::read(self.fd(), (&raw mut count).cast::<c_void>(), size_of::<u64>()) };
    }
}

/// Open a socket for datagrams.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::from(open(address, libc::SOCK_DGRAM)?);
    for option in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
        set(&socket, libc::SOL_SOCKET, option, SOCKET_BUFFER_BYTES);
    }
    Ok(socket)
}

/// Listen for connections.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open(address, libc::SOCK_STREAM)?;
    // SAFETY: the socket is open.
    if unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(TcpListener::from(socket))
}

/// Make a connection send at once, and hold little unsent: what waits longer is better dropped than late.
pub(crate) fn hurry(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    set(stream, libc::SOL_SOCKET, libc::SO_SNDBUF, CONNECTION_BUFFER_BYTES);
}

/// A bound socket that does not wait. One of IPv6 that is bound to every address takes IPv4 too.
fn open(address: SocketAddr, kind: c_int) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
    // SAFETY: socket takes no pointers; a negative result is checked below.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was just opened, is valid, and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    if kind == libc::SOCK_STREAM {
        set(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
    }
    if address.is_ipv6() {
        set(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, c_int::from(!address.ip().is_unspecified()));
    }
    // SAFETY: sockaddr_storage is plain numbers, for which zero is a value.
    let mut name: sockaddr_storage = unsafe { zeroed() };
    let length = to_kernel(address, address.is_ipv6(), &mut name).ok_or(io::ErrorKind::AddrNotAvailable)?;
    // SAFETY: the socket is open; `name` holds an address of that length and lives through the call.
    if unsafe { libc::bind(fd, (&raw const name).cast(), length) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(socket)
}

/// Set an option. A refusal leaves the kernel's default, which is no error.
fn set(socket: &impl AsFd, level: c_int, option: c_int, value: c_int) {
    // SAFETY: the socket is open; the option's value is a c_int that lives through the call.
    unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            (&raw const value).cast::<c_void>(),
            size_of::<c_int>() as socklen_t,
        )
    };
}

/// What is ready, by the number it was added under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    /// It can be read, or has ended.
    pub(crate) read: bool,
    /// It can be written.
    pub(crate) write: bool,
}

/// What a thread waits for.
pub(crate) struct Poller {
    fd: OwnedFd,
    events: Vec<epoll_event>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        // SAFETY: epoll_create1 takes no pointers; a negative result is checked below.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened, is valid, and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Poller { fd, events: vec![epoll_event { events: 0, u64: 0 }; MAX_READY] })
    }

    /// Wait for a descriptor to be readable, until it is removed or closed.
    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN, token)
    }

    /// Wait for it to be writable too, or no more.
    pub(crate) fn want_write(&self, fd: RawFd, token: u64, write: bool) {
        let more = if write { libc::EPOLLOUT } else { 0 };
        let _ = self.control(libc::EPOLL_CTL_MOD, fd, libc::EPOLLIN | more, token);
    }

    pub(crate) fn remove(&self, fd: RawFd) {
        let _ = self.control(libc::EPOLL_CTL_DEL, fd, 0, 0);
    }

    fn control(&self, operation: c_int, fd: RawFd, events: c_int, token: u64) -> io::Result<()> {
        let mut event = epoll_event { events: events as u32, u64: token };
        // SAFETY: the poller is open, and `event` lives through the call; a bad `fd` is an error, not more.
        match unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Wait until something is ready or the time is over. EINTR is the same as nothing.
    pub(crate) fn wait(&mut self, timeout: Duration) -> impl Iterator<Item = Ready> + '_ {
        // Rounded up: waking early would only turn the loop once more.
        let ms = c_int::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX);
        let room = self.events.len() as c_int;
        // SAFETY: `events` has room for so many and lives through the call.
        let n = unsafe { libc::epoll_wait(self.fd.as_raw_fd(), self.events.as_mut_ptr(), room, ms) };
        self.events[..usize::try_from(n).unwrap_or(0)].iter().map(|e| {
            let (flags, token) = (e.events as c_int, e.u64);
            let ended = libc::EPOLLERR | libc::EPOLLHUP | libc::EPOLLRDHUP;
            Ready { token, read: flags & (libc::EPOLLIN | ended) != 0, write: flags & libc::EPOLLOUT != 0 }
        })
    }
}

/// How many descriptors this process may open.
pub(crate) fn descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is writable and lives through the call.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// The addresses of this machine's interfaces that are up, each with its interface's name, in the system's order.
pub fn interfaces() -> io::Result<Vec<(String, IpAddr)>> {
    let mut list = std::ptr::null_mut();
    // SAFETY: getifaddrs writes one pointer, which is freed below.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let (mut found, mut at) = (Vec::new(), list);
    while !at.is_null() {
        // SAFETY: `at` is an entry of the list, which lives until it is freed.
        let entry = unsafe { &*at };
        at = entry.ifa_next;
        if entry.ifa_addr.is_null() || entry.ifa_flags & libc::IFF_UP as libc::c_uint == 0 {
            continue;
        }
        // SAFETY: the address is there; its family says whether it is a sockaddr_in or a sockaddr_in6.
        let ip: IpAddr = match c_int::from(unsafe { (*entry.ifa_addr).sa_family }) {
            libc::AF_INET => {
                // SAFETY: as above; read unaligned, since the list does not promise more.
                let name = unsafe { entry.ifa_addr.cast::<sockaddr_in>().read_unaligned() };
                IpAddr::V4(u32::from_be(name.sin_addr.s_addr).into())
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let name = unsafe { entry.ifa_addr.cast::<sockaddr_in6>().read_unaligned() };
                IpAddr::V6(name.sin6_addr.s6_addr.into())
            }
            _ => continue,
        };
        // SAFETY: an entry's name is a string that ends with a zero and lives as long as the list.
        let name = unsafe { CStr::from_ptr(entry.ifa_name) };
        found.push((name.to_string_lossy().into_owned(), ip));
    }
    // SAFETY: the list is getifaddrs's, and nothing of it is used any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(found)
}

/// User and system time of the calling thread, in microseconds.
pub(crate) fn thread_cpu_us() -> (u64, u64) {
    // SAFETY: rusage is plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { zeroed() };
    // SAFETY: `usage` is writable and lives through the call.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    let us = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
    (us(usage.ru_utime), us(usage.ru_stime))
}

/// Write `address` as the kernel wants it for a socket that speaks IPv6 or IPv4; returns its length.
/// `None`: an IPv4 socket cannot send there.
fn to_kernel(address: SocketAddr, ipv6: bool, out: &mut sockaddr_storage) -> Option<socklen_t> {
    let place = &raw mut *out;
    match (address, ipv6) {
        (SocketAddr::V4(a), false) => {
            let name = sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: a.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*a.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: sockaddr_storage is as large as any address and aligned for it; `place` comes from a reference.
            unsafe { place.cast::<sockaddr_in>().write(name) };
            Some(size_of::<sockaddr_in>() as socklen_t)
        }
        (a, true) => {
            let (ip, scope) = match a {
                SocketAddr::V4(a) => (a.ip().to_ipv6_mapped(), 0),
                SocketAddr::V6(a) => (*a.ip(), a.scope_id()),
            };
            let name = sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: a.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: ip.octets() },
                sin6_scope_id: scope,
            };
            // SAFETY: as above.
            unsafe { place.cast::<sockaddr_in6>().write(name) };
            Some(size_of::<sockaddr_in6>() as socklen_t)
        }
        (SocketAddr::V6(_), false) => None,
    }
}

/// Read an address that the kernel wrote; an IPv4 address that came through an IPv6 socket is IPv4 again.
fn from_kernel(name: &sockaddr_storage) -> Option<SocketAddr> {
    let place = &raw const *name;
    match c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage, which is large and aligned enough, holds a sockaddr_in.
            let a = unsafe { place.cast::<sockaddr_in>().read() };
            Some(SocketAddrV4::new(u32::from_be(a.sin_addr.s_addr).into(), u16::from_be(a.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: likewise a sockaddr_in6.
            let a = unsafe { place.cast::<sockaddr_in6>().read() };
            let (ip, port) = (Ipv6Addr::from(a.sin6_addr.s6_addr), u16::from_be(a.sin6_port));
            Some(match ip.to_ipv4_mapped() {
                Some(ip) => SocketAddrV4::new(ip, port).into(),
                None => SocketAddrV6::new(ip, port, 0, a.sin6_scope_id).into(),
            })
        }
        _ => None,
    }
}

/// Room for one batch of incoming datagrams.
pub(crate) struct Incoming {
    buffers: Vec<[u8; MAX_DATAGRAM_BYTES]>,
    names: Vec<sockaddr_storage>,
    lengths: Vec<usize>,
}

impl Incoming {
    pub(crate) fn new() -> Incoming {
        // SAFETY: sockaddr_storage is plain numbers, for which zero is a value.
        let name: sockaddr_storage = unsafe { zeroed() };
        Incoming {
            buffers: vec![[0; MAX_DATAGRAM_BYTES]; BATCH],
            names: vec![name; BATCH],
            lengths: Vec::with_capacity(BATCH),
        }
    }

    /// Take what waits in the socket, at most `BATCH`; returns how many that were.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> usize {
        self.lengths.clear();
        // SAFETY: iovec and mmsghdr are numbers and pointers, for which zero and null are values.
        let mut parts: [iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut messages: [mmsghdr; BATCH] = unsafe { zeroed() };
        for i in 0..BATCH {
            parts[i] = iovec { iov_base: self.buffers[i].as_mut_ptr().cast(), iov_len: MAX_DATAGRAM_BYTES };
            let header = &mut messages[i].msg_hdr;
            header.msg_iov = &raw mut parts[i];
            header.msg_iovlen = 1;
            header.msg_name = (&raw mut self.names[i]).cast();
            header.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
        }
        // SAFETY: every header points at one part, one name and, through the part, one buffer, all of which live and
        // are written by nobody else through the call; the lengths given are their sizes.
        let n = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let n = usize::try_from(n).unwrap_or(0);
        self.lengths.extend(messages[..n].iter().map(|m| m.msg_len as usize));
        n
    }

    /// The datagrams of the last batch, with their sources.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.lengths
            .iter()
            .enumerate()
            .filter_map(|(i, length)| Some((from_kernel(&self.names[i])?, &self.buffers[i][..*length])))
    }
}

/// Outgoing datagrams, collected and then sent in few calls. Neighbours of one size to one destination go as one
/// buffer that the kernel cuts (UDP_SEGMENT): much where a frame is many packets, nothing where it is one.
pub(crate) struct Outgoing {
    queue: Vec<(SocketAddr, Vec<u8>)>,
    ipv6: bool,
    segment: bool,
    pub(crate) calls: u64,
    pub(crate) dropped: u64,
}

impl Outgoing {
    pub(crate) fn new(ipv6: bool) -> Outgoing {
        Outgoing { queue: Vec::new(), ipv6, segment: true, calls: 0, dropped: 0 }
    }

    pub(crate) fn push(&mut self, destination: SocketAddr, bytes: Vec<u8>) {
        self.queue.push((destination, bytes));
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Send everything. What the socket does not take is dropped, as a network would.
    pub(crate) fn flush(&mut self, socket: &UdpSocket) {
        let queue = std::mem::take(&mut self.queue);
        let runs = self.runs(&queue);
        for chunk in runs.chunks(BATCH) {
            self.send(socket, &queue, chunk);
        }
        self.queue = queue;
        self.queue.clear();
    }

    /// Cut the queue into runs that one message can carry: same destination, same size, only the last may be shorter.
    fn runs(&self, queue: &[(SocketAddr, Vec<u8>)]) -> Vec<(usize, usize)> {
        let mut runs = Vec::new();
        let mut start = 0;
        while start < queue.len() {
            let (to, first) = &queue[start];
            let (size, mut end, mut total) = (first.len(), start + 1, first.len());
            while self.segment && end < queue.len() && end - start < MAX_SEGMENTS {
                let (next_to, next) = &queue[end];
                let fits = next.len() <= size && total + next.len() <= MAX_SEGMENTED_BYTES;
                if next_to != to || queue[end - 1].1.len() != size || !fits {
                    break;
                }
                total += next.len();
                end += 1;
            }
            runs.push((start, end));
            start = end;
        }
        runs
    }

    fn send(&mut self, socket: &UdpSocket, queue: &[(SocketAddr, Vec<u8>)], runs: &[(usize, usize)]) {
        // SAFETY: all three are numbers and pointers, for which zero and null are values.
        let mut names: [sockaddr_storage; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut messages: [mmsghdr; BATCH] = unsafe { zeroed() };
        // A control message of one u16 takes 24 bytes, aligned as u64 is.
        let mut controls = [[0u64; 4]; BATCH];
        let mut parts: Vec<iovec> = runs
            .iter()
            .flat_map(|&(a, b)| &queue[a..b])
            .map(|(_, bytes)| iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() })
            .collect();
        let (mut ready, mut part) = (Vec::with_capacity(runs.len()), 0);
        for &(a, b) in runs {
            let first = part;
            part += b - a;
            let n = ready.len();
            let Some(length) = to_kernel(queue[a].0, self.ipv6, &mut names[n]) else {
                self.dropped += (b - a) as u64;
                continue;
            };
            let header = &mut messages[n].msg_hdr;
            header.msg_name = (&raw mut names[n]).cast();
            header.msg_namelen = length;
            header.msg_iov = parts[first..].as_mut_ptr();
            header.msg_iovlen = b - a;
            if b - a > 1 {
                header.msg_control = controls[n].as_mut_ptr().cast();
                // SAFETY: CMSG_SPACE only computes; `controls[n]` has room for the 24 bytes it yields.
                header.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<u16>() as u32) } as usize;
                // SAFETY: the control buffer is set, aligned, and long enough for one header and a u16, so
                // CMSG_FIRSTHDR is not null and CMSG_DATA lies inside.
                unsafe {
                    let control = libc::CMSG_FIRSTHDR(header);
                    (*control).cmsg_level = libc::SOL_UDP;
                    (*control).cmsg_type = libc::UDP_SEGMENT;
                    (*control).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as usize;
                    libc::CMSG_DATA(control).cast::<u16>().write_unaligned(queue[a].1.len() as u16);
                }
            }
            ready.push((a, b));
        }
        let mut done = 0;
        while done < ready.len() {
            // SAFETY: the messages from `done` on point at names, parts, control buffers and, through the parts, at
            // the queue's bytes; all live through the call, and the kernel only reads them.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    messages[done..].as_mut_ptr(),
                    (ready.len() - done) as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            self.calls += 1;
            if sent > 0 {
                done += sent as usize;
                continue;
            }
            let (a, b) = ready[done];
            let error = io::Error::last_os_error();
            if b - a > 1 && matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL | libc::ENOPROTOOPT))
            {
                // This path or kernel cannot cut: send singly from now on.
                self.segment = false;
                for (to, bytes) in &queue[a..b] {
                    self.calls += 1;
                    if socket.send_to(bytes, self.spelled(*to)).is_err() {
                        self.dropped += 1;
                    }
                }
            } else if error.kind() != io::ErrorKind::Interrupted {
                self.dropped += (b - a) as u64;
            } else {
                continue;
            }
            done += 1;
        }
    }

    fn spelled(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(a) if self.ipv6 => SocketAddr::new(a.ip().to_ipv6_mapped().into(), a.port()),
            _ => to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(ip: &str) -> (UdpSocket, UdpSocket) {
        let any = SocketAddr::new(ip.parse().unwrap(), 0);
        (bind(any).unwrap(), bind(any).unwrap())
    }

    fn receive_all(socket: &UdpSocket, incoming: &mut Incoming, n: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut poller = Poller::new().unwrap();
        poller.add(socket.as_raw_fd(), 1).unwrap();
        let mut got = Vec::new();
        while got.len() < n {
            poller.wait(Duration::from_secs(10)).count();
            assert!(incoming.receive(socket) > 0, "nothing came within the limit");
            got.extend(incoming.datagrams().map(|(a, b)| (a, b.to_vec())));
        }
        got
    }

    fn exchange(ip: &str) {
        let (a, b) = pair(ip);
        let (mut out, mut incoming) = (Outgoing::new(ip.contains(':')), Incoming::new());
        let to = b.local_addr().unwrap();
        let sent: Vec<Vec<u8>> = [100usize, 1200, 1200, 1200, 700, 1200, 3]
            .iter()
            .enumerate()
            .map(|(i, n)| (0..*n).map(|k| (k + i) as u8).collect())
            .collect();
        for bytes in &sent {
            out.push(to, bytes.clone());
        }
        out.flush(&a);
        assert_eq!(out.dropped, 0);
        assert_eq!(out.len(), 0);
        let got = receive_all(&b, &mut incoming, sent.len());
        assert_eq!(got.iter().map(|(_, b)| b.clone()).collect::<Vec<_>>(), sent);
        assert!(got.iter().all(|(from, _)| *from == a.local_addr().unwrap()));
    }

    #[test]
    fn datagrams_of_many_sizes_arrive_as_they_were_sent() {
        exchange("127.0.0.1");
    }

    #[test]
    fn datagrams_arrive_over_ipv6_where_there_is_one() {
        if UdpSocket::bind("[::1]:0").is_ok() {
            exchange("::1");
        }
    }

    #[test]
    fn more_than_one_batch_to_several_destinations_arrives() {
        let (a, b) = pair("127.0.0.1");
        let (_, c) = pair("127.0.0.1");
        let (mut out, mut incoming) = (Outgoing::new(false), Incoming::new());
        for n in 0..3 * BATCH as u32 {
            let to = if n % 2 == 0 { &b } else { &c };
            out.push(to.local_addr().unwrap(), n.to_be_bytes().to_vec());
        }
        out.flush(&a);
        let numbers = |got: Vec<(SocketAddr, Vec<u8>)>| -> Vec<u32> {
            got.iter().map(|(_, x)| u32::from_be_bytes(x[..].try_into().unwrap())).collect()
        };
        let half = 3 * BATCH / 2;
        let even = numbers(receive_all(&b, &mut incoming, half));
        assert_eq!(even, (0..half as u32).map(|n| 2 * n).collect::<Vec<_>>());
        let odd = numbers(receive_all(&c, &mut incoming, half));
        assert_eq!(odd, (0..half as u32).map(|n| 2 * n + 1).collect::<Vec<_>>());
    }

    #[test]
    fn runs_hold_one_destination_and_one_size_with_a_shorter_end() {
        let out = Outgoing::new(false);
        let (x, y): (SocketAddr, SocketAddr) =
            ("192.0.2.1:1".parse().unwrap(), "192.0.2.2:1".parse().unwrap());
        let queue: Vec<(SocketAddr, Vec<u8>)> =
            [(x, 9), (x, 9), (x, 5), (x, 5), (y, 5), (y, 9)].map(|(a, n)| (a, vec![0; n])).into();
        assert_eq!(out.runs(&queue), [(0, 3), (3, 4), (4, 5), (5, 6)]);
        let many: Vec<_> = (0..200).map(|_| (x, vec![0; 1200])).collect();
        assert!(out.runs(&many).iter().all(|(a, b)| b - a <= MAX_SEGMENTED_BYTES / 1200));
    }

    #[test]
    fn a_socket_of_the_other_family_drops_what_it_cannot_send() {
        let (a, _) = pair("127.0.0.1");
        let mut out = Outgoing::new(false);
        out.push("[2001:db8::1]:9".parse().unwrap(), vec![1]);
        out.flush(&a);
        assert_eq!(out.dropped, 1);
    }

    #[test]
    fn a_wake_is_seen_once() {
        let (mut poller, wake) = (Poller::new().unwrap(), Wake::new().unwrap());
        poller.add(wake.fd(), 7).unwrap();
        wake.wake();
        wake.wake();
        let ready: Vec<Ready> = poller.wait(Duration::from_secs(10)).collect();
        assert_eq!(ready, [Ready { token: 7, read: true, write: false }]);
        wake.settle();
        assert_eq!(poller.wait(Duration::from_millis(20)).count(), 0);
    }

    #[test]
    fn the_machine_has_its_loopback_address() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(interfaces().unwrap().iter().any(|(_, ip)| *ip == here));
    }
}
