//! Bars, drawn by the server as SVG; whoever reads finds the numbers in a table beside.

use maud::{Markup, html};

/// How wide and high a drawing is, in its own units.
const WIDTH: usize = 600;
const HEIGHT: usize = 120;
/// The share of its place that a bar takes, in percent.
const FILLED: usize = 75;

/// Draws a bar for each value, from left to right; `label` says what they are, for people who
/// don't see it, and `is_bad` whether a bar tells of something wrong.
pub(super) fn bars(
    label: &str,
    values: &[u64],
    unit: &str,
    is_bad: bool,
    ends: (&str, &str),
) -> Markup {
    let most = values.iter().copied().max().unwrap_or_default();
    let place = |nth: usize| nth * WIDTH / values.len().max(1);
    let width = (WIDTH / values.len().max(1) * FILLED / 100).max(1);
    // A small value is still seen.
    let height = |value: u64| match value {
        0 => 0,
        value => ((value as u128 * HEIGHT as u128 / most.max(1) as u128) as usize).max(2),
    };
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
            aria-label=(format!("{label}: at most {most}{unit}")) {
            line x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            @for (nth, value) in values.iter().enumerate() {
                rect.bad[is_bad] x=(place(nth)) y=(HEIGHT - height(*value)) width=(width) height=(height(*value)) {}
            }
        }
        p.ends.muted.small { span { (ends.0) } span { "at most " (most) (unit) } span { (ends.1) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_room_and_a_small_one_is_seen() {
        let drawn = bars("calls", &[0, 1, 1_000], "", false, ("a", "b")).into_string();
        let heights: Vec<usize> = drawn
            .split("<rect")
            .skip(1)
            .map(|bar| bar.split("height=\"").nth(1).unwrap().split('"').next().unwrap())
            .map(|height| height.parse().unwrap())
            .collect();
        assert_eq!(heights, [0, 2, HEIGHT]);
        bars("none", &[], "", false, ("", ""));
    }
}
