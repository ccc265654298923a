//! The permission rule, shared by contract, relayer and portal
