use super::*;

fn wrap<M: Message>(kind: &str, message: &M) -> Any {
    Any { type_url: format!("/cosmos.feegrant.v1beta1.{kind}"), value: message.encode_to_vec() }
}

fn coin(denom: &str, amount: &str) -> Coin {
    Coin { denom: denom.into(), amount: amount.into() }
}

#[test]
fn allowances_of_every_kind_are_read() {
    let limited = BasicAllowance { spend_limit: vec![coin("ufee", "700")], expiration: None };
    let read = read_allowance(&wrap("BasicAllowance", &limited)).unwrap();
    assert_eq!(read, Allowance { spend_limit: Some(700), expires: None, messages: None });

    let free = BasicAllowance::default();
    assert_eq!(read_allowance(&wrap("BasicAllowance", &free)).unwrap().spend_limit, None);

    let foreign = BasicAllowance { spend_limit: vec![coin("ustake", "1")], expiration: None };
    assert_eq!(read_allowance(&wrap("BasicAllowance", &foreign)).unwrap().spend_limit, Some(0));

    let by_message = AllowedMsgAllowance {
        allowance: Some(wrap("BasicAllowance", &limited)),
        allowed_messages: vec!["/a.Msg".into()],
    };
    let read = read_allowance(&wrap("AllowedMsgAllowance", &by_message)).unwrap();
    assert_eq!(read.messages, Some(vec!["/a.Msg".into()]));
    assert_eq!(read.spend_limit, Some(700));
}

#[test]
fn allowances_we_cannot_judge_are_refused() {
    let nested = AllowedMsgAllowance {
        allowance: Some(wrap("AllowedMsgAllowance", &AllowedMsgAllowance::default())),
        allowed_messages: vec![],
    };
    for any in [
        wrap("AllowedMsgAllowance", &nested),
        wrap("AllowedMsgAllowance", &AllowedMsgAllowance::default()),
        wrap("NewAllowance", &BasicAllowance::default()),
        wrap("BasicAllowance", &BasicAllowance { spend_limit: vec![coin("ufee", "1.5")], expiration: None }),
    ] {
        assert!(matches!(read_allowance(&any), Err(Error::Codec { .. })), "{any:?}");
    }
}

#[test]
fn not_found_is_told_from_failure() {
    let failed =
        |code, log: &str| Error::Query { path: "/p".into(), code, codespace: "sdk".into(), log: log.into() };
    let absent = failed(22, "rpc error: code = NotFound desc = account m not found: key not found");
    assert!(or_absent::<()>(Err(absent)).unwrap().is_none());
    assert!(or_absent::<()>(Err(failed(18, "decoding bech32 failed: invalid request"))).is_err());
}

#[test]
fn a_simulation_says_what_would_fail() {
    // As wasmd 0.61 answers.
    let asked = |log: &str| {
        let (path, codespace) = ("/p".into(), "sdk".into());
        of_simulation("127.0.0.1:1", Error::Query { path, code: 6, codespace, log: log.into() })
    };
    let moved = asked(
        "rpc error: code = Unknown desc = account sequence mismatch, expected 3, got 2: incorrect account \
         sequence [cosmos/cosmos-sdk@v0.53.6/x/auth/ante/sigverify.go:364] with gas used: '34116': unknown request",
    );
    assert!(moved.is_wrong_sequence());
    let Error::WouldFail { log } = moved else { panic!("{moved}") };
    assert_eq!(log, "account sequence mismatch, expected 3, got 2: incorrect account sequence");
    assert!(!asked("rpc error: code = Unknown desc = insufficient fees").is_wrong_sequence());
    assert!(matches!(asked("unknown query path: unknown request"), Error::NoSimulation { .. }));
    // A node that has just started.
    let broke_down = asked(
        "rpc error: code = Unknown desc = recovered: Block (unix) time must never be empty or negative \nstack:\n\
         goroutine 217 [running]:",
    );
    let Error::Unreachable { reason, .. } = broke_down else { panic!("{broke_down}") };
    assert_eq!(reason, "recovered: Block (unix) time must never be empty or negative");
}

#[test]
fn a_contracts_refusal_names_the_contract() {
    let error = of_contract(
        "medrec1c",
        Error::Query { path: "/p".into(), code: 9, codespace: "wasm".into(), log: "no such grant".into() },
    );
    let text = error.to_string();
    assert!(text.contains("medrec1c") && text.contains("no such grant") && text.contains('9'), "{text}");
}
