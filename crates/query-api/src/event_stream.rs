//! Events as a stream: one a line, or live as server-sent events. A task reads pages and waits until the client has
//! taken them, so a slow client holds about a page, bounded in bytes, and no connection to the database.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use event_store::Selection;
use futures_util::stream;
use read_side::history::RevealedEvent;
use read_side::models::questions::MODELS;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::answer::add_positions;
use crate::api::{Api, OpenStream};
use crate::event::EventItem;

/// How many events are read at once at most, and how many at first, when it is not known how large they are.
const PAGE: u32 = 64;
const FIRST_PAGE: u32 = 8;
/// How many bytes of events are handed over at once; a single larger event goes alone.
const CHUNK_BYTES: usize = 64 << 10;
/// How many chunks wait for the client beside the page in work.
const BUFFER: usize = 2;
/// How many bytes of events a page should hold. The next page is as large as the events of the last one suggest.
const PAGE_BYTES: usize = 1 << 20;
/// How long a client may leave the buffer full before its stream ends.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a live stream says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a live stream looks by itself, should the models not move although the history does.
const LOOK: Duration = Duration::from_secs(1);
/// How long a live stream lives; the client comes back with `Last-Event-ID`.
const LIFE: Duration = Duration::from_hours(1);

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object a line; ends at the end of the history.
    Lines,
    /// Server-sent events; goes on with the history.
    ServerSent,
}

/// Starts a stream of at most `limit` events. `open` is given back when the stream ends.
pub(crate) fn respond(api: Api, selection: Selection, form: Form, limit: u64, head: u64, open: OpenStream) -> Response {
    let (sender, receiver) = mpsc::channel::<Bytes>(BUFFER);
    let as_of = selection.until;
    tokio::spawn(async move {
        let mut producer = Producer { api, selection, form, left: limit, head, page_events: FIRST_PAGE, sender };
        producer.run().await;
        drop(open);
    });
    let chunks = stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((Ok::<_, Infallible>(chunk), receiver))
    });
    let content_type = match form {
        Form::Lines => "application/x-ndjson",
        Form::ServerSent => "text/event-stream",
    };
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Tells nginx and its like to pass events on at once.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    add_positions(headers, head, as_of);
    response
}

struct Producer {
    api: Api,
    selection: Selection,
    form: Form,
    left: u64,
    /// The end of the history when it was last asked for: whatever was not selected up to there never will be.
    head: u64,
    /// How many events the next page has at most.
    page_events: u32,
    sender: mpsc::Sender<Bytes>,
}

impl Producer {
    async fn run(&mut self) {
        let stop = self.api.stop.clone();
        let end = Instant::now() + LIFE;
        if self.form == Form::ServerSent && !self.send(Bytes::from_static(b"retry: 1000\n\n")).await {
            return;
        }
        let mut beat = Instant::now() + HEARTBEAT;
        while !stop.is_cancelled() && Instant::now() < end {
            match self.page().await {
                Page::Full => beat = Instant::now() + HEARTBEAT,
                Page::Ended => return,
                Page::CaughtUp if self.form == Form::Lines => return,
                Page::CaughtUp => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.sender.closed() => return,
                        head = self.moved() => self.head = head,
                    }
                    if Instant::now() >= beat {
                        if !self.send(Bytes::from_static(b":\n\n")).await {
                            return;
                        }
                        beat = Instant::now() + HEARTBEAT;
                    }
                }
            }
        }
    }

    /// Reads and sends what there is, at most a page.
    async fn page(&mut self) -> Page {
        let wanted = u32::try_from(self.left).unwrap_or(PAGE).min(self.page_events);
        let events = match self.api.history.select(self.selection.clone(), wanted).await {
            Ok(events) => events,
            Err(error) => {
                // The client comes back with the last id it has seen; a line that breaks off says so by itself.
                tracing::warn!(%error, "a stream of events ends early");
                return Page::Ended;
            }
        };
        let full = events.len() == wanted as usize;
        let Some(Gathered { chunks, sent, last, largest, cut }) = gather(self.form, events) else { return Page::Ended };
        for chunk in chunks {
            if !self.send(chunk).await {
                return Page::Ended;
            }
        }
        let full = full || cut;
        self.selection.after = self.selection.after.max(last);
        self.left = self.left.saturating_sub(sent);
        self.page_events = page_events(self.page_events, largest);
        if self.left == 0 {
            return Page::Ended;
        }
        if !full {
            self.selection.after = self.selection.after.max(self.head);
        }
        match self.selection.until {
            Some(until) if self.selection.after >= until => Page::Ended,
            Some(_) | None if full => Page::Full,
            Some(_) | None => Page::CaughtUp,
        }
    }

    /// Waits until the models move, or for a while, and tells how far the history is.
    async fn moved(&self) -> u64 {
        let mut listening = self.api.feed.listen();
        listening.positions.mark_unchanged();
        if self.api.feed.lowest(MODELS) <= self.head {
            let _ = timeout(LOOK, listening.positions.changed()).await;
        }
        self.api.history.head().await.map_or(self.head, |head| head.position)
    }

    /// Hands a chunk to the client; false if it is gone or does not take it.
    async fn send(&self, chunk: Bytes) -> bool {
        let sent = tokio::select! {
            () = self.api.stop.cancelled() => return false,
            sent = timeout(CLIENT_TIMEOUT, self.sender.send(chunk)) => sent,
        };
        matches!(sent, Ok(Ok(())))
    }
}

