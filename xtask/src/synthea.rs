//! `cargo xtask synthea`: a population by the real Synthea 3.3.0, the same for the same seed.

use crate::manifest::{Count, Generator, Manifest, sample_dir};
use crate::tables::Table;
use crate::{paths, proc, sample, tools};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "3.3.0";
const JAR_SHA256: &str = "4716d5140c0c69fb8bfca0790aac56e32c11d3bb2647d380fbfbd1117a735c73";
const SEED: u32 = 7;
const REFERENCE_DATE: &str = "20260101";
const STATE: &str = "Massachusetts";
/// Money is left out: its rows count and sum over the whole run.
const LEFT_OUT: &str =
    "claims.csv,claims_transactions.csv,patient_expenses.csv,payer_transitions.csv,payers.csv";

#[derive(clap::Args)]
pub struct Args {
    /// How many living patients
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    patients: u32,
    /// Where the sorted CSVs go [default: target/synthea]
    #[arg(long)]
    out: Option<PathBuf>,
    /// A city of Massachusetts; patients of one small city share its hospitals
    #[arg(long, default_value = "Pittsfield")]
    city: String,
    /// Years of history in the tables
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    years: u32,
    /// Also write data/synthea-sample from it
    #[arg(long)]
    sample: bool,
}

pub fn run(args: &Args) -> Result<()> {
    tools::require(&[&tools::JAVA, &tools::MAVEN])?;
    let generator = Generator {
        synthea: VERSION.to_owned(),
        patients: args.patients,
        seed: SEED,
        clinician_seed: SEED,
        reference_date: REFERENCE_DATE.to_owned(),
        state: STATE.to_owned(),
        city: args.city.clone(),
        years_of_history: args.years,
    };
    let jars = jars()?;
    let out = args.out.clone().unwrap_or_else(|| paths::target().join("synthea"));
    generate(&jars, &generator, &out)?;
    let population = sort_tables(&out)?;
    let sizes: Vec<String> =
        population.iter().map(|(name, count)| format!("{name} {}", count.rows)).collect();
    println!("{}: {}", out.display(), sizes.join(", "));
    if args.sample {
        let (sample, hospitals) = sample::extract(&out, &sample_dir())?;
        Manifest { generator, population, sample, hospitals }.write(&sample_dir())?;
        sample::describe(&sample_dir())?;
        println!("wrote {}", sample_dir().display());
    }
    Ok(())
}

/// Synthea and what it needs, fetched once by Maven into the cache folder.
fn jars() -> Result<PathBuf> {
    let dir = paths::cache()?.join("synthea").join(VERSION).join("jars");
    if !dir.is_dir() {
        println!("fetching Synthea {VERSION} and its 143 libraries (203 MB)");
        let part = tools::fresh_part(&dir)?;
        let pom = paths::root().join("xtask/tools/synthea/pom.xml");
        proc::run(
            Command::new("mvn")
                .args(["--quiet", "--batch-mode", "--file"])
                .arg(pom)
                .arg("dependency:copy-dependencies")
                .arg("-DincludeScope=runtime")
                .arg(format!("-DoutputDirectory={}", part.display())),
        )?;
        tools::put_in_place(&part, &dir)?;
    }
    let jar = dir.join(format!("synthea-{VERSION}.jar"));
    let bytes = fs::read(&jar)
        .with_context(|| format!("cannot read {}: delete {} and try again", jar.display(), dir.display()))?;
    let found = hex::encode(Sha256::digest(bytes));
    if found != JAR_SHA256 {
        bail!(
            "{} has SHA-256 {found}, expected {JAR_SHA256}: delete {} and try again",
            jar.display(),
            dir.display()
        );
    }
    Ok(dir)
}

/// Fills `out` with Synthea's CSVs; an unfinished run leaves nothing there.
fn generate(jars: &Path, generator: &Generator, out: &Path) -> Result<()> {
    println!("generating {} patients of {}, {}", generator.patients, generator.city, generator.state);
    let part = tools::fresh_part(out)?;
    let log = part.join("synthea.log");
    let text = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = text.try_clone().with_context(|| format!("cannot write {}", log.display()))?;
    let mut java = Command::new("java");
    // Time zone and language of the machine must not show in the rows.
    java.args(["-Xmx3g", "-Duser.timezone=UTC", "-Duser.language=en", "-Duser.country=US", "-cp"])
        .arg(jars.join("*"))
        .arg("App")
        .args(["-s", &generator.seed.to_string(), "-cs", &generator.clinician_seed.to_string()])
        .args(["-r", &generator.reference_date, "-e", &generator.reference_date])
        .args(["-p", &generator.patients.to_string()])
        .arg(format!("--exporter.baseDirectory={}", part.display()))
        .arg(format!("--exporter.years_of_history={}", generator.years_of_history))
        .args(["--exporter.csv.export=true", "--exporter.fhir.export=false"])
        .arg(format!("--exporter.csv.excluded_files={LEFT_OUT}"))
        .args(["--exporter.hospital.fhir.export=false", "--exporter.practitioner.fhir.export=false"])
        .arg("--generate.only_alive_patients=true")
        // Threads race for payers and, through them, for a prescription here and there.
        .arg("--generate.thread_pool_size=1")
        .args([&generator.state, &generator.city])
        .stdout(text)
        .stderr(errors);
    proc::run(&mut java).with_context(|| format!("see {}", log.display()))?;
    let csv = part.join("csv");
    if !csv.join("patients.csv").is_file() {
        bail!(
            "Synthea wrote no patients: is {} a city of {}? See {}",
            generator.city,
            generator.state,
            log.display()
        );
    }
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("cannot clear {}", out.display()))?;
    }
    tools::put_in_place(&csv, out)?;
    fs::remove_dir_all(&part).with_context(|| format!("cannot clear {}", part.display()))
}

/// Sorts every table in place.
fn sort_tables(dir: &Path) -> Result<BTreeMap<String, Count>> {
    let mut counts = BTreeMap::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", dir.display()))?.path();
        if path.extension().is_some_and(|ext| ext == "csv") {
            let table = Table::read(&path)?;
            table.write(&path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            counts.insert(name, table.count());
        }
    }
    Ok(counts)
}
