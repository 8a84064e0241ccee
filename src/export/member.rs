//! Members.

use std::collections::BTreeSet;

use super::context::Context;
use super::values::{address, by_id, tags, unless_empty, unless_up};
use crate::api::MemberSpec;
use crate::model::ObservedMember;

const DEFAULT_WEIGHT: i32 = 1;

/// The members of a pool, each address and port once.
pub(super) fn members(observed: &[ObservedMember], pool: &str, context: &mut Context) -> Vec<MemberSpec> {
    let mut known = BTreeSet::new();
    let mut members: Vec<MemberSpec> = Vec::new();
    for one in observed {
        let object = format!("member {}:{} of {pool}", one.address, one.protocol_port);
        if known.insert((address(&one.address), one.protocol_port)) {
            members.push(member(one, &object, context));
        } else {
            context.add(&object, "it is there twice, in two spellings; one is removed");
        }
    }
    members.sort_by(|a, b| (&a.address, a.port).cmp(&(&b.address, b.port)));
    members
}

fn member(observed: &ObservedMember, object: &str, context: &mut Context) -> MemberSpec {
    let weight = observed.weight.and_then(|weight| i32::try_from(weight).ok());
    MemberSpec {
        address: address(&observed.address),
        port: observed.protocol_port.into(),
        name: unless_empty(&observed.name),
        weight: weight.filter(|weight| *weight != DEFAULT_WEIGHT),
        backup: observed.backup.then_some(true),
        subnet: observed.subnet_id.as_deref().map(by_id),
        monitor_address: observed.monitor_address.as_deref().map(address),
        monitor_port: observed.monitor_port.map(i32::from),
        admin_state_up: unless_up(observed.admin_state_up),
        tags: tags(&observed.tags, object, context),
    }
}
