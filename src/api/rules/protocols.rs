//! Groups of protocols and rule types, as CEL lists.

/// Listeners that read HTTP.
pub(super) const HTTP_LISTENERS: &str = "['HTTP', 'TERMINATED_HTTPS']";

/// Pools that HTTP requests can go to.
pub(super) const HTTP_POOLS: &str = "['HTTP', 'PROXY', 'PROXYV2']";

/// Pools that speak the PROXY protocol to their members.
pub(super) const PROXY_POOLS: &str = "['PROXY', 'PROXYV2']";

/// Listeners and pools of datagrams.
pub(super) const DATAGRAM: &str = "['UDP', 'SCTP']";

/// Types of L7 rules that examine the certificate of a client.
pub(super) const CERTIFICATE_RULES: &str = "['SSL_CONN_HAS_CERT', 'SSL_VERIFY_RESULT', 'SSL_DN_FIELD']";
