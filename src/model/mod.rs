//! Plain data in one vocabulary: the desired state of a stack ([`Desired`]), the observed state of the cloud
//! ([`ObservedTree`]), and the [`Plan`] from one to the other.
//!
//! No I/O, no clock, no Kubernetes. Names and values are Octavia's own.

mod adoption;
mod cluster_contents;
mod collation;
mod desired;
mod desired_certificates;
mod floating_ip_ownership;
mod ids;
mod ip_family;
mod member_key;
mod member_sources;
mod named_secrets;
mod observed;
mod observed_secrets;
mod octavia_enums;
mod ownership;
mod plan;
mod plan_display;
mod problem;
mod prune;
mod references;
mod source;
mod stored_secrets;
mod text;

pub use adoption::{Adoption, AdoptionSelector, is_mark_of_controller, owners};
pub use cluster_contents::{ClusterContents, SourcedCertificate, SourcedCertificates};
pub use collation::{collated, without_twins};
pub use desired::{
    AdditionalVip, Desired, FloatingIp, FloatingSubnet, HealthMonitor, Hsts, HttpCheck, L7Action, L7Policy, L7Rule,
    Listener, ListenerTls, LoadBalancer, Member, Members, Persistence, Pool, PoolTls, Timeouts, TlsParameters, Vip,
};
pub use floating_ip_ownership::{Ownership, Rival, rival};
pub use ids::{Id, Key};
pub use ip_family::IpFamily;
pub use member_key::MemberKey;
pub use member_sources::{Endpoint, EndpointPhase, SourceEndpoints, SourceKey, SourcedEndpoints};
pub use observed::{
    IdRef, ObservedAdditionalVip, ObservedFloatingIp, ObservedL7Policy, ObservedL7Rule, ObservedListener,
    ObservedLoadBalancer, ObservedMember, ObservedMonitor, ObservedPersistence, ObservedPool, ObservedTree,
    Provisioning, TreeQuery,
};
pub use observed_secrets::{ObservedSecret, ObservedSecrets, secret_id};
pub use octavia_enums::{
    Algorithm, AlpnProtocol, ClientAuthentication, HttpMethod, L7CompareType, L7PolicyAction, L7RuleType,
    ListenerProtocol, MonitorType, PersistenceType, PoolProtocol, TlsVersion, TransportProtocol,
};
pub use ownership::{
    OwnedFields, Owner, PREFIX, SECRETS_TAG, attempt_name, attempt_of, attempt_tag, cluster_tag, foreign_owner,
    generation_of, key_of, key_tag, stack_named, stack_of, tag_of, user_tags,
};
pub use plan::{Body, Call, Change, Impact, Kind, Plan, Step, StepReason};
pub use problem::{Problem, ProblemReason};
pub use prune::{ForeignChild, PrunePolicy};
pub use references::{
    ApiVersion, FixedIp, Reference, ReferenceKind, Resolutions, ResolveError, ResolvedReference, Selector,
};
pub use source::{Source, Validate};
pub use stored_secrets::{CertificateRef, SecretContent, SecretFormat, StoredSecret};
pub use text::{null_as_default, shortened};
