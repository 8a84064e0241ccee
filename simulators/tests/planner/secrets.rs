//! Certificates that the stack stores in the key manager: stored first, then named, deleted last.

use proptest::prelude::*;

use super::octavia::Octavia;
use super::properties::{cases, converge, converged, made as made_random, stores_what_it_wants};
use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan::{create, delete, update};
use evenkeel_simulators::arbitrary::{World, stack_and_edit};

/// The plain stack with a terminated listener `https` beside the other.
fn terminated(certificate: CertificateRef) -> Desired {
    edited(|want| {
        let mut https = listener("https", ListenerProtocol::TerminatedHttps, 443, Some("web"));
        https.tls = Some(ListenerTls { certificate_ref: Some(certificate), ..tls("none") });
        want.listeners.insert("https".into(), https);
    })
}

fn https_tls(want: &mut Desired) -> &mut ListenerTls {
    want.listeners.get_mut("https").unwrap().tls.as_mut().unwrap()
}

fn names(octavia: &Octavia) -> Vec<&str> {
    octavia.stored().iter().map(|secret| secret.name.as_str()).collect()
}

fn name(number: u32) -> String {
    stored_secret(number).name
}

fn tree(octavia: &Octavia) -> &ObservedTree {
    octavia.tree.as_ref().unwrap()
}

#[test]
fn create_stores_secrets_first() {
    let plan = create(&terminated(stored(1)), &ObservedSecrets::default(), "a1");
    shows(&plan, &format!("+ secret {}\n+ load balancer shop/web", name(1)));
    assert_eq!(plan.steps[1].depends_on, Some(format!("secret {}", name(1))));
    let octavia = made(&terminated(stored(1)));
    assert_eq!(names(&octavia), [name(1)]);
    assert!(update(&terminated(stored(1)), tree(&octavia)).is_empty());
}

#[test]
fn rotation_stores_then_switches_then_deletes() {
    let mut octavia = made(&terminated(stored(1)));
    let old = octavia.stored()[0].clone();
    let plan = update(&terminated(stored(2)), tree(&octavia));
    let expected = format!(
        "+ secret {new}
         ~ listener https: default_tls_container_ref {href} -> <secret {new}>
         - secret {old}",
        new = name(2),
        href = old.href,
        old = old.name
    );
    shows(&plan, &expected.replace("         ", ""));
    let depends_on: Vec<Option<String>> = plan.steps.iter().map(|step| step.depends_on.clone()).collect();
    assert_eq!(depends_on, [None, Some(format!("secret {}", name(2))), Some("listener https".to_owned())]);
    converged(&converge(&mut octavia, &terminated(stored(2)), |_, _| {}), &terminated(stored(2)));
    assert_eq!(names(&octavia), [name(2)]);
}

#[test]
fn twenty_rotations_leave_one_secret() {
    let mut octavia = made(&terminated(stored(0)));
    for number in 1..=20 {
        let mut switches = 0;
        let want = terminated(stored(number));
        converged(
            &converge(&mut octavia, &want, |_, step| switches += usize::from(step.kind == Kind::Listener)),
            &want,
        );
        assert_eq!(switches, 1, "one write of the listener for each rotation");
        assert_eq!(names(&octavia), [name(number)]);
    }
}

#[test]
fn rotation_cut_short_at_any_step_is_caught_up_by_next() {
    for steps in 0..3 {
        let mut octavia = made(&terminated(stored(0)));
        for number in 1..=20 {
            for _ in 0..steps {
                let plan = update(&terminated(stored(number)), tree(&octavia));
                let Some(step) = plan.steps.first() else { break };
                octavia.apply(step).unwrap();
            }
        }
        let want = terminated(stored(20));
        converged(&converge(&mut octavia, &want, |_, _| {}), &want);
        assert_eq!(names(&octavia), [name(20)], "cut after {steps} steps");
    }
}

