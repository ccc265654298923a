//! How it begins and ends: in order, once, and with its own keys only.

use nix::sys::signal::Signal;

use crate::{
    home::{Home, refusal},
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
        let (asked, ()) = tokio::join!(home.ask(&request), async {
            // The request is in its hands once its entry is written; the signal comes then or a moment before.
            relayer.signal(signal);
        });
        let status = relayer.end().await;
        assert!(status.success(), "{status}: {}", relayer.words());
        match asked {
            // It came before the listener closed: all of it.
            Ok(reply) => assert_eq!(home.findings(&request, &reply.answer()), []),
            Err(_) => assert!(!relayer.words().contains("a request cannot be answered")),
        }
        assert!(relayer.words().contains("medrec-relayer ends"), "{}", relayer.words());
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
