//! The resources `LoadBalancerStack` and `ClusterOpenStackCloud`: their fields, the rules of the API server, and the CRDs that
//! carry them.
//!
//! A validation rule sits at the smallest subtree with all the fields that it compares. If an object stored earlier
//! breaks a rule, every write to the changed part of the object is rejected; at the root, so would be status writes and
//! the removal of the finalizer. So only transition rules over `oldSelf.status` are there (`rules/immutable.rs`). All
//! rules are a courtesy to authors of stacks: `translate` is the authority.
#![allow(unreachable_pub, reason = "`KubeSchema` copies each structure, public as it is, into a function")]

mod adoption;
mod certificate;
mod cluster_cloud;
mod crd;
mod credentials;
pub mod duration;
mod l7;
mod listener;
mod load_balancer;
mod member_source;
mod object_name;
pub mod patterns;
mod pool;
mod rules;
mod schema;
mod stack;
mod status;
mod tls;

pub use adoption::AdoptSpec;
pub use certificate::{
    CertificateKeys, CertificatePlace, CertificateSecretRef, CertificateSpec, DataKeyRef, TrustSpec,
};
pub use cluster_cloud::{
    AllowSpec, AllowedNamespacesSpec, ClusterOpenStackCloud, ClusterOpenStackCloudSpec, ClusterOpenStackCloudStatus,
    ClusterSecretRef, NamespacesFrom,
};
pub use crd::{cluster_cloud_crd, cluster_cloud_crd_yaml, crd, crd_yaml};
pub use credentials::{CloudCredentialsRef, CredentialsChoice, CredentialsRefProblem};
pub use l7::{L7PolicySpec, L7RuleSpec};
pub use listener::{InsertHeader, ListenerSpec, TimeoutsSpec};
pub use load_balancer::{
    AdditionalVipSpec, CloudRef, ExistingFloatingIp, FloatingIpAllocation, FloatingIpSpec, LoadBalancerSpec,
    ReclaimPolicy, VipSpec,
};
pub use member_source::{
    LabelOperator, LabelRequirementSpec, LabelSelectorSpec, MemberSourceSpec, NodeAddressType, NodesSourceSpec,
    ServicePort, ServiceSourceSpec, ServiceTarget,
};
pub use object_name::object_name;
pub use pool::{
    DRAIN_MAX, HealthMonitorSpec, HttpVersion, MEMBER_WINDOW_MAX, MIN_MEMBERS_MAX, MemberSpec, PoolSpec,
    SessionPersistenceSpec,
};
pub use stack::{
    DELETION_POLICY_ANNOTATION, DeletionPolicy, DisruptionPolicy, LoadBalancerStack, LoadBalancerStackSpec,
    ManagementPolicy,
};
pub use status::{
    AdditionalVipStatus, Condition, ConditionStatus, ForeignChildStatus, ListenerStatus, LoadBalancerStackStatus,
    LoadBalancerStatus, MembersStatus, PlanStatus, PoolStatus, SourceMembersStatus,
};
pub use tls::{HstsSpec, ListenerTlsSpec, PoolTlsSpec};
