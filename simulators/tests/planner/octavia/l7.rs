//! Policies and rules of the model.

use serde_json::{Value, json};

use super::calls::Octavia;
use super::fields::{POLICY, RULE, Verdict, ensure, merged, reject, text, without};
use super::serving::protocol_of;
use evenkeel::model::*;

impl Octavia {
    fn policy(&mut self, id: &str) -> Result<(&mut ObservedListener, usize), String> {
        let listeners = &mut self.tree_mut()?.listeners;
        let found = listeners.iter_mut().find_map(|l| {
            let at = l.policies.iter().position(|p| p.id == id)?;
            Some((l, at))
        });
        found.ok_or_else(|| format!("404 policy {id}"))
    }

    pub(super) fn l7(&mut self, kind: Kind, call: &Call) -> Verdict {
        match (kind, call) {
            (Kind::L7Policy, Call::Create { body, .. }) => self.create_policy(body).map(drop),
            (Kind::L7Policy, Call::Update { id, body, .. }) => self.update_policy(id, body),
            (Kind::L7Policy, Call::Delete { id, .. }) => {
                let (listener, at) = self.policy(id)?;
                listener.policies.remove(at);
                listener.provisioning_status = Provisioning::Active;
                renumber(listener);
                Ok(())
            }
            (_, Call::Create { parent: Some(policy), body }) => self.create_rule(policy, body),
            (_, Call::Update { parent: Some(policy), id, body }) => {
                let rules = self.writable_rules(policy)?;
                let rule = rules.iter_mut().find(|r| r.id == *id).ok_or("404 rule")?;
                let new: ObservedL7Rule = merged(rule, body, RULE, &[])?;
                // Kept on create, dropped on any change (`L7RuleRepository.update`).
                let key = new.key.clone().filter(|_| !matches!(new.kind.as_str(), "PATH" | "HOST_NAME" | "FILE_TYPE"));
                *rule = ObservedL7Rule { key, provisioning_status: Provisioning::Active, ..new };
                check_rule(rule)
            }
            (_, Call::Delete { parent: Some(policy), id }) => {
                let rules = self.writable_rules(policy)?;
                let before = rules.len();
                rules.retain(|r| r.id != *id);
                ensure(rules.len() < before, || "404".to_owned())
            }
            _ => reject("no such call"),
        }
    }

    fn writable_rules(&mut self, policy: &str) -> Result<&mut Vec<ObservedL7Rule>, String> {
        let (listener, at) = self.policy(policy)?;
        let active = listener.policies[at].provisioning_status == Provisioning::Active;
        ensure(active, || format!("409 L7Policy {policy} is immutable"))?;
        listener.provisioning_status = Provisioning::Active;
        Ok(&mut listener.policies[at].rules)
    }

    fn create_rule(&mut self, policy: &str, body: &Body) -> Verdict {
        let id = self.id();
        let rules = self.writable_rules(policy)?;
        ensure(rules.len() < 50, || "409 Too many rules".to_owned())?;
        let blank = ObservedL7Rule {
            id,
            admin_state_up: true,
            provisioning_status: Provisioning::Active,
            ..ObservedL7Rule::default()
        };
        ensure(body.values().all(|v| !v.is_null()), || "null in a POST".to_owned())?;
        let new: ObservedL7Rule = merged(&blank, body, RULE, &[])?;
        check_rule(&new)?;
        rules.push(new);
        Ok(())
    }

    pub(super) fn create_policy(&mut self, body: &Body) -> Result<Id, String> {
        ensure(!body.contains_key("rules"), || "500 no attribute _sa_instance_state".to_owned())?;
        text(body, "action")?;
        let listener = text(body, "listener_id")?;
        let id = self.id();
        let position = body.get("position").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let blank = ObservedL7Policy {
            id: id.clone(),
            listener_id: listener.clone(),
            admin_state_up: true,
            provisioning_status: Provisioning::Active,
            ..ObservedL7Policy::default()
        };
        let body = without(body, &["listener_id", "position"]);
        ensure(body.values().all(|v| !v.is_null()), || "null in a POST".to_owned())?;
        let new = self.sanitised(&listener, &blank, &body)?;
        let listener = self.listener(&listener)?;
        let at = usize::try_from(position.max(1) - 1).unwrap_or(usize::MAX).min(listener.policies.len());
        listener.policies.insert(at, new);
        listener.provisioning_status = Provisioning::Active;
        renumber(listener);
        Ok(id)
    }