enum Page {
    /// There may be more at once.
    Full,
    /// There is no more for now.
    CaughtUp,
    /// There is nothing more to send.
    Ended,
}

/// A page as it is sent.
#[derive(Default)]
struct Gathered {
    chunks: Vec<Bytes>,
    /// How many events are in the chunks.
    sent: u64,
    /// The position of the last of them.
    last: u64,
    /// The bytes of the largest of them.
    largest: usize,
    /// Whether events were left out, to be read again for the next page.
    cut: bool,
}

/// Writes events until the page is full, so that a slow client does not make the rest wait in memory.
fn gather(form: Form, events: Vec<RevealedEvent>) -> Option<Gathered> {
    let (mut page, mut chunk, mut bytes) = (Gathered::default(), String::new(), 0);
    for event in events {
        let position = event.recorded.position;
        let text = write(form, EventItem::from(event))?;
        bytes += text.len();
        if bytes > PAGE_BYTES && page.sent > 0 {
            page.cut = true;
            break;
        }
        if chunk.len() + text.len() > CHUNK_BYTES && !chunk.is_empty() {
            page.chunks.push(Bytes::from(std::mem::take(&mut chunk)));
        }
        page.largest = page.largest.max(text.len());
        (page.sent, page.last) = (page.sent + 1, position);
        chunk.push_str(&text);
    }
    page.chunks.extend(Some(chunk).filter(|chunk| !chunk.is_empty()).map(Bytes::from));
    Some(page)
}

/// How many events to read after a page of `before` whose largest took so many bytes: at most twice as many, and no
/// more than [`PAGE_BYTES`] if they are as large.
fn page_events(before: u32, largest: usize) -> u32 {
    let fitting = u32::try_from(PAGE_BYTES / largest.max(1)).unwrap_or(PAGE);
    before.saturating_mul(2).min(fitting).clamp(1, PAGE)
}

fn write(form: Form, event: EventItem) -> Option<String> {
    let json = serde_json::to_string(&event).ok()?;
    Some(match form {
        Form::Lines => format!("{json}\n"),
        Form::ServerSent => format!("id: {}\nevent: {}\ndata: {json}\n\n", event.position, event.event_type),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_grows_slowly_while_events_are_small_and_shrinks_at_once_when_they_are_large() {
        assert_eq!(page_events(FIRST_PAGE, 500), 2 * FIRST_PAGE);
        assert_eq!(page_events(PAGE, 500), PAGE);
        assert_eq!(page_events(PAGE, 0), PAGE);
        assert_eq!(page_events(PAGE, 128 << 10), 8);
        assert_eq!(page_events(PAGE, 16 << 20), 1);
    }
}
