//! HTTP to OpenStack services: requests, responses, error classes and the transport. Knows neither credentials nor tokens.
//!
//! | file | content |
//! |---|---|
//! | `service` | the services, and the ids that may stand in a path |
//! | `request`, `response` | one API request and the response to a successful one |
//! | `transport`, `reqwest_transport` | the seam for tests, and its production side |
//! | `trust` | certificates of `cacert`, and faults of the certificates that servers present |
//! | `classify`, `fault`, `headers` | from an error response to an error class |
//! | `error` | the error of a failed call |
//! | `response_limits` | rejection of responses that would exhaust memory |
//! | `single_flight` | one call shared by all concurrent callers |

mod classify;
mod error;
mod fault;
mod headers;
mod request;
mod reqwest_transport;
mod response;
mod response_limits;
mod service;
mod single_flight;
mod transport;
mod trust;

pub(super) use classify::{ErrorResponse, classify};
pub(super) use headers::request_id;
pub(super) use request::ApiRequest;
pub(super) use response::ApiResponse;
pub(super) use service::{Service, is_plain_id};
pub(super) use single_flight::SingleFlight;

pub use error::{CloudError, ErrorClass, ErrorDetail};
pub use reqwest_transport::ReqwestConnector;
pub use transport::{ConnectError, Connector, Request, Response, TlsOptions, Transport, TransportError};
pub use trust::CacertError;
