//! A capture of the controller's log, for tests that search it.

use std::cell::RefCell;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::sync::Once;

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, FilterExt, dynamic_filter_fn};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::Filter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

thread_local! {
    static LINES: RefCell<Option<(Format, Vec<u8>)>> = const { RefCell::new(None) };
}

/// The format of log lines, as in the controller's `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Plain,
    Json,
}

/// The log of this thread while this value lives.
pub struct Log {
    _of_this_thread: PhantomData<*const ()>,
}

impl Log {
    /// Captures the log. `wanted` is a filter in the syntax of tracing-subscriber's EnvFilter. The first capture in a
    /// process decides the filter for all.
    pub fn capture(wanted: &str) -> Self {
        Self::capture_as(Format::Plain, wanted)
    }

    pub fn capture_as(format: Format, wanted: &str) -> Self {
        // One subscriber for the whole process: with one per thread, tracing caches the callsites that another thread
        // met first as disabled.
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let plain =
                layer().with_ansi(false).without_time().with_writer(Kept).with_filter(kept(wanted, Format::Plain));
            let json = layer().json().without_time().with_writer(Kept).with_filter(kept(wanted, Format::Json));
            tracing_subscriber::registry().with(plain).with(json).init();
        });
        LINES.set(Some((format, Vec::new())));
        Self { _of_this_thread: PhantomData }
    }

    pub fn text(&self) -> String {
        LINES
            .with_borrow(|kept| kept.as_ref().map(|(_, lines)| String::from_utf8_lossy(lines).into_owned()))
            .unwrap_or_default()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

/// A filter that passes the wanted lines of threads that capture in this format.
fn kept<S>(wanted: &str, format: Format) -> impl Filter<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_kept = move |kept: &Option<(Format, Vec<u8>)>| kept.as_ref().is_some_and(|(its, _)| *its == format);
    EnvFilter::new(wanted).and(dynamic_filter_fn(move |_, _| LINES.with_borrow(is_kept)))
}

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|kept| kept.as_mut().map_or(Ok(bytes.len()), |(_, lines)| lines.write(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}