    fn update_policy(&mut self, id: &str, body: &Body) -> Verdict {
        ensure(!body.is_empty(), || "400 Invalid update options".to_owned())?;
        let (listener, at) = self.policy(id)?;
        let (listener_id, was) = (listener.id.clone(), listener.policies[at].clone());
        let new = self.sanitised(&listener_id, &was, &without(body, &["position"]))?;
        let (listener, at) = self.policy(id)?;
        listener.policies[at] = ObservedL7Policy { rules: was.rules, provisioning_status: Provisioning::Active, ..new };
        listener.provisioning_status = Provisioning::Active;
        if let Some(position) = body.get("position").and_then(Value::as_u64) {
            let policy = listener.policies.remove(at);
            let to = usize::try_from(position.max(1) - 1).unwrap_or(usize::MAX).min(listener.policies.len());
            listener.policies.insert(to, policy);
            renumber(listener);
        }
        Ok(())
    }

    /// `sanitize_l7policy_api_args`: an action comes with its target and clears the others.
    fn sanitised(&mut self, listener: &str, was: &ObservedL7Policy, body: &Body) -> Result<ObservedL7Policy, String> {
        let protocol = protocol_of(&self.listener(listener)?.protocol)?;
        ensure(protocol.is_http(), || format!("501 L7 policies on {protocol}"))?;
        let mut new: ObservedL7Policy = merged(was, body, POLICY, &[])?;
        if let Some(action) = body.get("action").and_then(Value::as_str) {
            let target = match action {
                "REDIRECT_TO_POOL" => Some("redirect_pool_id"),
                "REDIRECT_TO_URL" => Some("redirect_url"),
                "REDIRECT_PREFIX" => Some("redirect_prefix"),
                _ => None,
            };
            ensure(target.is_none_or(|t| body.contains_key(t)), || format!("400 {action} without its target"))?;
        }
        let of = |field: &str| body.get(field).is_some_and(|v| !v.is_null());
        ensure(!(of("redirect_pool_id") && (of("redirect_url") || of("redirect_prefix"))), || "400 both".to_owned())?;
        if new.action != "REDIRECT_TO_POOL" {
            new.redirect_pool_id = None;
        }
        if new.action != "REDIRECT_TO_URL" {
            new.redirect_url = None;
        }
        if new.action != "REDIRECT_PREFIX" {
            new.redirect_prefix = None;
        }
        let redirects = new.redirect_url.is_some() || new.redirect_prefix.is_some();
        if (of("redirect_url") || of("redirect_prefix")) && !of("redirect_http_code") {
            new.redirect_http_code = Some(302);
        } else if !redirects {
            new.redirect_http_code = None;
        }
        if let Some(pool) = &new.redirect_pool_id {
            let pool = self.tree_mut()?.pools.iter().find(|p| p.id == *pool).ok_or("404 pool")?;
            let suits = PoolProtocol::ALL.iter().any(|p| p.as_str() == pool.protocol && protocol.suits(*p));
            ensure(suits, || format!("400 {protocol} listener with a {} pool", pool.protocol))?;
        }
        Ok(new)
    }
}

fn renumber(listener: &mut ObservedListener) {
    for (position, policy) in (1..).zip(&mut listener.policies) {
        policy.position = position;
    }
}

fn check_rule(rule: &ObservedL7Rule) -> Verdict {
    let needs_key = matches!(rule.kind.as_str(), "HEADER" | "COOKIE" | "SSL_DN_FIELD");
    ensure(!needs_key || rule.key.is_some(), || "400 the rule needs a key".to_owned())?;
    let takes_no_key = matches!(rule.kind.as_str(), "SSL_CONN_HAS_CERT" | "SSL_VERIFY_RESULT");
    ensure(!takes_no_key || rule.key.as_deref().unwrap_or_default().is_empty(), || {
        "400 the type does not use the key field".to_owned()
    })?;
    let exact = matches!(rule.kind.as_str(), "SSL_CONN_HAS_CERT" | "SSL_VERIFY_RESULT");
    ensure(!exact || json!(rule.compare_type) == json!("EQUAL_TO"), || "400 compare_type".to_owned())?;
    let file = rule.kind == "FILE_TYPE";
    ensure(!file || matches!(rule.compare_type.as_str(), "REGEX" | "EQUAL_TO"), || "400 compare_type".to_owned())
}
