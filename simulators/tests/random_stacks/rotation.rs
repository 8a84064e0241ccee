//! Rotation of a certificate from the cluster, through the client and the simulated Barbican.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use evenkeel::model::{
    CertificateRef, ClientAuthentication, Desired, Listener, ListenerProtocol, ListenerTls, LoadBalancer, PrunePolicy,
    StoredSecret, Timeouts, TlsParameters, Vip,
};
use evenkeel_simulators::arbitrary::World;
use evenkeel_simulators::cloud::{Fault, Match, Service};
use http::Method;

use super::planner_rig::{PlannerRig, paused};

/// A stack with one terminated listener, whose certificate has a content that this number stands for.
fn terminated(world: &World, number: u8) -> Desired {
    let tls = ListenerTls {
        certificate_ref: Some(World::stored_certificate(number)),
        sni_refs: BTreeSet::new(),
        client_ca_ref: None,
        client_crl_ref: None,
        client_authentication: ClientAuthentication::None,
        parameters: TlsParameters::default(),
        hsts: None,
    };
    let listener = Listener {
        name: "https".into(),
        protocol: ListenerProtocol::TerminatedHttps,
        port: 443,
        description: None,
        tags: BTreeSet::new(),
        admin_state_up: true,
        default_pool: None,
        connection_limit: None,
        allowed_cidrs: BTreeSet::new(),
        insert_headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        tls: Some(tls),
        policies: Vec::new(),
    };
    Desired {
        owner: world.owner.clone(),
        load_balancer: LoadBalancer {
            name: "shop/web".into(),
            description: None,
            tags: BTreeSet::new(),
            admin_state_up: true,
            provider: None,
            flavor_id: None,
            availability_zone: None,
            vip: Vip { subnet_id: Some(world.vip_subnet_id.clone()), ..Vip::default() },
            qos_policy_id: None,
            security_group_ids: None,
        },
        listeners: [("https".to_owned(), listener)].into(),
        pools: BTreeMap::new(),
        floating_ip: None,
        adopt: None,
        prune: PrunePolicy::Owned,
        allow_interruption: false,
        create_problems: Vec::new(),
        source_problems: Vec::new(),
    }
}

/// Names of the secrets that stacks have stored.
fn stored(rig: &PlannerRig) -> Vec<String> {
    let names = rig.sim.stored_secrets().into_iter().filter_map(|secret| Some(secret["name"].as_str()?.to_owned()));
    names.filter(|name| name.starts_with("evenkeel-")).collect()
}

fn name(number: u8) -> String {
    match World::stored_certificate(number) {
        CertificateRef::Stored(StoredSecret { name, .. }) => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn twenty_rotations_leave_one_secret() {
    paused(async {
        let mut rig = PlannerRig::new().await;
        rig.create(&terminated(&rig.world, 0)).await?;
        for number in 1..=20 {
            let plan = rig.converge(&terminated(&rig.world, number), None).await?;
            ensure!(plan.is_empty(), "{plan}");
            let switches = rig.sim.writes().iter().filter(|write| write.path.contains("/listeners/")).count();
            ensure!(switches == 1, "{switches} writes of the listener");
            ensure!(stored(&rig) == [name(number)], "{:?}", stored(&rig));
        }
        rig.delete(&terminated(&rig.world, 20)).await
    })
    .unwrap();
}

/// The controller ends after a step, and the certificate has changed again when the next one starts.
#[test]
fn rotations_cut_short_leak_nothing() {
    paused(async {
        for steps in 0..4 {
            let mut rig = PlannerRig::new().await;
            rig.create(&terminated(&rig.world, 0)).await?;
            for number in 1..=20 {
                for _ in 0..steps {
                    rig.step(&terminated(&rig.world, number)).await?;
                }
            }
            rig.converge(&terminated(&rig.world, 20), None).await?;
            ensure!(stored(&rig) == [name(20)], "cut after {steps} steps: {:?}", stored(&rig));
        }
        Ok::<_, anyhow::Error>(())
    })
    .unwrap();
}

/// The response to each first store of a secret is lost: the secret is found and used.
#[test]
fn lost_response_to_store_leaks_nothing() {
    paused(async {
        for fault in [Fault::LostBefore, Fault::LostAfter, Fault::HalfBody] {
            let mut rig = PlannerRig::new().await;
            rig.create(&terminated(&rig.world, 0)).await?;
            let want = terminated(&rig.world, 1);
            rig.sim.fail(Match::service(Service::KeyManager).method(Method::POST), fault, 1);
            ensure!(rig.step(&want).await.is_err(), "the response was not lost");
            rig.converge(&want, None).await?;
            ensure!(stored(&rig) == [name(1)], "{:?}", stored(&rig));
        }
        Ok::<_, anyhow::Error>(())
    })
    .unwrap();
}

/// A rejected create leaves secrets behind, which the end of the stack collects.
#[test]
fn secrets_without_a_load_balancer_go_with_the_stack() {
    let result: Result<()> = paused(async {
        let rig = PlannerRig::new().await;
        rig.store_secrets(&terminated(&rig.world, 0)).await?;
        ensure!(stored(&rig) == [name(0)], "{:?}", stored(&rig));
        rig.delete(&terminated(&rig.world, 0)).await
    });
    result.unwrap();
}
