//! The load balancer that a stack adopts.

use crate::api::{AdoptSpec, LoadBalancerStackSpec};
use crate::model::{Adoption, AdoptionSelector};
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

const PATH: &str = "spec.adopt";

pub(super) fn adoption(validator: &mut Validator<'_>, spec: &LoadBalancerStackSpec) -> Option<Adoption> {
    let AdoptSpec { id, name, tags, from_owner } = spec.adopt.as_ref()?;
    if id.is_some() == (name.is_some() || !tags.is_empty()) {
        validator.invalid(PATH, "either id, or at least one of name and tags is required");
        return None;
    }
    let selector = match id {
        Some(id) => {
            validator.check_text(TextKind::Uuid, id, &format!("{PATH}.id"));
            AdoptionSelector::Id(id.clone())
        }
        None => {
            for tag in tags {
                validator.check_text(TextKind::Tag, tag, &format!("{PATH}.tags"));
            }
            let name = validator.optional_text(TextKind::ObjectName, name.as_ref(), &format!("{PATH}.name"));
            AdoptionSelector::NameAndTags { name, tags: tags.iter().cloned().collect() }
        }
    };
    let from_owner = validator.optional_text(TextKind::Owner, from_owner.as_ref(), &format!("{PATH}.fromOwner"));
    Some(Adoption { selector, from_owner })
}
