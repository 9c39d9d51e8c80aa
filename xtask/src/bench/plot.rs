//! Bars as SVG.

use std::fmt::Write as _;

use super::html::escape;
use super::outcome::Role;

/// One bar.
pub(super) struct Bar<'a> {
    pub(super) label: &'a str,
    pub(super) role: Role,
    pub(super) value: f64,
    /// Written behind it.
    pub(super) text: String,
}

const ROW: f64 = 22.0;
const LABEL: f64 = 130.0;
const LONGEST: f64 = 420.0;
const WIDTH: f64 = 700.0;

/// Horizontal bars, from 0 on, and a line at `mark` through all of them.
pub(super) fn bars(title: &str, bars: &[Bar<'_>], mark: Option<f64>) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let scale = |value: f64| (value / most * LONGEST).max(1.0);
    let height = ROW * (bars.len() as f64 + 1.0) + 4.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" role=\"img\">\
         <text class=\"title\" x=\"0\" y=\"15\">{}</text>",
        escape(title)
    );
    for (number, bar) in bars.iter().enumerate() {
        let top = ROW * (number as f64 + 1.0);
        let class = match bar.role {
            Role::Floor => "floor",
            Role::Ours => "ours",
            Role::Peer => "peer",
        };
        let (length, middle) = (scale(bar.value), top + 15.0);
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{LABEL}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{middle}\">{}</text>",
            LABEL - 6.0,
            escape(bar.label),
            top + 3.0,
            ROW - 6.0,
            LABEL + length + 6.0,
            escape(&bar.text),
        );
    }
    if let Some(mark) = mark {
        let x = LABEL + scale(mark);
        let _ = write!(
            svg,
            "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{ROW}\" y2=\"{height}\"/>"
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_the_others_are_in_proportion() {
        let bar = |label, role, value| Bar { label, role, value, text: value.to_string() };
        let svg = bars("t<", &[bar("a&b", Role::Ours, 1.0), bar("c", Role::Peer, 4.0)], Some(2.0));
        assert!(svg.contains("width=\"105.0\"") && svg.contains("width=\"420.0\""), "{svg}");
        assert!(svg.contains("x1=\"340.0\""), "{svg}");
        assert!(svg.contains("t&lt;") && svg.contains("a&amp;b"), "{svg}");
    }

    #[test]
    fn nothing_is_no_plot_of_infinite_length() {
        assert!(!bars("t", &[], None).contains("inf"));
        let zero = Bar { label: "a", role: Role::Peer, value: 0.0, text: String::new() };
        assert!(bars("t", &[zero], None).contains("width=\"1.0\""));
    }
}