#[test]
fn first_secret_comes_after_tag_of_load_balancer() {
    let before = terminated(existing("cert-1"));
    let mut octavia = made(&before);
    let plan = update(&terminated(stored(1)), tree(&octavia));
    let steps: Vec<String> = plan.steps.iter().map(Step::object).collect();
    assert_eq!(
        steps,
        ["load balancer shop/web".to_owned(), format!("secret {}", name(1)), "listener https".to_owned()]
    );
    converge(&mut octavia, &terminated(stored(1)), |_, _| {});
    // The tag stays behind: what a crash leaves is looked for.
    converged(&converge(&mut octavia, &before, |_, _| {}), &before);
    assert_eq!(names(&octavia), [""; 0]);
    assert!(tree(&octavia).load_balancer.tags.contains(SECRETS_TAG));
}

#[test]
fn tag_does_not_wait_for_a_load_balancer_that_is_switched_on() {
    let mut before = terminated(existing("cert-1"));
    before.load_balancer.admin_state_up = false;
    let mut octavia = made(&before);
    let plan = update(&terminated(stored(1)), tree(&octavia));
    let kinds: Vec<Kind> = plan.steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [Kind::LoadBalancer, Kind::Secret, Kind::Listener, Kind::LoadBalancer], "{plan}");
    converge(&mut octavia, &terminated(stored(1)), |_, _| {});
}

#[test]
fn unknown_certificate_leaves_listener_as_it_is() {
    let before = edited_tls(|tls| {
        tls.sni_refs = [stored(2), stored(3)].into();
        tls.client_ca_ref = Some(stored(4));
        tls.client_crl_ref = Some(stored(14));
    });
    let mut octavia = Octavia::default();
    // The model's authorities and lists have names of one end.
    let before = {
        let mut before = before;
        https_tls(&mut before).client_crl_ref = None;
        octavia.make(&before, "a1");
        before
    };
    let mut after = before.clone();
    let tls = https_tls(&mut after);
    tls.certificate_ref = Some(CertificateRef::Unknown);
    tls.sni_refs = [stored(2), CertificateRef::Unknown].into();
    tls.client_ca_ref = Some(CertificateRef::Unknown);
    let plan = update(&after, tree(&octavia));
    assert!(plan.is_empty(), "{plan}");
    // A known one still comes, and other changes run.
    https_tls(&mut after).sni_refs.insert(stored(5));
    after.listeners.get_mut("https").unwrap().connection_limit = Some(7);
    converged(&converge(&mut octavia, &after, |_, _| {}), &after);
    let https = tree(&octavia).listeners.iter().find(|listener| listener.protocol_port == 443).unwrap();
    assert_eq!((https.sni_container_refs.len(), https.connection_limit), (3, Some(7)));
}

fn edited_tls(edit: impl FnOnce(&mut ListenerTls)) -> Desired {
    let mut want = terminated(stored(1));
    edit(https_tls(&mut want));
    want
}

#[test]
fn url_too_long_for_sni_keeps_certificates_in_use() {
    let before = edited_tls(|tls| tls.sni_refs = [stored(2)].into());
    let mut octavia = made(&before);
    let mut after = edited_tls(|tls| tls.sni_refs = [stored(3)].into());
    let secret = octavia.store(&name(3));
    octavia.change_secrets(|secrets| {
        let renamed = secrets.iter_mut().find(|other| other.id == secret.id).unwrap();
        renamed.href = format!("https://{}.example/v1/secrets/{}", "k".repeat(100), secret.id);
    });
    let plan = update(&after, tree(&octavia));
    assert!(plan.steps.is_empty(), "{plan}");
    assert_eq!(plan.problems.len(), 1, "{plan}");
    assert!(plan.problems[0].message.contains("Octavia stores at most 128"), "{plan}");
    https_tls(&mut after).sni_refs.clear();
    https_tls(&mut after).certificate_ref = Some(stored(3));
    assert!(update(&after, tree(&octavia)).problems.is_empty(), "other references have room");
}

#[test]
fn listener_without_certificate_yet_waits_alone() {
    let want = terminated(CertificateRef::Unknown);
    let plan = create(&want, &ObservedSecrets::default(), "a1");
    assert_eq!(plan.problems.len(), 1, "{plan}");
    let mut octavia = made(&want);
    assert_eq!(tree(&octavia).listeners.len(), 1);
    let plan = update(&want, tree(&octavia));
    assert!(plan.steps.is_empty() && plan.held_back.is_empty(), "{plan}");
    assert_eq!(
        plan.to_string(),
        "cannot be done:\n  listener https is not created yet: a certificate of its TLS cannot be read, stored or used now\n"
    );
    converge(&mut octavia, &terminated(stored(1)), |_, _| {});
    assert_eq!(tree(&octavia).listeners.len(), 2);
}

