//! The cloud that random stacks refer to.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use zeroize::Zeroizing;

use evenkeel::model::*;

/// Objects of the cloud that random stacks refer to. They have to exist.
#[derive(Debug, Clone)]
pub struct World {
    pub owner: Owner,
    /// IPv4 subnet of the VIP.
    pub vip_subnet_id: Id,
    /// The VIPs beside that of `vip_subnet_id` that a stack may have.
    pub other_vips: Vec<CandidateVip>,
    pub flavor_ids: Vec<Id>,
    pub availability_zones: Vec<String>,
    /// Networks of floating IPs.
    pub external_network_ids: Vec<Id>,
    /// Subnets of external networks: network and subnet.
    pub external_subnets: Vec<(Id, FloatingSubnet)>,
    /// Addresses that a stack may ask for: network and address.
    pub floating_addresses: Vec<(Id, String)>,
    /// Floating IPs of other clients that a stack may borrow.
    pub floating_ip_ids: Vec<Id>,
    pub member_subnet_ids: Vec<Id>,
    pub qos_policy_ids: Vec<Id>,
    pub security_group_ids: Vec<Id>,
    pub certificate_refs: Vec<CertificateRef>,
    /// Certificate authorities, each with a revocation list that it signed.
    pub authorities: Vec<(CertificateRef, CertificateRef)>,
}

/// A VIP that a random stack may have, with the IP versions of its addresses.
#[derive(Debug, Clone)]
pub struct CandidateVip {
    pub vip: Vip,
    pub families: Families,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    pub v4: bool,
    pub v6: bool,
}

impl Families {
    pub const V4: Self = Self { v4: true, v6: false };
    pub const V6: Self = Self { v4: false, v6: true };
    pub const BOTH: Self = Self { v4: true, v6: true };
}

fn id(kind: u8, n: u8) -> Id {
    format!("{kind:08x}-0000-4000-8000-{n:012x}")
}

/// A certificate that the stack stores itself. The end of its digest is `n`: as in ids, a revocation list has the same
/// end as its authority.
fn stored(owner: &Owner, kind: u8, n: u8, format: SecretFormat) -> CertificateRef {
    let payload = format!("-----BEGIN CERTIFICATE-----\nsimulated {kind} {n}\n-----END CERTIFICATE-----\n");
    let content = SecretContent::new(Zeroizing::new(payload.into_bytes()), format, format!("{kind:020x}{n:012x}"));
    CertificateRef::Stored(StoredSecret::new(owner, content))
}

impl Default for World {
    fn default() -> Self {
        let secret =
            |kind: u8, n: u8| CertificateRef::Existing(format!("https://barbican.example/v1/secrets/{}", id(kind, n)));
        Self {
            owner: owner(),
            vip_subnet_id: id(2, 1),
            other_vips: Vec::new(),
            flavor_ids: Vec::new(),
            availability_zones: Vec::new(),
            external_network_ids: vec![id(3, 1), id(3, 2)],
            external_subnets: Vec::new(),
            floating_addresses: Vec::new(),
            floating_ip_ids: vec![id(4, 1), id(4, 2)],
            member_subnet_ids: vec![id(5, 1), id(5, 2)],
            qos_policy_ids: vec![id(6, 1), id(6, 2)],
            security_group_ids: vec![id(7, 1), id(7, 2)],
            certificate_refs: (1..=3).map(|n| secret(8, n)).chain(Self::stored_certificates()).collect(),
            authorities: (1..=2).map(|n| (secret(9, n), secret(10, n))).chain(Self::stored_authorities()).collect(),
        }
    }
}

fn owner() -> Owner {
    Owner { uid: id(1, 1), cluster: "cluster-a".to_owned(), namespace: "shop".to_owned(), name: "web".to_owned() }
}

impl World {
    /// A certificate from the cluster of the default owner, with a content that this number stands for.
    pub fn stored_certificate(number: u8) -> CertificateRef {
        stored(&owner(), 20, number, SecretFormat::Pkcs12)
    }

