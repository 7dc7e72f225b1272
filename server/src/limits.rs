//! What a client may take: connections in all and by address, and time. Without it a few silent clients hold everything.
//!
//! - A client has patience to lose ([`Patience`]): as long as we wait for it, in either direction, it runs out, and what moves
//!   gives it back. So a silence of minutes is lived through, by a scanner or a slow side of a copy, and a trickle is not.
//!   What an upload got until then is kept.
//! - Of [`Admission`]'s places the last are kept for addresses that hold few.
//! - A request that is refused before its body was read is read on for a moment, or told that its connection ends ([`Unread`]).

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// So many bytes give a second of patience back.
pub const MIN_RATE: u64 = 1024;

/// How often a client was cut off because it was too slow.
pub static CUT: AtomicU64 = AtomicU64::new(0);

/// How long one still waits for the other side.
pub struct Patience {
    peer: SocketAddr,
    /// All of it.
    whole: Duration,
    left: Duration,
    since: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    moved: u64,
    begun: Instant,
    what: &'static str,
}

impl Patience {
    pub fn new(peer: SocketAddr, whole: Duration, what: &'static str) -> Patience {
        Patience { peer, whole, left: whole, since: None, sleep: None, moved: 0, begun: Instant::now(), what }
    }

    /// The other side keeps us waiting: has it run out?
    fn wait(&mut self, cx: &mut Context<'_>) -> bool {
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(now + self.left),
                none => *none = Some(Box::pin(tokio::time::sleep(self.left))),
            }
        }
        self.sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }

    /// It moved on by so many bytes.
    fn moved(&mut self, bytes: u64) {
        self.moved += bytes;
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        self.left = (self.left + Duration::from_millis(bytes * 1000 / MIN_RATE)).min(self.whole);
    }

    fn ended(&self) -> io::Error {
        CUT.fetch_add(1, Ordering::Relaxed);
        let waited = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        tracing::info!(
            peer = %self.peer, bytes = self.moved, seconds = self.begun.elapsed().as_secs(), silent = waited.as_secs(),
            "a client was cut off: it {} too slowly (limits.silence)", self.what
        );
        io::Error::new(io::ErrorKind::TimedOut, "the client is too slow")
    }
}

/// Where a body goes that was not read to its end.
pub type Unread = Arc<Mutex<Option<Incoming>>>;

/// A request's body whose client must keep up.
pub struct Paced {
    body: Option<Incoming>,
    patience: Patience,
    unread: Unread,
}