#[test]
fn replaced_listener_stays_while_certificate_is_unknown() {
    let mut octavia = made(&stack());
    let mut want = terminated(CertificateRef::Unknown);
    want.allow_interruption = true;
    let mut https = want.listeners.remove("https").unwrap();
    https.port = 80;
    want.listeners = [("http".to_owned(), https)].into();
    let plan = update(&want, tree(&octavia));
    assert!(plan.steps.is_empty() && plan.problems.len() == 1, "{plan}");
    http(&mut want).tls.as_mut().unwrap().certificate_ref = Some(stored(1));
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
}

/// The plain stack with encryption to pool `web`, checked against this authority.
fn encrypted(ca: CertificateRef) -> Desired {
    edited(|want| {
        let parameters = TlsParameters::default();
        web(want).tls = Some(PoolTls { client_certificate_ref: None, ca_ref: Some(ca), crl_ref: None, parameters });
    })
}

#[test]
fn pool_without_authority_yet_waits_with_its_listeners() {
    let want = encrypted(CertificateRef::Unknown);
    let octavia = made(&want);
    assert_eq!((tree(&octavia).pools.len(), tree(&octavia).listeners.len()), (1, 0));
    let plan = update(&want, tree(&octavia));
    let fields: Vec<&str> = plan.problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["spec.pools[web].tls", "spec.listeners[http]"]);
    assert!(plan.steps.is_empty(), "{plan}");
}

#[test]
fn pool_keeps_its_members_up_to_date_without_its_authority() {
    let mut octavia = made(&stack());
    let mut want = encrypted(CertificateRef::Unknown);
    web_members(&mut want).insert(member_key("10.0.0.99"), member());
    let plan = converge(&mut octavia, &want, |_, _| {});
    assert_eq!(plan.problems.len(), 1, "{plan}");
    let pool = tree(&octavia).pools.iter().find(|pool| pool.name == "web").unwrap();
    assert_eq!((pool.members.len(), pool.tls_enabled), (3, false));
    let want = Desired {
        pools: {
            let mut pools = want.pools;
            pools.get_mut("web").unwrap().tls = encrypted(stored(7)).pools["web"].tls.clone();
            pools
        },
        ..want
    };
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
}

#[test]
fn secret_deleted_by_others_is_stored_again() {
    let want = terminated(stored(1));
    let mut octavia = made(&want);
    octavia.change_secrets(Vec::clear);
    let plan = update(&want, tree(&octavia));
    let kinds: Vec<Kind> = plan.steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [Kind::Secret, Kind::Listener]);
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
}

#[test]
fn of_two_secrets_of_one_name_the_named_one_stays() {
    let want = terminated(stored(1));
    let mut octavia = made(&want);
    let named = octavia.stored()[0].clone();
    octavia.store(&name(1));
    octavia.change_secrets(|secrets| secrets.sort_by_key(|secret| secret.id == named.id));
    octavia.change_secrets(|secrets| secrets[0].created = "1999-01-01T00:00:00".into());
    converged(&converge(&mut octavia, &want, |_, step| assert_eq!(step.kind, Kind::Secret)), &want);
    assert_eq!(octavia.stored(), [named]);
}

#[test]
fn another_host_in_a_url_is_the_same_secret() {
    let want = terminated(stored(1));
    let mut octavia = made(&want);
    octavia.change_secrets(|secrets| secrets[0].href = secrets[0].href.replace("keys.example", "10.0.0.5:9311"));
    assert!(update(&want, tree(&octavia)).is_empty());
    octavia.change_secrets(|secrets| secrets[0].name.push('0'));
    let plan = update(&want, tree(&octavia));
    assert_eq!(
        plan.steps.last().map(|step| step.depends_on.is_some()),
        Some(true),
        "the old one is still named: {plan}"
    );
}

