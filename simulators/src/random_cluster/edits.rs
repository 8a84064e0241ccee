//! Random edits of a cluster: endpoints come, terminate and go, Services and nodes go, Secrets are renewed and break.

use serde_json::json;

use super::certificates::{PAIR_SECRETS, TRUST, encoded, pair_secret, trust};
use super::cluster::{ClusterChange, ObjectKind, ObjectName, RandomCluster};
use super::dice::Dice;
use super::fixtures::{AUTHORITIES, EXPIRED, PAIRS};
use super::nodes::{self, EXCLUDE_LABEL};
use super::services::{self, EndpointState, NAMES, SLICES, address, endpoint, pod, pod_name, slice_name};

impl RandomCluster {
    /// Makes one edit and returns it.
    pub fn edit(&mut self, dice: &mut Dice) -> ClusterChange {
        let before = self.clone();
        if let Some((name, whole)) = self.half_done.take() {
            if dice.chance(60) {
                let what = format!("the second half of {} {}", "Secret", name.name);
                self.objects.insert(name, whole);
                return self.changes_since(&before, what);
            }
            self.half_done = Some((name, whole));
        }
        let what = match dice.below(100) {
            0..40 => self.edit_endpoints(dice),
            40..55 => self.edit_service(dice),
            55..65 => self.edit_node(dice),
            65..90 => self.edit_pair(dice),
            _ => self.edit_trust(dice),
        };
        self.changes_since(&before, what)
    }

    fn edit_endpoints(&mut self, dice: &mut Dice) -> String {
        let at = dice.index(NAMES.len());
        let service = NAMES[at];
        if dice.chance(20) {
            return self.scale_to_zero(service);
        }
        if dice.chance(40) {
            return self.fail_all(service);
        }
        let slice = dice.pick(&["a", "a", "b", "v6"]);
        let name = slice_name(service, slice);
        let Some(object) = self.objects.get_mut(&name) else { return self.restore_service(dice, service) };
        let endpoints = object["endpoints"].as_array_mut().unwrap();
        match dice.below(4) {
            0 | 1 if !endpoints.is_empty() => {
                let chosen = dice.index(endpoints.len());
                let state = dice.pick(&EndpointState::ALL);
                let its = endpoints[chosen]["addresses"][0].as_str().unwrap().to_owned();
                endpoints[chosen] = endpoint(dice, &its, state);
                // The pod of one that is not ready may be gone before its endpoint.
                if state == EndpointState::NotReady && dice.chance(25) {
                    self.objects.remove(&pod_name(&its));
                    return format!("endpoint {its} of Service {service} is not ready, and its pod is gone");
                }
                self.objects.extend([pod(&its)]);
                format!("endpoint {its} of Service {service} is {state:?}")
            }
            2 if !endpoints.is_empty() => {
                let gone = endpoints.remove(dice.index(endpoints.len()));
                let its = gone["addresses"][0].as_str().unwrap();
                self.objects.remove(&pod_name(its));
                format!("endpoint {its} of Service {service} is gone")
            }
            _ => {
                let new = address(at, slice, dice.below(8));
                endpoints.retain(|endpoint| endpoint["addresses"][0] != *new);
                endpoints.push(endpoint(dice, &new, EndpointState::Ready));
                self.objects.extend([pod(&new)]);
                format!("endpoint {new} of Service {service} is ready")
            }
        }
    }

    fn scale_to_zero(&mut self, service: &str) -> String {
        for slice in SLICES {
            if let Some(object) = self.objects.get_mut(&slice_name(service, slice)) {
                object["endpoints"] = json!([]);
            }
        }
        format!("Service {service} is scaled to zero")
    }

    /// All endpoints turn not ready at once, as after a release that fails its probe.
    fn fail_all(&mut self, service: &str) -> String {
        for slice in SLICES {
            let object = self.objects.get_mut(&slice_name(service, slice));
            let endpoints = object.and_then(|object| object["endpoints"].as_array_mut());
            for endpoint in endpoints.into_iter().flatten() {
                endpoint["conditions"] = EndpointState::NotReady.conditions();
            }
        }
        format!("no endpoint of Service {service} is ready")
    }

    fn restore_service(&mut self, dice: &mut Dice, service: &str) -> String {
        self.objects.extend(services::draw(dice, service));
        format!("Service {service} is as new")
    }

