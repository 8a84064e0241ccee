//! Identifiers of objects in the cloud and in a stack.

/// The id of an Octavia or Neutron object (a UUID, kept as text).
pub type Id = String;

/// The name of a listener, pool or policy within its stack. It identifies the object, by a tag, in the cloud.
pub type Key = String;
