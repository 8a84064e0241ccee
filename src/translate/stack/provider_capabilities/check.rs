//! The choice of the driver whose capabilities are checked.

use crate::api::LoadBalancerStackSpec;
use crate::translate::ip_family::IpFamilies;
use crate::translate::provider::Provider;
use crate::translate::validator::Validator;

use super::{amphora, ovn};

pub(in crate::translate::stack) fn check(
    validator: &mut Validator<'_>,
    stack: &LoadBalancerStackSpec,
    families: &IpFamilies,
) {
    match validator.provider {
        Provider::Amphora => amphora::check(validator, stack, families),
        Provider::Ovn => ovn::check(validator, stack),
        Provider::Other => {}
    }
}
