//! What a client may take: connections in all and by address, and time. Without it a few silent clients hold everything.
//!
//! - A request's body must move on: [`BODY_IDLE`] between two pieces, and [`MIN_RATE`] over each [`WINDOW`] that was spent
//!   waiting for the client. What an upload got until then is kept.
//! - A response must be taken: the same for bytes that wait to be sent.
//! - Of [`Admission`]'s places the last are kept for addresses that hold few.

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Longest silence of a client in the midst of a body, and of one that takes nothing of a response.
pub const BODY_IDLE: Duration = Duration::from_secs(30);
/// Slowest that is served, in bytes a second, over each window of waiting.
pub const MIN_RATE: u64 = 1024;
const WINDOW: Duration = Duration::from_secs(60);

/// Measures how long one waits for the other side, and how much that brings.
struct Pace {
    since: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    waited: Duration,
    moved: u64,
}

impl Pace {
    fn new() -> Pace {
        Pace { since: None, sleep: None, waited: Duration::ZERO, moved: 0 }
    }

    /// The other side keeps us waiting: is it too long?
    fn wait(&mut self, cx: &mut Context<'_>) -> bool {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(Instant::now() + BODY_IDLE),
                none => *none = Some(Box::pin(tokio::time::sleep(BODY_IDLE))),
            }
        }
        self.sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }

    /// It moved on by so many bytes: is it too slow?
    fn moved(&mut self, bytes: u64) -> bool {
        self.moved += bytes;
        let Some(since) = self.since.take() else { return false };
        self.waited += since.elapsed();
        if self.waited < WINDOW {
            return false;
        }
        let slow = self.moved < MIN_RATE * self.waited.as_secs();
        (self.waited, self.moved) = (Duration::ZERO, 0);
        slow
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client is too slow")
}

/// A request's body whose client must keep up.
pub struct Paced {
    body: Incoming,
    pace: Pace,
}

impl Paced {
    pub fn new(body: Incoming) -> Paced {
        Paced { body, pace: Pace::new() }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending if self.pace.wait(cx) => Poll::Ready(Some(Err(too_slow().into()))),
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                Poll::Ready(Some(if self.pace.moved(bytes) { Err(too_slow().into()) } else { Ok(frame) }))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose peer must take what is sent.
pub struct Taken<S> {
    stream: S,
    pace: Pace,
}

impl<S> Taken<S> {
    pub fn new(stream: S) -> Taken<S> {
        Taken { stream, pace: Pace::new() }
    }

    fn judge(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Pending if self.pace.wait(cx) => Poll::Ready(Err(too_slow())),
            Poll::Ready(Ok(n)) if self.pace.moved(n as u64) => Poll::Ready(Err(too_slow())),
            other => other,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
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
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx).map_ok(|()| 0);
        ready!(self.judge(cx, polled))?;
        Poll::Ready(Ok(()))
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
}

/// A connection's place; it is free again when this is dropped.
pub struct Place {
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
        Admission(Arc::new(Mutex::new(Held { most, each, all: 0, by: HashMap::new() })))
    }

    /// A place for a connection; `None`: it is refused. `known`: a proxy of ours, behind which are many clients.
    pub fn enter(&self, address: IpAddr, known: bool) -> Option<Place> {
        let address = client(address);
        let mut held = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let of_it = held.by.get(&address).copied().unwrap_or(0);
        let free = held.most.saturating_sub(held.all);
        let enough = if known || of_it < FEW { 1 } else { held.most / 8 + 1 };
        if free < enough || (!known && of_it >= held.each) {
            return None;
        }
        held.all += 1;
        *held.by.entry(address).or_default() += 1;
        Some(Place { held: self.0.clone(), address })
    }
}

impl Drop for Place {
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
        let mut places: Vec<Place> = (0..80).filter_map(|_| admission.enter(greedy, false)).collect();
        assert_eq!(places.len(), 60, "no more of one address");
        let other: IpAddr = "127.0.0.3".parse().unwrap();
        places.extend((0..80).filter_map(|_| admission.enter(other, false)));
        assert_eq!(places.len(), 70, "an eighth is kept free");
        let few: Vec<Place> = (0..20).filter_map(|_| admission.enter(honest, false)).collect();
        assert_eq!(few.len(), FEW);
        drop(few);
        places.pop();
        assert!(admission.enter(honest, false).is_some());
        drop(places);
        let held: Vec<Place> = (0..90).filter_map(|_| admission.enter(honest, true)).collect();
        assert_eq!(held.len(), 80, "a proxy of ours has them all");
    }

    #[test]
    fn an_ipv6_client_has_a_network() {
        assert_eq!(client("2001:db8::1".parse().unwrap()), client("2001:db8::ffff:1".parse().unwrap()));
        assert_ne!(client("2001:db8::1".parse().unwrap()), client("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(client("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
    }
}
