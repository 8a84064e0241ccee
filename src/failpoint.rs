//! Failpoints: places where a test can abort the process, to see what a crash there leaves behind.
//!
//! Built only with the feature `failpoints`, which the shipped binary never has; without it a failpoint costs nothing.
//! A failpoint aborts when the file named by `EVENKEEL_FAILPOINTS_FILE` has its name on a line of its own, once for each
//! such line.

use std::fmt::Arguments;

/// Passes a failpoint. Its name is in lower case, with dashes: `before-create-load-balancer`.
#[cfg(not(feature = "failpoints"))]
pub const fn hit(_place: Arguments<'_>) {}

/// Passes a failpoint, and aborts without unwinding if a test asked for this one.
#[cfg(feature = "failpoints")]
pub fn hit(place: Arguments<'_>) {
    let Ok(file) = std::env::var("EVENKEEL_FAILPOINTS_FILE") else { return };
    let name = place.to_string().to_lowercase().replace(' ', "-");
    let asked = std::fs::read_to_string(&file).unwrap_or_default();
    let mut places: Vec<&str> = asked.lines().collect();
    let Some(index) = places.iter().position(|place| *place == name) else { return };
    places.remove(index);
    // A line that stays would abort the process after every restart.
    if std::fs::write(&file, places.join("\n")).is_ok() {
        tracing::error!(failpoint = name, "aborting, as a test asked");
        std::process::abort();
    }
}