#[test]
fn secret_that_others_name_is_left_alone() {
    let mut octavia = made(&terminated(stored(1)));
    octavia.change_secrets(|secrets| secrets[0].named_elsewhere = true);
    let want = terminated(stored(2));
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
    assert_eq!(names(&octavia), [name(1), name(2)]);
    assert_eq!(delete(&owner(), false, None, &[], octavia.stored()).summary(), format!("delete secret {}", name(2)));
}

#[test]
fn unreadable_key_manager_holds_up_nothing_else() {
    let mut octavia = made(&terminated(stored(1)));
    let mut seen = tree(&octavia).clone();
    seen.secrets = ObservedSecrets::Unknown("503".into());
    let mut want = terminated(stored(2));
    let plan = update(&want, &seen);
    assert!(plan.steps.is_empty() && plan.problems[0].message.contains("503"), "{plan}");
    want.load_balancer.description = Some("new".into());
    want.listeners.insert("more".into(), Listener { port: 8443, ..want.listeners["https"].clone() });
    let plan = update(&want, &seen);
    assert_eq!((plan.steps.len(), plan.problems.len()), (1, 2), "{plan}");
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
}

#[test]
fn held_back_replacement_holds_back_its_secret() {
    let mut octavia = made(&stack());
    let mut want = terminated(stored(1));
    let mut https = want.listeners.remove("https").unwrap();
    https.port = 80;
    want.listeners = [("http".to_owned(), https)].into();
    let plan = converge(&mut octavia, &want, |_, _| {});
    let held_back: Vec<Kind> = plan.held_back.iter().map(|step| step.kind).collect();
    assert_eq!(held_back, [Kind::Secret, Kind::Listener, Kind::Listener], "{plan}");
    want.allow_interruption = true;
    converged(&converge(&mut octavia, &want, |_, _| {}), &want);
}

#[test]
fn payload_is_in_no_text_of_a_plan() {
    let plan = create(&terminated(stored(1)), &ObservedSecrets::default(), "a1");
    let texts = [plan.to_string(), plan.summary(), format!("{plan:?}"), serde_json::to_string(&plan).unwrap()];
    for text in texts {
        assert!(!text.contains("BEGIN") && !text.contains("LS0tLS1"), "{text}");
    }
}

/// Every certificate of the stack becomes unknown.
fn forget_certificates(want: &mut Desired) {
    let forget = |reference: &mut Option<CertificateRef>| {
        if reference.is_some() {
            *reference = Some(CertificateRef::Unknown);
        }
    };
    for tls in want.listeners.values_mut().filter_map(|listener| listener.tls.as_mut()) {
        [&mut tls.certificate_ref, &mut tls.client_ca_ref, &mut tls.client_crl_ref].into_iter().for_each(forget);
        if !tls.sni_refs.is_empty() {
            tls.sni_refs = [CertificateRef::Unknown].into();
        }
    }
    for tls in want.pools.values_mut().filter_map(|pool| pool.tls.as_mut()) {
        [&mut tls.client_certificate_ref, &mut tls.ca_ref, &mut tls.crl_ref].into_iter().for_each(forget);
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn edit_with_unknown_certificates_changes_no_reference((before, after) in stack_and_edit(&World::whole())) {
        let mut octavia = made_random(&World::whole(), &before);
        converge(&mut octavia, &before, |_, _| {});
        let mut forgotten = before.clone();
        forget_certificates(&mut forgotten);
        prop_assert!(update(&forgotten, tree(&octavia)).is_empty());
        let mut unknown = after.clone();
        forget_certificates(&mut unknown);
        let refs: Vec<String> = tree(&octavia).named_secrets().map(str::to_owned).collect();
        converge(&mut octavia, &unknown, |tree, step| {
            let new: Vec<&str> = tree.named_secrets().filter(|id| !refs.iter().any(|old| old == id)).collect();
            assert!(new.is_empty(), "{step} names {new:?}");
        });
        let allowed = Desired { allow_interruption: true, ..after };
        converged(&converge(&mut octavia, &allowed, |_, _| {}), &allowed);
        stores_what_it_wants(&octavia, &allowed);
    }
}
