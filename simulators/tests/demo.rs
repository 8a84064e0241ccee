//! The demo in process, under paused time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_simulators::demo::{Options, Wiring, run};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn demo_readies_every_example_and_heals_drift() {
    let paper = Paper::default();
    let options = Options { once: true, terminal: false, wiring: Wiring::InProcess };
    let result = run(options, Box::new(paper.clone()), std::future::pending()).await;
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    result.unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    for example in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).unwrap() {
        let path = example.unwrap().path();
        if !std::fs::read_to_string(&path).unwrap().contains("kind: LoadBalancerStack") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let ready = text.lines().any(|line| line.contains(&format!(" {name} ")) && line.contains("Ready  10."));
        assert!(ready, "{name} is not shown as Ready:\n{text}");
    }
    assert!(text.contains("Healed after"), "{text}");
    assert!(text.contains("├─ listener api  HTTP 8080 -> api  ACTIVE ONLINE"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn stopped_demo_exits_without_error() {
    let options = Options { once: false, terminal: true, wiring: Wiring::InProcess };
    let soon = tokio::time::sleep(std::time::Duration::from_secs(1));
    run(options, Box::new(Paper::default()), soon).await.unwrap();
}
