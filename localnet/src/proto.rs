//! Messages of x/group and x/circuit, which cosmos-sdk-proto leaves out (cosmos-sdk v0.53, proto files of the same names).

use cosmrs::Any;

/// `cosmos.group.v1.Exec`: execute in the same transaction, every signing proposer counting as a yes.
pub const EXEC_TRY: i32 = 1;

/// Gives a message its full name, by which it is wrapped in an `Any`.
macro_rules! named {
    ($message:ident, $package:literal) => {
        impl prost::Name for $message {
            const NAME: &'static str = stringify!($message);
            const PACKAGE: &'static str = $package;
        }
    };
}

pub mod group {
    use super::Any;

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct MsgSubmitProposal {
        #[prost(string, tag = "1")]
        pub group_policy_address: String,
        #[prost(string, repeated, tag = "2")]
        pub proposers: Vec<String>,
        #[prost(string, tag = "3")]
        pub metadata: String,
        #[prost(message, repeated, tag = "4")]
        pub messages: Vec<Any>,
        #[prost(int32, tag = "5")]
        pub exec: i32,
        #[prost(string, tag = "6")]
        pub title: String,
        #[prost(string, tag = "7")]
        pub summary: String,
    }
    named!(MsgSubmitProposal, "cosmos.group.v1");
}

pub mod circuit {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct MsgTripCircuitBreaker {
        #[prost(string, tag = "1")]
        pub authority: String,
        #[prost(string, repeated, tag = "2")]
        pub msg_type_urls: Vec<String>,
    }
    named!(MsgTripCircuitBreaker, "cosmos.circuit.v1");

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct MsgResetCircuitBreaker {
        #[prost(string, tag = "1")]
        pub authority: String,
        #[prost(string, repeated, tag = "3")]
        pub msg_type_urls: Vec<String>,
    }
    named!(MsgResetCircuitBreaker, "cosmos.circuit.v1");
}
