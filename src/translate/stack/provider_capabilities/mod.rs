//! Capabilities of provider drivers: settings that Octavia accepts and stores, and the driver of the stack rejects,
//! ignores, or carries out differently. Only a provider that the stack names, or Octavia's own default, is judged.

mod amphora;
mod check;
mod ovn;
#[cfg(test)]
mod tests;

pub(super) use check::check;
