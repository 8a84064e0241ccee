//! The provider drivers of Octavia that Evenkeel knows.

/// The driver that carries out a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    Amphora,
    Ovn,
    /// A driver with an unknown data plane, so nothing is rejected for it.
    Other,
}

impl Provider {
    /// The driver of that name. Without a name it is Octavia's own default; on a cloud with another default, the stack
    /// has to name the provider.
    pub(super) fn named(name: Option<&str>) -> Self {
        match name {
            // Three names of one driver (the entry points `octavia.api.drivers` of Octavia).
            None | Some("amphora" | "amphorav2" | "octavia") => Self::Amphora,
            Some("ovn") => Self::Ovn,
            Some(_) => Self::Other,
        }
    }
}

impl std::fmt::Display for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Amphora => "amphora",
            Self::Ovn => "ovn",
            Self::Other => "of another name",
        })
    }
}
