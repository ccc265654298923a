//! One line a step, for people; silent when nobody looks.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::meaning;

#[derive(Debug, Clone, Copy)]
pub struct Display {
    shown: bool,
}

/// The line of one step; it goes when the step ends.
pub struct Line {
    bar: ProgressBar,
}

impl Display {
    pub fn new(shown: bool) -> Self {
        Self { shown }
    }

    pub fn step(&self, name: &str) -> Line {
        if !self.shown {
            return Line { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::new_spinner().with_message(format!("{name}: {}", meaning(name)));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Line { bar }
    }

    /// What stays on the screen when a step has ended.
    pub fn done(&self, name: &str, ok: bool, count: u64, took: Duration) {
        if self.shown {
            let mark = if ok { "ok    " } else { "FAILED" };
            eprintln!("{mark} {name:<18} {:>5.1} s {count:>6} {}", took.as_secs_f64(), meaning(name));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