impl Paced {
    pub fn new(body: Incoming, patience: Patience, unread: Unread) -> Paced {
        Paced { body: Some(body), patience, unread }
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(cx) {
            Poll::Pending if self.patience.wait(cx) => {
                // Nothing more is read of it.
                self.body = None;
                Poll::Ready(Some(Err(self.patience.ended().into())))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                self.patience.moved(frame.data_ref().map_or(0, |data| data.len() as u64));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.body = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                self.body = None;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Most of a refused request's body that is read on, and for how long, so that its client can go on with the connection.
const DRAINED: u64 = 1 << 20;
const DRAINING: Duration = Duration::from_secs(2);

/// Reads on what a handler left; `false`: there was too much of it, and the connection must end.
pub async fn drain(unread: &Unread, expects: bool) -> bool {
    let Some(mut body) = unread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return true };
    // A client that waits for 100 (Continue) has sent nothing, and will not once it is refused.
    if expects || body.size_hint().lower() > DRAINED {
        return false;
    }
    let read = async {
        let mut bytes = 0;
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(frame) = frame else { return false };
            bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            if bytes > DRAINED {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(DRAINING, read).await.unwrap_or(false)
}

/// How much is read after the last answer of a connection that ends with a request unread, and for how long: closing with
/// bytes unread resets the connection, and the answer could be lost on its way.
const LINGERED: u64 = 16 << 20;
const LINGERING: Duration = Duration::from_secs(3);

/// A connection whose peer must take what is sent.
pub struct Taken<S> {
    stream: S,
    patience: Patience,
    linger: Arc<AtomicBool>,
    lingering: Option<(Pin<Box<Sleep>>, u64)>,
}

impl<S> Taken<S> {
    pub fn new(stream: S, patience: Patience) -> Taken<S> {
        Taken { stream, patience, linger: Arc::default(), lingering: None }
    }

    /// Set: something of a request stays unread as the connection ends.
    pub fn linger(&self) -> Arc<AtomicBool> {
        self.linger.clone()
    }

    fn judge(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Pending if self.patience.wait(cx) => Poll::Ready(Err(self.patience.ended())),
            Poll::Ready(Ok(n)) => {
                self.patience.moved(n as u64);
                Poll::Ready(Ok(n))
            }
            other => other,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, polled)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx).map_ok(|()| 0);
        ready!(self.judge(cx, polled))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let polled = Pin::new(&mut self.stream).poll_shutdown(cx).map_ok(|()| 0);
            ready!(self.judge(cx, polled))?;
            if !self.linger.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            self.lingering = Some((Box::pin(tokio::time::sleep(LINGERING)), 0));
        }
        let Taken { stream, lingering, .. } = &mut *self;
        let Some((sleep, read)) = lingering else { return Poll::Ready(Ok(())) };
        let mut bytes = [0; 16 * 1024];
        loop {
            if sleep.as_mut().poll(cx).is_ready() || *read > LINGERED {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => *read += buffer.filled().len() as u64,
                Poll::Ready(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Addresses that hold fewer connections than this get the last places.
const FEW: usize = 8;

/// Who is connected, and who may be.
#[derive(Clone)]
pub struct Admission(Arc<Mutex<Held>>);

struct Held {
    /// Connections in all, and of one address.
    most: usize,
    each: usize,
    all: usize,
    by: HashMap<IpAddr, usize>,
    refused: u64,
}

/// A connection's place; it is free again when this is dropped.
pub struct ConnectionSlot {
    held: Arc<Mutex<Held>>,
    address: IpAddr,
}

/// One client's addresses: an IPv6 client usually has a whole /64.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

impl Admission {
    /// At most `most` connections, and `each` of one address.
    pub fn new(most: usize, each: usize) -> Admission {
        Admission(Arc::new(Mutex::new(Held { most, each, all: 0, by: HashMap::new(), refused: 0 })))
    }

    /// Connections that are held, how many may be, and how many were turned away.
    pub fn used(&self) -> (u64, u64, u64) {
        let held = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        (held.all as u64, held.most as u64, held.refused)
    }

    /// A place for a connection; `None`: it is refused. `known`: a proxy of ours, behind which are many clients.
    pub fn enter(&self, address: IpAddr, known: bool) -> Option<ConnectionSlot> {
        let address = client(address);
        let mut held = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let of_it = held.by.get(&address).copied().unwrap_or(0);
        let free = held.most.saturating_sub(held.all);
        let enough = if known || of_it < FEW { 1 } else { held.most / 8 + 1 };
        if free < enough || (!known && of_it >= held.each) {
            held.refused += 1;
            return None;
        }
        held.all += 1;
        *held.by.entry(address).or_default() += 1;
        Some(ConnectionSlot { held: self.0.clone(), address })
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        held.all -= 1;
        if let Some(n) = held.by.get_mut(&self.address) {
            *n -= 1;
            if *n == 0 {
                held.by.remove(&self.address);
            }
        }
    }
}

/// Raises this process's limit of open files as far as it may go; answers for how many connections that is enough.
pub fn descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let most = if raised.is_ok() { limit.maximum } else { limit.current };
    // A pull has a file beside its connection, and the rest needs some too.
    most.map_or(usize::MAX, |most| (usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(64) / 2).max(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_084_the_last_places_are_for_those_who_hold_few() {
        let admission = Admission::new(80, 60);
        let (greedy, honest): (IpAddr, IpAddr) = ("127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap());
        let mut places: Vec<ConnectionSlot> = (0..80).filter_map(|_| admission.enter(greedy, false)).collect();
        assert_eq!(places.len(), 60, "no more of one address");
        let other: IpAddr = "127.0.0.3".parse().unwrap();
        places.extend((0..80).filter_map(|_| admission.enter(other, false)));
        assert_eq!(places.len(), 70, "an eighth is kept free");
        let few: Vec<ConnectionSlot> = (0..20).filter_map(|_| admission.enter(honest, false)).collect();
        assert_eq!(few.len(), FEW);
        drop(few);
        places.pop();
        assert!(admission.enter(honest, false).is_some());
        drop(places);
        let held: Vec<ConnectionSlot> = (0..90).filter_map(|_| admission.enter(honest, true)).collect();
        assert_eq!(held.len(), 80, "a proxy of ours has them all");
    }

    #[test]
    fn an_ipv6_client_has_a_network() {
        assert_eq!(client("2001:db8::1".parse().unwrap()), client("2001:db8::ffff:1".parse().unwrap()));
        assert_ne!(client("2001:db8::1".parse().unwrap()), client("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(client("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
    }
}
