//! The client of the Kubernetes API.

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::{Client, Config};

/// The name and version that audit logs and priority levels of the API server see.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("evenkeel/", env!("CARGO_PKG_VERSION")));

/// Client of the cluster that this process runs in, or of the one that `KUBECONFIG` names.
pub async fn connect() -> Result<Client, kube::Error> {
    client(Config::infer().await.map_err(kube::Error::InferConfig)?)
}

fn client(mut config: Config) -> Result<Client, kube::Error> {
    config.headers.push((USER_AGENT, AGENT));
    Client::try_from(config)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use http::HeaderMap;

    use super::*;

    #[tokio::test]
    async fn request_carries_name_and_version_of_evenkeel() {
        let agent = async |headers: HeaderMap| format!("{:?}", headers.get_all(USER_AGENT).iter().collect::<Vec<_>>());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(agent)).await });
        let client = client(Config::new(format!("http://{address}").parse().unwrap())).unwrap();
        let seen = client.request_text(http::Request::get("/").body(Vec::new()).unwrap()).await.unwrap();
        assert_eq!(seen, format!("[\"evenkeel/{}\"]", env!("CARGO_PKG_VERSION")));
    }
}
