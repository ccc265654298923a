//! What the user sees while something slow happens.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

/// Receives one short line per step, in the present tense ("building wasmd …").
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

impl Progress {
    pub fn new(report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    /// Says nothing: for tests and for callers with a display of their own.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// A spinner with elapsed time on a terminal, plain lines on stderr elsewhere.
    pub fn stderr() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::new(|step| {
                if !step.is_empty() {
                    eprintln!("{step}");
                }
            });
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::new(move |step| {
            bar.reset_elapsed();
            if step.is_empty() { bar.finish_and_clear() } else { bar.set_message(step.to_owned()) }
        })
    }

    pub fn step(&self, text: &str) {
        (self.0)(text);
    }

    /// Clears the display before something else is printed.
    pub fn done(&self) {
        (self.0)("");
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}