    /// Certificates from the cluster of the default owner.
    pub fn stored_certificates() -> impl Iterator<Item = CertificateRef> {
        (1..=2).map(|n| stored(&owner(), 21, n, SecretFormat::Pkcs12))
    }

    /// Authorities from the cluster of the default owner, each with a revocation list.
    pub fn stored_authorities() -> impl Iterator<Item = (CertificateRef, CertificateRef)> {
        (1..=2).map(|n| (stored(&owner(), 22, n, SecretFormat::Pem), stored(&owner(), 23, n, SecretFormat::Pem)))
    }

    /// A cloud with objects of every kind.
    pub fn whole() -> Self {
        let (v4, v6, network, port) = (id(2, 1), id(2, 2), id(2, 3), id(2, 4));
        let external = |n: u8, of: u8| {
            let cidr = IpNet::new_assert(IpAddr::from([198, 51, 100 + n, 0]), 24);
            (id(3, of), FloatingSubnet { id: id(11, n), cidr })
        };
        Self {
            other_vips: CandidateVip::all(&v4, "10.1.0.77", &v6, "2001:db8:1::77", &network, &port),
            flavor_ids: vec![id(12, 1), id(12, 2)],
            availability_zones: vec!["zone-a".to_owned(), "zone-b".to_owned()],
            external_subnets: vec![external(1, 1), external(2, 2), external(3, 1)],
            floating_addresses: vec![(id(3, 1), "203.0.113.77".to_owned()), (id(3, 2), "198.51.100.77".to_owned())],
            ..Self::default()
        }
    }

    pub fn v6_subnets(&self) -> BTreeSet<Id> {
        let of_v6 = self.other_vips.iter().filter(|candidate| candidate.families == Families::V6);
        let only = of_v6.filter_map(|candidate| candidate.vip.subnet_id.clone());
        only.collect()
    }

    pub(super) fn families(&self, vip: &Vip) -> Families {
        self.other_vips
            .iter()
            .find(|candidate| candidate.vip == *vip)
            .map_or(Families::V4, |candidate| candidate.families)
    }
}

impl CandidateVip {
    /// Every way to name a VIP: by subnet, network or port, with and without an address, with additional VIPs. The port
    /// has an address in each of the two subnets.
    pub fn all(v4: &Id, v4_address: &str, v6: &Id, v6_address: &str, network: &Id, port: &Id) -> Vec<Self> {
        let also = |subnet: &Id, address: Option<&str>| {
            vec![AdditionalVip { subnet_id: subnet.clone(), address: address.map(str::to_owned) }]
        };
        let by_subnet = |subnet: &Id| Vip { subnet_id: Some(subnet.clone()), ..Vip::default() };
        let by_network = || Vip { network_id: Some(network.clone()), ..Vip::default() };
        let by_port = || Vip { port_id: Some(port.clone()), ..by_subnet(v4) };
        let at = |vip: Vip, address: &str| Vip { address: Some(address.to_owned()), ..vip };
        let and = |vip: Vip, additional| Vip { additional, ..vip };
        [
            (at(by_subnet(v4), v4_address), Families::V4),
            (by_subnet(v6), Families::V6),
            (at(by_subnet(v6), v6_address), Families::V6),
            (and(by_subnet(v4), also(v6, None)), Families::BOTH),
            (and(by_subnet(v6), also(v4, Some(v4_address))), Families::BOTH),
            (and(at(by_subnet(v4), v4_address), also(v6, Some(v6_address))), Families::BOTH),
            (by_network(), Families::V4),
            (at(by_network(), v4_address), Families::V4),
            (by_port(), Families::V4),
            (and(by_port(), also(v6, None)), Families::BOTH),
        ]
        .into_iter()
        .map(|(vip, families)| Self { vip, families })
        .collect()
    }
}
