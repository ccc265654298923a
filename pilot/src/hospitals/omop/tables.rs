//! Tables of OMOP CDM 5.4 that the second hospital fills, with every column that 5.4 gives them.

use super::super::database::Table;

const ID: &str = "INTEGER NOT NULL PRIMARY KEY";
const MUST: &str = "INTEGER NOT NULL";
const INT: &str = "INTEGER";
const DAY: &str = "TEXT NOT NULL";
const TEXT: &str = "TEXT";
const NUMBER: &str = "NUMERIC";

pub fn concept() -> Table {
    let columns = [
        ("concept_id", ID),
        ("concept_name", DAY),
        ("domain_id", DAY),
        ("vocabulary_id", DAY),
        ("concept_class_id", DAY),
        ("standard_concept", TEXT),
        ("concept_code", DAY),
        ("valid_start_date", DAY),
        ("valid_end_date", DAY),
        ("invalid_reason", TEXT),
    ];
    table("concept", &columns, None)
}

pub fn location() -> Table {
    let columns = [
        ("location_id", ID),
        ("address_1", TEXT),
        ("address_2", TEXT),
        ("city", TEXT),
        ("state", TEXT),
        ("zip", TEXT),
        ("county", TEXT),
        ("location_source_value", TEXT),
        ("country_concept_id", INT),
        ("country_source_value", TEXT),
        ("latitude", NUMBER),
        ("longitude", NUMBER),
    ];
    table("location", &columns, None)
}

pub fn care_site() -> Table {
    let columns = [
        ("care_site_id", ID),
        ("care_site_name", TEXT),
        ("place_of_service_concept_id", INT),
        ("location_id", INT),
        ("care_site_source_value", TEXT),
        ("place_of_service_source_value", TEXT),
    ];
    table("care_site", &columns, None)
}

pub fn person() -> Table {
    let columns = [
        ("person_id", ID),
        ("gender_concept_id", MUST),
        ("year_of_birth", MUST),
        ("month_of_birth", INT),
        ("day_of_birth", INT),
        ("birth_datetime", TEXT),
        ("race_concept_id", MUST),
        ("ethnicity_concept_id", MUST),
        ("location_id", INT),
        ("provider_id", INT),
        ("care_site_id", INT),
        ("person_source_value", TEXT),
        ("gender_source_value", TEXT),
        ("gender_source_concept_id", INT),
        ("race_source_value", TEXT),
        ("race_source_concept_id", INT),
        ("ethnicity_source_value", TEXT),
        ("ethnicity_source_concept_id", INT),
    ];
    table("person", &columns, Some("person_source_value"))
}

pub fn death() -> Table {
    let columns = [
        ("person_id", ID),
        ("death_date", DAY),
        ("death_datetime", TEXT),
        ("death_type_concept_id", INT),
        ("cause_concept_id", INT),
        ("cause_source_value", TEXT),
        ("cause_source_concept_id", INT),
    ];
    table("death", &columns, None)
}

pub fn visit_occurrence() -> Table {
    let columns = [
        ("visit_occurrence_id", ID),
        ("person_id", MUST),
        ("visit_concept_id", MUST),
        ("visit_start_date", DAY),
        ("visit_start_datetime", TEXT),
        ("visit_end_date", DAY),
        ("visit_end_datetime", TEXT),
        ("visit_type_concept_id", MUST),
        ("provider_id", INT),
        ("care_site_id", INT),
        ("visit_source_value", TEXT),
        ("visit_source_concept_id", INT),
        ("admitted_from_concept_id", INT),
        ("admitted_from_source_value", TEXT),
        ("discharged_to_concept_id", INT),
        ("discharged_to_source_value", TEXT),
        ("preceding_visit_occurrence_id", INT),
    ];
    table("visit_occurrence", &columns, Some("person_id"))
}

pub fn condition_occurrence() -> Table {
    let columns = [
        ("condition_occurrence_id", ID),
        ("person_id", MUST),
        ("condition_concept_id", MUST),
        ("condition_start_date", DAY),
        ("condition_start_datetime", TEXT),
        ("condition_end_date", TEXT),
        ("condition_end_datetime", TEXT),
        ("condition_type_concept_id", MUST),
        ("condition_status_concept_id", INT),
        ("stop_reason", TEXT),
        ("provider_id", INT),
        ("visit_occurrence_id", INT),
        ("visit_detail_id", INT),
        ("condition_source_value", TEXT),
        ("condition_source_concept_id", INT),
        ("condition_status_source_value", TEXT),
    ];
    table("condition_occurrence", &columns, Some("person_id"))
}

