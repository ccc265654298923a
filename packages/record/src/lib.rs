//! Canonical values and salted commitments of FHIR records
