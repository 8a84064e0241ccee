//! The resource `LoadBalancerStack`: its fields, the rules of the API server, and the CRD that carries them.
//!
//! A validation rule sits at the smallest subtree with all the fields that it compares. If an object stored earlier
//! breaks a rule, every write to the changed part of the object is rejected; at the root, so would be status writes and
//! the removal of the finalizer. So only transition rules over `oldSelf.status` are there (`rules/immutable.rs`). All
//! rules are a courtesy to authors of stacks: `translate` is the authority.
#![allow(unreachable_pub, reason = "`KubeSchema` copies each structure, public as it is, into a function")]

mod certificate;
mod crd;
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

pub use certificate::{
    CertificateKeys, CertificatePlace, CertificateSecretRef, CertificateSpec, DataKeyRef, TrustSpec,
};
pub use crd::{crd, crd_yaml};
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
    CloudCredentialsRef, DELETION_POLICY_ANNOTATION, DeletionPolicy, DisruptionPolicy, LoadBalancerStack,
    LoadBalancerStackSpec, ManagementPolicy,
};
pub use status::{
    AdditionalVipStatus, Condition, ConditionStatus, ListenerStatus, LoadBalancerStackStatus, LoadBalancerStatus,
    MembersStatus, PlanStatus, PoolStatus, SourceMembersStatus,
};
pub use tls::{HstsSpec, ListenerTlsSpec, PoolTlsSpec};
