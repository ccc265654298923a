//! What takes long shows how far it is: at a terminal only, beside the answer (standard error).

use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Several hospitals are read at once, each with a line of its own.
static LINES: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// One line; gone when it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new(length: u64, what: &str) -> Progress {
        let bar = LINES.add(ProgressBar::new(length));
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        bar.set_message(crate::show::one_line(what));
        Progress(bar)
    }

    pub fn at(&self, position: u64) {
        self.0.set_position(position);
    }

    pub fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
        LINES.remove(&self.0);
    }
}
