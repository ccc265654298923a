//! Signature base of RFC 9421 section 2.5, for components that need no parameters.

/// Lines `"name": value` and the `@signature-params` line; no newline at the end.
pub fn signature_base(components: &[(&str, &str)], params: &str) -> String {
    let mut base = String::new();
    for (name, value) in components {
        base.push_str(&format!("\"{name}\": {value}\n"));
    }
    base.push_str(&format!("\"@signature-params\": {params}"));
    base
}

/// `("a" "b")`, the inner list of covered components.
pub fn component_list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("({})", quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9421 section 2.5, the example in full.
    #[test]
    fn rfc9421_section_2_5() {
        let names = ["@method", "@authority", "@path", "content-digest", "content-length", "content-type"];
        let digest = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
        let values = ["POST", "example.com", "/foo", digest, "18", "application/json"];
        let components: Vec<_> = names.into_iter().zip(values).collect();
        let params = format!("{};created=1618884473;keyid=\"test-key-rsa-pss\"", component_list(&names));
        assert_eq!(
            signature_base(&components, &params),
            format!(
                concat!(
                    "\"@method\": POST\n\"@authority\": example.com\n\"@path\": /foo\n",
                    "\"content-digest\": {}\n\"content-length\": 18\n\"content-type\": application/json\n",
                    "\"@signature-params\": (\"@method\" \"@authority\" \"@path\" \"content-digest\" ",
                    "\"content-length\" \"content-type\");created=1618884473;keyid=\"test-key-rsa-pss\""
                ),
                digest
            )
        );
    }

    /// RFC 9421 appendix B.2.6: the base that the published Ed25519 signature verifies over, with the RFC's key.
    #[test]
    fn rfc9421_b_2_6_signature_verifies() {
        use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
        let names = ["date", "@method", "@path", "@authority", "content-type", "content-length"];
        let values =
            ["Tue, 20 Apr 2021 02:07:55 GMT", "POST", "/foo", "example.com", "application/json", "18"];
        let components: Vec<_> = names.into_iter().zip(values).collect();
        let params = format!("{};created=1618884473;keyid=\"test-key-ed25519\"", component_list(&names));
        let base = signature_base(&components, &params);
        let key = B64.decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=").unwrap();
        let key = ed25519_dalek::VerifyingKey::from_bytes(&key.try_into().unwrap()).unwrap();
        let signature =
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
        let signature = ed25519_dalek::Signature::from_slice(&B64.decode(signature).unwrap()).unwrap();
        key.verify_strict(base.as_bytes(), &signature).unwrap();
        assert!(key.verify_strict(format!("{base}\n").as_bytes(), &signature).is_err());
    }
}