pub fn drug_exposure() -> Table {
    let columns = [
        ("drug_exposure_id", ID),
        ("person_id", MUST),
        ("drug_concept_id", MUST),
        ("drug_exposure_start_date", DAY),
        ("drug_exposure_start_datetime", TEXT),
        ("drug_exposure_end_date", DAY),
        ("drug_exposure_end_datetime", TEXT),
        ("verbatim_end_date", TEXT),
        ("drug_type_concept_id", MUST),
        ("stop_reason", TEXT),
        ("refills", INT),
        ("quantity", NUMBER),
        ("days_supply", INT),
        ("sig", TEXT),
        ("route_concept_id", INT),
        ("lot_number", TEXT),
        ("provider_id", INT),
        ("visit_occurrence_id", INT),
        ("visit_detail_id", INT),
        ("drug_source_value", TEXT),
        ("drug_source_concept_id", INT),
        ("route_source_value", TEXT),
        ("dose_unit_source_value", TEXT),
    ];
    table("drug_exposure", &columns, Some("person_id"))
}

pub fn procedure_occurrence() -> Table {
    let columns = [
        ("procedure_occurrence_id", ID),
        ("person_id", MUST),
        ("procedure_concept_id", MUST),
        ("procedure_date", DAY),
        ("procedure_datetime", TEXT),
        ("procedure_end_date", TEXT),
        ("procedure_end_datetime", TEXT),
        ("procedure_type_concept_id", MUST),
        ("modifier_concept_id", INT),
        ("quantity", INT),
        ("provider_id", INT),
        ("visit_occurrence_id", INT),
        ("visit_detail_id", INT),
        ("procedure_source_value", TEXT),
        ("procedure_source_concept_id", INT),
        ("modifier_source_value", TEXT),
    ];
    table("procedure_occurrence", &columns, Some("person_id"))
}

pub fn measurement() -> Table {
    let columns = [
        ("measurement_id", ID),
        ("person_id", MUST),
        ("measurement_concept_id", MUST),
        ("measurement_date", DAY),
        ("measurement_datetime", TEXT),
        ("measurement_time", TEXT),
        ("measurement_type_concept_id", MUST),
        ("operator_concept_id", INT),
        ("value_as_number", NUMBER),
        ("value_as_concept_id", INT),
        ("unit_concept_id", INT),
        ("range_low", NUMBER),
        ("range_high", NUMBER),
        ("provider_id", INT),
        ("visit_occurrence_id", INT),
        ("visit_detail_id", INT),
        ("measurement_source_value", TEXT),
        ("measurement_source_concept_id", INT),
        ("unit_source_value", TEXT),
        ("unit_source_concept_id", INT),
        ("value_source_value", TEXT),
        ("measurement_event_id", INT),
        ("meas_event_field_concept_id", INT),
    ];
    table("measurement", &columns, Some("person_id"))
}

pub fn observation() -> Table {
    let columns = [
        ("observation_id", ID),
        ("person_id", MUST),
        ("observation_concept_id", MUST),
        ("observation_date", DAY),
        ("observation_datetime", TEXT),
        ("observation_type_concept_id", MUST),
        ("value_as_number", NUMBER),
        ("value_as_string", TEXT),
        ("value_as_concept_id", INT),
        ("qualifier_concept_id", INT),
        ("unit_concept_id", INT),
        ("provider_id", INT),
        ("visit_occurrence_id", INT),
        ("visit_detail_id", INT),
        ("observation_source_value", TEXT),
        ("observation_source_concept_id", INT),
        ("unit_source_value", TEXT),
        ("qualifier_source_value", TEXT),
        ("value_source_value", TEXT),
        ("observation_event_id", INT),
        ("obs_event_field_concept_id", INT),
    ];
    table("observation", &columns, Some("person_id"))
}

fn table(name: &'static str, columns: &[(&'static str, &'static str)], index: Option<&'static str>) -> Table {
    Table::new(name, columns.iter().map(|(column, kind)| ((*column).to_owned(), *kind)).collect(), index)
}
