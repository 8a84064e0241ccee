//! What the controller logs, kept to be searched.

use std::cell::RefCell;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::sync::Once;

use tracing_subscriber::filter::{EnvFilter, FilterExt, dynamic_filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

thread_local! {
    static LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// What this thread logs, as long as this lives.
pub struct Log {
    _of_this_thread: PhantomData<*const ()>,
}

impl Log {
    /// `wanted`: what is kept, in the syntax of tracing-subscriber's EnvFilter; of all logs of a process the first decides.
    pub fn capture(wanted: &str) -> Self {
        // One subscriber for the process: those of single threads miss what another thread met first.
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let kept = dynamic_filter_fn(|_, _| LINES.with_borrow(Option::is_some));
            let wanted = EnvFilter::new(wanted).and(kept);
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(Kept);
            tracing_subscriber::registry().with(lines.with_filter(wanted)).init();
        });
        LINES.set(Some(Vec::new()));
        Self { _of_this_thread: PhantomData }
    }

    pub fn text(&self) -> String {
        LINES.with_borrow(|lines| String::from_utf8_lossy(lines.as_deref().unwrap_or_default()).into_owned())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.as_mut().map_or(Ok(bytes.len()), |lines| lines.write(bytes)))
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
