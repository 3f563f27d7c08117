//! What each run did, and how it goes over time.

use axum::extract::State;
use jiff::SignedDuration;
use maud::{Markup, html};

use super::Shared;
use super::chart::bars;
use super::guard::At;
use super::page::{ending, moment, page};
use super::refused::Shown;
use super::visitor::Visitor;
use crate::model::{Ending, Run};

/// How many runs are shown.
const SHOWN: u32 = 60;

pub(super) async fn list(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
) -> Shown {
    let org = connection.org.clone();
    let runs = site.world.store.runs(&org, SHOWN)?;
    let body = html! {
        @if runs.is_empty() { p { "There was no run yet." } }
        @else {
            (charts(&runs))
            div.card {
                h2 { "The last " (runs.len()) " runs" }
                (table(&runs))
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Runs", body))
}

/// Draws the runs from the oldest to the newest.
fn charts(runs: &[Run]) -> Markup {
    let day = |run: Option<&Run>| {
        run.map(|run| run.started_at.strftime("%m-%d %H:%M").to_string()).unwrap_or_default()
    };
    let (from, to) = (day(runs.last()), day(runs.first()));
    let values = |of: &dyn Fn(&Run) -> u64| runs.iter().rev().map(of).collect::<Vec<_>>();
    let drawings = [
        (
            "Records changed, and changes written",
            values(&|run| run.counts.mapped + run.counts.deleted + run.counts.pushed),
            "",
            false,
        ),
        ("Failures", values(&|run| run.counts.failed), "", true),
        ("API calls", values(&|run| run.counts.calls), "", false),
        ("Duration", values(&|run| seconds(run).unsigned_abs()), " s", false),
    ];
    html! {
        div.grid.two {
            @for (label, values, unit, is_bad) in &drawings {
                figure.card {
                    figcaption { strong { (label) } }
                    (bars(label, values, unit, *is_bad, (&from, &to)))
                }
            }
        }
    }
}

fn seconds(run: &Run) -> i64 {
    let lasted = run.ended_at.map(|end| end.duration_since(run.started_at));
    lasted.unwrap_or(SignedDuration::ZERO).as_secs()
}

fn table(runs: &[Run]) -> Markup {
    html! {
        div.scroll { table.stack {
            thead { tr {
                th { "Started" } th { "Object" } th { "Way" } th { "Ended" } th.number { "Seconds" }
                th.number { "Read" } th.number { "Changed" } th.number { "Deleted" } th.number { "Skipped" }
                th.number { "Failed" } th.number { "Written" } th.number { "Calls" }
            } }
            tbody {
                @for run in runs {
                    @let counts = run.counts;
                    tr {
                        td data-label="Started" { (moment(run.started_at)) }
                        td data-label="Object" { (run.key.object) }
                        td data-label="Way" { (run.key.direction) }
                        td data-label="Ended" {
                            (ending(run))
                            @if let Some(Ending::Broken(why)) = &run.ending {
                                p.small { (why) ". " (why.hint.as_deref().unwrap_or_default()) }
                            }
                        }
                        td.number data-label="Seconds" { (seconds(run)) }
                        td.number data-label="Read" { (counts.pulled) }
                        td.number data-label="Changed" { (counts.mapped) }
                        td.number data-label="Deleted" { (counts.deleted) }
                        td.number data-label="Skipped" { (counts.skipped) }
                        td.number data-label="Failed" { (counts.failed) }
                        td.number data-label="Written" {
                            @if counts.pushed > 0 { a href=(format!("/orgs/{}/changes?run={}", run.key.org, run.id)) { (counts.pushed) } }
                            @else { "0" }
                        }
                        td.number data-label="Calls" { (counts.calls) }
                    }
                }
            }
        } }
    }
}
