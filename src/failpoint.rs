//! Places where the process can be asked to end at once, so that a test sees what a crash there leaves behind.
//!
//! Built only with the feature `kill-points`, which the shipped binary never has; without it a place costs nothing. A
//! place strikes when the file named by `EVENKEEL_KILL_AT_FILE` has its name on a line of its own, and once for each
//! such line.

use std::fmt::Arguments;

/// Passes a place. Its name is in lower case, with dashes: `before-create-load-balancer`.
#[cfg(not(feature = "kill-points"))]
pub const fn point(_place: Arguments<'_>) {}

/// Passes a place; no unwinding and no goodbye if this is the one.
#[cfg(feature = "kill-points")]
pub fn point(place: Arguments<'_>) {
    let Ok(file) = std::env::var("EVENKEEL_KILL_AT_FILE") else { return };
    let name = place.to_string().to_lowercase().replace(' ', "-");
    let asked = std::fs::read_to_string(&file).unwrap_or_default();
    let mut places: Vec<&str> = asked.lines().collect();
    let Some(index) = places.iter().position(|place| *place == name) else { return };
    places.remove(index);
    // A line that stays would strike after every restart.
    if std::fs::write(&file, places.join("\n")).is_ok() {
        tracing::error!(place = name, "ends here, as asked");
        std::process::abort();
    }
}
