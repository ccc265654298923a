//! `medrec-relayer research …`: offers of aggregate answers, through the running relayer.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use medrec_aggregate::{fixed, plan, show};
use medrec_api::bounty::{CatalogueEntry, Question, WEEK};
use serde::{Deserialize, de::DeserializeOwned};

use super::office::{call, print_json};
use crate::{
    config::Config,
    desk::{
        api::{OfferRequest, Offered, Standing},
        observation::moment,
        quote,
    },
};

/// Digits of ε behind the point: millionths.
const EPSILON_SCALE: u8 = 6;

#[derive(Subcommand)]
pub enum Research {
    /// Offers, what became of them, and the budget.
    Status {
        /// Only offers in this state: offered, owned, asked, delivered, missed, released.
        #[arg(long)]
        state: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What is left of ε.
    Budget {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Offer a question, or with --open whatever its owner asks within the catalogue.
    Offer(Offer),
    /// Say what open offers may be asked: replaces the catalogue by that of a TOML or JSON file ([[entries]]).
    Catalogue { file: PathBuf },
    /// Give back the reserve of an offer whose time is over, or note that an answer was missed.
    Expire {
        /// Of the offer, 64 hex digits.
        id: String,
    },
}

#[derive(Args)]
#[command(after_help = "Example of a question (TOML; JSON goes too):
  system = \"http://loinc.org\"
  code = \"718-7\"
  unit = \"g/dL\"
  category = \"laboratory\"
  contributions = 2
  [cohort]
  from = \"2015-01-01\"        # taken down to a whole week
  until = \"2025-01-01\"       # and up
  age = { from = 18, to = 120 }
  [measure.mean]
  bounds = { lower = 50, upper = 200, scale = 1 }   # 5.0 to 20.0")]
pub struct Offer {
    /// File of the question.
    #[arg(long, required_unless_present = "open")]
    question: Option<PathBuf>,
    /// The owner asks, within the catalogue.
    #[arg(long, conflicts_with = "question")]
    open: bool,
    /// ε, like 0.5: all of it is spent when the question is asked, refused or not.
    #[arg(long)]
    price: String,
    /// Seals after the owner's within which he claims.
    #[arg(long, default_value_t = 1000)]
    claim_seals: u32,
    /// Seals after the claim within which the owner of an open offer asks.
    #[arg(long, default_value_t = 1000)]
    ask_seals: u32,
    /// Seconds after the question within which this institution answers.
    #[arg(long, default_value_t = 86_400)]
    answer_seconds: u64,
    /// Only show what the noise would be.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    entries: Vec<CatalogueEntry>,
}

impl Research {
    pub async fn run(&self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Status { state, json } => {
                let query = state.as_ref().map(|state| format!("?state={state}")).unwrap_or_default();
                let standing = standing(config, &query).await?;
                if *json { print_json(&standing) } else { print(&standing) }
            }
            Self::Budget { json } => {
                let standing = standing(config, "?state=asked").await?;
                if *json {
                    return print_json(&standing.budget);
                }
                println!("{}", budget(&standing));
                Ok(())
            }
            Self::Offer(offer) => offer.run(config).await,
            Self::Catalogue { file } => {
                let Catalogue { entries } = read(file)?;
                call(config, "POST", "/staff/research/catalogue", Some(&entries)).await?;
                println!("the catalogue is on its way to the chain");
                Ok(())
            }
            Self::Expire { id } => {
                call(config, "POST", &format!("/staff/research/offers/{id}/expire"), None::<&()>).await?;
                println!("offer {id}: expiring is on its way to the chain");
                Ok(())
            }
        }
    }
}

impl Offer {
    async fn run(&self, config: &Config) -> anyhow::Result<()> {
        let price = fixed(&self.price, EPSILON_SCALE).and_then(|price| u64::try_from(price).ok());
        let price = price.with_context(|| format!("--price {:?} is not a number like 0.5", self.price))?;
        let question: Option<Question> = self.question.as_deref().map(read).transpose()?;
        if let Some(question) = &question {
            question.validate()?;
            if !self.json {
                println!("{}", noise(question, price)?);
            }
        }
        if self.dry_run {
            return Ok(());
        }
        let request = OfferRequest {
            question,
            price,
            claim_seals: self.claim_seals,
            ask_seals: self.ask_seals,
            answer_seconds: self.answer_seconds,
        };
        let offered: Offered =
            call(config, "POST", "/staff/research/offers", Some(&request)).await?.json().await?;
        if self.json {
            return print_json(&offered);
        }
        match &offered.reuses {
            None => println!("offer {}: on its way to the chain, for ε = {}", offered.id, epsilon(price)),
            Some(earlier) => println!(
                "offer {}: on its way to the chain. The question was answered before (offer {earlier}): its owner gets \
                 that answer, and no ε is spent",
                offered.id
            ),
        }
        Ok(())
    }
}

/// What each released number will be off by, most of the time.
fn noise(question: &Question, price: u64) -> anyhow::Result<Table> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["released", "ε", "one patient moves it by", "noise in 95 of 100 cases"]);
    for part in plan(question, price)? {
        let noise = quote(&part)?;
        let interval = medrec_aggregate::interval(0, &[noise.scale_1024]);
        table.add_row([
            format!("{:?}", part.quantity).to_lowercase(),
            epsilon(noise.epsilon),
            part.sensitivity.to_string(),
            format!("up to {}", interval.high),
        ]);
    }
    Ok(table)
}

