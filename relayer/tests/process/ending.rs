//! How it begins and ends: in order, once, and with its own keys only.

use nix::sys::signal::Signal;

use crate::{
    home::{Home, client, refusal, until},
    people::key,
};

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_it_in_order_and_what_was_asked_is_answered() {
    let home = Home::new().await;
    home.patient("MRN-1", 3).await;
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut relayer = home.ready().await;
        let patient = home.relationship("MRN-1", &key(0)).await;
        let request = home.request(&patient.key, patient.id, "labs");
        // The hospital's own software holds its database for a moment: the request waits.
        let mut hospital = home.hospital().await;
        sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut hospital).await.unwrap();
        let (asked, ()) = tokio::join!(home.ask(&request), async {
            until("the request is in its hands", async || {
                let metrics = client().get(format!("http://{}/metrics", home.private)).send().await.unwrap();
                metrics.text().await.unwrap().contains("medrec_requests_under_way 1").then_some(())
            })
            .await;
            relayer.signal(signal);
            until("it has heard", async || relayer.words().contains(&format!("{signal}")).then_some(()))
                .await;
            assert!(relayer.ended().is_none(), "it does not leave a request");
            sqlx::raw_sql("ROLLBACK").execute(&mut hospital).await.unwrap();
        });
        let status = relayer.end().await;
        assert!(status.success(), "{status}: {}", relayer.words());
        assert_eq!(home.findings(&request, &asked.unwrap().answer()), []);
        std::fs::remove_file(home.path("relayer.log")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_together_is_refused_with_words() {
    let home = Home::new().await;
    home.patient("MRN-1", 1).await;
    let relayer = home.ready().await;
    let words = refusal(&home.call(&["run"]));
    assert!(words.contains("another relayer works on") && words.contains("stop the other"), "{words}");
    relayer.stop().await;

    std::fs::write(home.path("passphrase"), "wrong").unwrap();
    let words = refusal(&home.call(&["run"]));
    assert!(words.contains("keystore.age") && words.contains("wrong passphrase"), "{words}");
    std::fs::write(home.path("passphrase"), "\n").unwrap();
    assert!(refusal(&home.call(&["run"])).contains("the passphrase is empty"));
    std::fs::remove_file(home.path("passphrase")).unwrap();
    assert!(refusal(&home.call(&["run"])).contains("passphrase file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_named_by_file_and_key() {
    let home = Home::new().await;
    let good = std::fs::read_to_string(home.path("relayer.toml")).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        std::fs::write(home.path("relayer.toml"), good.replace(from, to)).unwrap();
        refusal(&home.call(&["run"]))
    };
    for (from, to, file, says) in [
        ("tick = 1", "tock = 1", "relayer.toml", "tock"),
        ("tick = 1", "tick = 0", "relayer.toml", "anchor.tick"),
        ("tick = 1", "tick = 'soon'", "relayer.toml", "tick"),
        ("public_url = 'http", "public_url = 'gopher", "relayer.toml", "public_url"),
        ("'deployment.json'", "'nothing.json'", "nothing.json", "deployment"),
        ("'mapping.toml'", "'nothing.toml'", "nothing.toml", "mapping"),
        ("'hospital.sqlite'", "'nothing.sqlite'", "nothing.sqlite", "is gone"),
        ("tick = 1", "tick = ", "relayer.toml", "tick"),
    ] {
        let words = refused(from, to);
        assert!(words.contains(file) && words.contains(says), "{to}: {words}");
    }
    assert!(!home.path("store.sqlite").exists(), "nothing was made");
    std::fs::write(home.path("relayer.toml"), &good).unwrap();
    for (name, says) in
        [("staff.token", "token"), ("research.token", "token"), ("keystore.age", "keystore.age")]
    {
        let kept = std::fs::read(home.path(name)).unwrap();
        std::fs::remove_file(home.path(name)).unwrap();
        let words = refusal(&home.call(&["run"]));
        assert!(words.contains(says), "{words}");
        std::fs::write(home.path(name), kept).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_keystore_is_refused() {
    let home = Home::new().await;
    let relayer = home.ready().await;
    relayer.stop().await;
    let other = medrec_relayer::keystore::Keystore::generate().unwrap();
    std::fs::remove_file(home.path("keystore.age")).unwrap();
    other.create(&home.path("keystore.age"), crate::home::PASSPHRASE.to_owned().into()).unwrap();
    let words = refusal(&home.call(&["run"]));
    assert!(words.contains("has the consortium admitted it?"), "{words}");
}
