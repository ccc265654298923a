//! `medrec-relayer scope …`: the mapping tried on the hospital's own rows.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets::ASCII_MARKDOWN};

use crate::{
    adapter::{
        Adapter, Mapping, SqliteAdapter,
        check::{self, Report},
        r4::Tables,
    },
    config::Config,
};

#[derive(Subcommand)]
pub enum Scope {
    /// Run every scope's statement, build the resources and hold them against FHIR R4. Prints no value of a row.
    Check(Check),
}

#[derive(Args)]
pub struct Check {
    /// Only this patient, by the hospital's own id.
    #[arg(long, conflicts_with = "sample")]
    patient: Option<String>,
    /// So many patients, spread over those that `patients` of the mapping lists.
    #[arg(long, default_value_t = 20)]
    sample: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Scope {
    /// False if something was found.
    pub async fn run(&self, config: &Config) -> anyhow::Result<bool> {
        let Self::Check(check) = self;
        check.run(config).await
    }
}

impl Check {
    async fn run(&self, config: &Config) -> anyhow::Result<bool> {
        let mapping = Mapping::load(&config.database.mapping)?;
        let limits = config.database.limits();
        let adapter = SqliteAdapter::open(&config.database.sqlite, mapping, limits).await?;
        let patients = match &self.patient {
            Some(patient) => vec![patient.clone()],
            None => adapter.patients(self.sample).await?.with_context(|| {
                format!(
                    "{} has no `patients`, the statement that lists ids: add it, or give --patient",
                    config.database.mapping.display()
                )
            })?,
        };
        anyhow::ensure!(!patients.is_empty(), "the statement `patients` of the mapping lists nobody");
        let reports = check::check(&adapter, &Tables::new()?, &patients).await;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&reports)?);
        } else {
            print(&reports);
        }
        Ok(reports.iter().all(|report| report.findings.is_empty()))
    }
}

fn print(reports: &[Report]) {
    let mut scopes = table(&["scope", "resource", "patients", "rows", "resources", "findings"]);
    let mut findings = table(&["scope", "patient", "row", "times", "element", "column", "mapping", "what"]);
    for report in reports {
        let found: usize = report.findings.iter().map(|found| found.times).sum();
        let counts = [report.patients, report.rows, report.resources, found].map(|count| count.to_string());
        scopes.add_row([&[report.scope.clone(), report.resource_type.clone()][..], &counts].concat());
        for found in &report.findings {
            findings.add_row([
                report.scope.clone(),
                found.patient.to_string(),
                found.row.map_or_else(String::new, |row| row.to_string()),
                found.times.to_string(),
                found.element.clone(),
                found.column.clone().unwrap_or_default(),
                found.place.clone(),
                found.what.clone(),
            ]);
        }
    }
    println!("{scopes}");
    if findings.row_count() > 0 {
        println!("\n{findings}");
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}