async fn standing(config: &Config, query: &str) -> anyhow::Result<Standing> {
    call(config, "GET", &format!("/staff/research{query}"), None::<&()>).await?.json().await
}

fn epsilon(micro: u64) -> String {
    show(i64::try_from(micro).unwrap_or(i64::MAX), EPSILON_SCALE)
}

fn budget(standing: &Standing) -> String {
    let budget = &standing.budget;
    format!(
        "ε {} in all: {} spent, {} reserved, {} free; {} answers drawn here for ε {}",
        epsilon(budget.total),
        epsilon(budget.spent),
        epsilon(budget.reserved),
        epsilon(budget.free()),
        standing.answers,
        epsilon(standing.answers_epsilon)
    )
}

fn print(standing: &Standing) -> anyhow::Result<()> {
    println!("{}", budget(standing));
    let record = &standing.record;
    println!(
        "{} offered, {} delivered, {} missed, {} never asked",
        record.offered, record.delivered, record.missed, record.released
    );
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["number", "state", "kind", "ε", "owner", "until", "id"]);
    for offer in &standing.offers {
        table.add_row([
            offer.number.to_string(),
            offer.state.as_str().to_owned(),
            if offer.open { "open" } else { "fixed" }.to_owned(),
            epsilon(offer.price),
            offer.owner.clone().unwrap_or_default(),
            offer.deadline.clone().unwrap_or_default(),
            offer.id.clone(),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// TOML, or JSON by its ending; times may be written as dates.
fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let named = || path.display().to_string();
    let mut value: serde_json::Value = if path.extension().is_some_and(|ending| ending == "json") {
        serde_json::from_str(&text).with_context(named)?
    } else {
        toml::from_str(&text).with_context(named)?
    };
    for (field, up) in [("from", false), ("until", true)] {
        if let Some(place) = value.pointer_mut(&format!("/cohort/{field}"))
            && let Some(text) = place.as_str()
        {
            let at =
                moment(text).with_context(|| format!("{}: cohort.{field} {text:?} is no date", named()))?;
            *place = whole_week(at, up).into();
        }
    }
    serde_json::from_value(value).with_context(named)
}

fn whole_week(at: u64, up: bool) -> u64 {
    let weeks = if up { at.div_ceil(WEEK) } else { at.wrapping_div(WEEK) };
    weeks.saturating_mul(WEEK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"
        system = "http://loinc.org"
        code = "718-7"
        unit = "g/dL"
        category = "laboratory"
        contributions = 2
        [cohort]
        from = "2015-01-01"
        until = "2025-01-01"
        age = { from = 18, to = 120 }
        [measure.mean]
        bounds = { lower = 50, upper = 200, scale = 1 }
    "#;

    #[test]
    fn a_question_is_read_from_a_file_with_its_dates_in_whole_weeks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("question.toml");
        std::fs::write(&path, EXAMPLE).unwrap();
        let question: Question = read(&path).unwrap();
        question.validate().unwrap();
        let [begins, ends] = ["2015-01-01", "2025-01-01"].map(|day| moment(day).unwrap());
        assert!(question.cohort.from <= begins && begins < question.cohort.from + WEEK);
        assert!(question.cohort.until >= ends && ends > question.cohort.until - WEEK);
        let json = dir.path().join("question.json");
        std::fs::write(&json, serde_json::to_string(&question).unwrap()).unwrap();
        assert_eq!(read::<Question>(&json).unwrap(), question);
        let shown = noise(&question, 1_000_000).unwrap().to_string();
        assert!(shown.contains("centred") && shown.contains("0.500000"), "{shown}");
    }

    #[test]
    fn what_is_no_question_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("question.toml");
        for (from, to, named) in [
            ("2015-01-01", "someday", "cohort.from"),
            ("laboratory", "laboratories", "question.toml"),
            ("unit =", "units =", "question.toml"),
        ] {
            std::fs::write(&path, EXAMPLE.replace(from, to)).unwrap();
            let error = format!("{:#}", read::<Question>(&path).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
