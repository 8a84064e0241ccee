//! The response to a successful API request.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use super::error::{CloudError, ErrorClass, ErrorDetail};
use super::headers::{request_id, server_time};
use super::request::ApiRequest;
use super::response_limits::JsonShape;
use super::service::Service;

/// The most JSON objects in a response about one resource. The status tree of a load balancer repeats a pool below each of
/// its listeners: 64 times a thousand members.
const MAX_OBJECTS: usize = 100_000;

/// A response with a success status.
pub(in crate::openstack) struct ApiResponse {
    call: String,
    service: Service,
    is_write: bool,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    objects: usize,
}

impl ApiResponse {
    /// # Errors
    /// `Transient` when the parsed body would take far more memory than its text.
    pub(in crate::openstack) fn new(
        request: &ApiRequest,
        parts: http::response::Parts,
        body: Bytes,
    ) -> Result<Self, CloudError> {
        let shape = JsonShape::of(&body);
        let response = Self {
            call: request.call(),
            service: request.service(),
            is_write: request.is_write(),
            status: parts.status,
            headers: parts.headers,
            body,
            objects: shape.objects,
        };
        if shape.is_amplified() {
            return Err(response.too_large("has more JSON structure than text and was not read"));
        }
        Ok(response)
    }

    /// Parses a response about one resource.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and when the body has more objects than any resource.
    pub(in crate::openstack) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CloudError> {
        if self.objects > MAX_OBJECTS {
            return Err(self.too_large("has more objects than any OpenStack resource and was not read"));
        }
        self.parse()
    }

    /// # Errors
    /// `Transient` when the body is not the documented one. The message gives a position only: serde would quote the body.
    pub(in crate::openstack) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CloudError> {
        let position = |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
        serde_json::from_slice(&self.body)
            .map_err(|error| self.unusable(&format!("was not understood ({})", position(error))))
    }

    fn too_large(&self, fault: &str) -> CloudError {
        self.unusable(fault).with_detail(Some(ErrorDetail::ResponseTooLarge))
    }

    /// An error about the body. A write stays in doubt: its success status says that it was carried out.
    fn unusable(&self, fault: &str) -> CloudError {
        let service = self.service.as_str();
        let message = format!("the response of the {service} service {fault}");
        CloudError::new(ErrorClass::Transient(None), service, self.call.as_str(), message)
            .with_status(self.status.as_u16())
            .with_request_id(request_id(&self.headers))
            .with_doubt(self.is_write)
    }

    pub(in crate::openstack) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(in crate::openstack) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The number of JSON objects on all levels.
    pub(in crate::openstack) const fn objects(&self) -> usize {
        self.objects
    }

    /// The server's clock, for comparison with the server's own timestamps.
    pub(in crate::openstack) fn server_time(&self) -> Option<Timestamp> {
        server_time(&self.headers)
    }
}
