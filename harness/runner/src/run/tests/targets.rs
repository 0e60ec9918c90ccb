//! Who the targets of a fault are, at the moment when it fires.

use super::*;

fn firing() -> Firing {
    Firing {
        fault: "f".to_string(),
        occurrence: 0,
    }
}

#[tokio::test]
async fn targets_are_who_they_are_now() {
    let exchange = Exchange::open().await;
    let (second, third) = (exchange.twin().await, exchange.twin().await);
    let bases = [&exchange, &second, &third].map(|it| it.base.clone());
    let target = target(plan(&bases), &bases);
    let names = async |selector: Selector| -> Result<Vec<String>, String> {
        let found = resolve(&target, &selector, &firing(), None).await?;
        Ok(found.targets.into_iter().map(|it| it.name).collect())
    };
    let leader = || Selector::Role("leader".to_string());
    assert_eq!(names(leader()).await.unwrap(), ["engine-1"]);
    exchange.set_role("follower");
    third.set_role("leader");
    assert_eq!(names(leader()).await.unwrap(), ["engine-3"]);
    let part = Selector::Part("engine".to_string());
    assert_eq!(
        names(part).await.unwrap(),
        ["engine-1", "engine-2", "engine-3"]
    );
    let follower = || Selector::Random {
        part: "engine".to_string(),
        count: 1,
        without_role: Some("leader".to_string()),
    };
    let chosen = names(follower()).await.unwrap();
    assert_ne!(chosen, ["engine-3"]);
    assert_eq!(names(follower()).await.unwrap(), chosen);
    let nobody = Selector::Name("engine-9".to_string());
    assert!(
        names(nobody)
            .await
            .unwrap_err()
            .contains("no replica 'engine-9'")
    );
    let far = async |to: LinkEnd| {
        let selector = Selector::Link {
            from: Box::new(leader()),
            to,
            direction: Direction::There,
        };
        let aim = resolve(&target, &selector, &firing(), None).await;
        aim.map(|aim| aim.far.expect("a link has two ends"))
    };
    let peers = far(LinkEnd::Peers).await.unwrap();
    assert_eq!(peers.replicas, ["engine-1", "engine-2"]);
    assert!(!peers.clients && peers.direction == Direction::There);
    let clients = far(LinkEnd::Clients).await.unwrap();
    assert!(clients.clients && clients.replicas.is_empty());
    let to_itself = LinkEnd::Replicas(Box::new(Selector::Name("engine-3".to_string())));
    assert!(
        far(to_itself)
            .await
            .unwrap_err()
            .contains("nothing is left")
    );
    let arbiter = Selector::Role("arbiter".to_string());
    assert!(names(arbiter).await.unwrap_err().contains("no part"));
}

#[tokio::test]
async fn a_role_that_nobody_or_everybody_has_is_no_target() {
    let exchange = Exchange::open().await;
    let second = exchange.twin().await;
    let bases = [exchange.base.clone(), second.base.clone()];
    let target = target(plan(&bases), &bases);
    let leader = Selector::Role("leader".to_string());
    exchange.set_role("candidate");
    let began = Instant::now();
    let none = resolve(&target, &leader, &firing(), None)
        .await
        .unwrap_err();
    assert!(none.contains("no replica says that it is leader"), "{none}");
    assert!(began.elapsed() >= Duration::from_secs(2));

    exchange.set_role("leader");
    second.set_role("leader");
    let several = resolve(&target, &leader, &firing(), None)
        .await
        .unwrap_err();
    assert!(several.contains("engine-1 and engine-2"), "{several}");

    // A leader that is elected while we ask is found.
    exchange.set_role("follower");
    second.set_role("follower");
    let elected = Arc::new(second);
    let later = Arc::clone(&elected);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        later.set_role("leader");
    });
    let found = resolve(&target, &leader, &firing(), None).await.unwrap();
    assert_eq!(found.targets[0].name, "engine-2");
}
