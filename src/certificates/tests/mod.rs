//! Tests of the checks, on certificates that are made here and on keys that OpenSSL has written.

mod authorities;
mod keys;
mod pair;
mod support;