    fn edit_service(&mut self, dice: &mut Dice) -> String {
        let service = dice.pick(&NAMES);
        let name = ObjectName::new(ObjectKind::Service, service);
        let Some(object) = self.objects.get_mut(&name) else { return self.restore_service(dice, service) };
        match dice.below(8) {
            0 | 1 => {
                self.objects.remove(&name);
                // The slices go with it, or are left behind for a while.
                if dice.chance(50) {
                    for slice in SLICES {
                        self.objects.remove(&slice_name(service, slice));
                    }
                }
                format!("Service {service} is deleted")
            }
            2 => {
                let renamed = if object["spec"]["ports"][0]["name"] == "http" { "web" } else { "http" };
                object["spec"]["ports"][0]["name"] = renamed.into();
                format!("the port of Service {service} is called {renamed}, and not in its slices")
            }
            3 => {
                let number = 31_080 + dice.below(100);
                object["spec"]["ports"][0]["nodePort"] = number.into();
                format!("the node port of Service {service} is {number}")
            }
            4 => {
                object["spec"] = json!({"type": "ExternalName", "externalName": "shop.example"});
                format!("Service {service} is of type ExternalName")
            }
            5 => {
                object["spec"]["ports"][0]["appProtocol"] = dice.pick(&["kubernetes.io/h2c", "http"]).into();
                format!("the port of Service {service} has appProtocol {}", object["spec"]["ports"][0]["appProtocol"])
            }
            6 => {
                for slice in SLICES {
                    if let Some(object) = self.objects.get_mut(&slice_name(service, slice)) {
                        object["ports"][0]["port"] = 8090.into();
                    }
                }
                format!("the target port of Service {service} is 8090")
            }
            _ => self.restore_service(dice, service),
        }
    }

    fn edit_node(&mut self, dice: &mut Dice) -> String {
        let chosen = dice.pick(&nodes::NAMES);
        let name = ObjectName::new(ObjectKind::Node, chosen);
        let Some(object) = self.objects.get_mut(&name) else {
            self.objects.extend(nodes::draw(dice).into_iter().filter(|(drawn, _)| *drawn == name));
            return format!("{chosen} is there again");
        };
        match dice.below(6) {
            0 => {
                self.objects.remove(&name);
                format!("{chosen} is deleted")
            }
            1 => {
                let value = dice.pick(&["true", "false", ""]);
                object["metadata"]["labels"][EXCLUDE_LABEL] = value.into();
                format!("{chosen} has the exclude label with value {value:?}")
            }
            2 => {
                let key = dice.pick(&["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"]);
                object["spec"] = json!({"taints": [{"key": key, "effect": "NoSchedule"}]});
                format!("{chosen} has taint {key}")
            }
            3 => {
                object["spec"] = json!({"unschedulable": true, "taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]});
                format!("{chosen} is cordoned and not ready")
            }
            4 => {
                object["metadata"]["labels"]["role"] = dice.pick(&["web", "db"]).into();
                format!("{chosen} has another role")
            }
            _ => {
                self.objects.extend(nodes::draw(dice).into_iter().filter(|(drawn, _)| *drawn == name));
                format!("{chosen} is as new")
            }
        }
    }

    fn edit_pair(&mut self, dice: &mut Dice) -> String {
        let chosen = dice.pick(&PAIR_SECRETS);
        let name = ObjectName::new(ObjectKind::Secret, chosen);
        let pair = &PAIRS[dice.index(PAIRS.len())];
        let whole = pair_secret(pair);
        self.half_done = None;
        let Some(object) = self.objects.get_mut(&name) else {
            self.objects.insert(name, whole);
            return format!("Secret {chosen} is there again with {}", pair.name);
        };
        match dice.below(10) {
            0..5 => {
                *object = whole;
                format!("Secret {chosen} has {}", pair.name)
            }
            5 | 6 => {
                let key = dice.pick(&["tls.crt", "tls.key"]);
                object["data"][key] = whole["data"][key].clone();
                self.half_done = Some((name, whole));
                format!("Secret {chosen} has {key} of {}", pair.name)
            }
            7 => {
                self.objects.remove(&name);
                format!("Secret {chosen} is deleted")
            }
            8 => {
                *object = pair_secret(&EXPIRED);
                format!("Secret {chosen} has an expired certificate")
            }
            _ => {
                let broken =
                    dice.pick(&["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]);
                object["data"]["tls.key"] = encoded(broken).into();
                format!("Secret {chosen} has key {broken:?}")
            }
        }
    }

    fn edit_trust(&mut self, dice: &mut Dice) -> String {
        let kind = dice.pick(&[ObjectKind::Secret, ObjectKind::ConfigMap]);
        let name = ObjectName::new(kind, TRUST);
        let authority = &AUTHORITIES[dice.index(AUTHORITIES.len())];
        let whole = trust(kind, authority);
        let Some(object) = self.objects.get_mut(&name) else {
            self.objects.insert(name, whole);
            return format!("{kind:?} {TRUST} is there again");
        };
        match dice.below(6) {
            0 => {
                self.objects.remove(&name);
                format!("{kind:?} {TRUST} is deleted")
            }
            1 => {
                object["data"]["ca.crl"] = whole["data"]["ca.crl"].clone();
                format!("{kind:?} {TRUST} has the revocation list of {}", authority.name)
            }
            2 => {
                object["data"].as_object_mut().unwrap().remove("ca.crt");
                format!("{kind:?} {TRUST} has no authority")
            }
            _ => {
                *object = whole;
                format!("{kind:?} {TRUST} has {}", authority.name)
            }
        }
    }
}
