//! Makes a component of a script: the work of the process of its own, in bounds that
//! it sets itself.

use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::source::{Language, Source};
use super::{MESSAGE_MAX, TIME_MAX};
use crate::model::{ColumnType, Policy, Spec};
use crate::plugin::packed::SECTION;

/// How much memory a component may take to be made, in bytes.
const MEMORY_MAX: u64 = 2 << 30;
/// What stands before every script, on its first line, so that its lines keep their
/// numbers.
const PURE: &str = include_str!("pure.js");
/// What stands there too before one that is joined to the contract.
const BEFORE: &str = include_str!("before.js");
/// What stands behind it: joins it to the contract.
const AFTER: &str = include_str!("after.js");
/// The contract, as wit/v1/mapping.wit has it.
pub const WIT: &str = include_str!("../../../../wit/v1/mapping.wit");
/// How the runtime calls a script in its messages.
const USER: &str = "componentize-qjs:user.js:";

/// What is to be made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// What messages call it.
    pub(super) file: String,
    pub(super) language: Language,
    pub(super) source: String,
    /// What the mapping needs that does what the script leaves out, as the contract
    /// spells it.
    pub(super) default: serde_json::Value,
}

impl Order {
    /// Returns what decides the component: the order, and what stands around a script.
    pub(super) fn identity(&self) -> String {
        let own = serde_json::to_string(self).unwrap_or_default();
        let packed = String::from_utf8_lossy(SECTION);
        let around = [WIT, PURE, BEFORE, AFTER, &packed].join("\0");
        format!("{}\0{around}\0{own}", env!("CARGO_PKG_VERSION"))
    }
}

/// Makes a component of what an order says, within the memory and time that this may
/// take; `folder` is for what is needed on the way, and stays.
pub fn make(order: &str, folder: &Path) -> Result<Vec<u8>, String> {
    let bound = |what, most| {
        let most = Some(most);
        setrlimit(what, Rlimit { current: most, maximum: most }).map_err(|error| error.to_string())
    };
    bound(Resource::Data, MEMORY_MAX)?;
    // Should whoever waits for it be gone, it ends all the same.
    bound(Resource::Cpu, TIME_MAX.as_secs())?;
    let order: Order = serde_json::from_str(order).map_err(|error| error.to_string())?;
    let source = Source::read(&order.file, &order.source, order.language)?;
    let is_wrapped = !source.offers_contract();
    let before = match is_wrapped {
        true => on_one_line(BEFORE) + &on_one_line(PURE),
        false => on_one_line(PURE),
    };
    let module = match is_wrapped {
        true => wrapped(&order.file, &source, &order.default, &before),
        false => format!("{before}{}", source.text),
    };
    let contract = folder.join("mapping.wit");
    std::fs::write(&contract, WIT).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let options = componentize_qjs::ComponentizeOpts {
        wit_path: &contract,
        js_source: &module,
        js_path: None,
        module_root: None,
        world_name: Some("mapping"),
        stub_wasi: true,
        // A call's instance is dropped with all that it has; looking for cycles in it
        // takes time.
        disable_gc: true,
        runtime: componentize_qjs::Runtime::DefaultSync,
    };
    let made = runtime.block_on(componentize_qjs::componentize(&options));
    let shift = before.chars().count();
    let mut component = made.map_err(|error| told(&order.file, &format!("{error:#}"), shift))?;
    if is_wrapped {
        component.extend_from_slice(SECTION);
    }
    Ok(component)
}

fn on_one_line(script: &str) -> String {
    let lines: Vec<&str> =
        script.lines().filter(|line| !line.starts_with("//")).map(str::trim).collect();
    lines.join(" ") + " "
}

/// Returns a script with what stands around it.
fn wrapped(file: &str, source: &Source, default: &serde_json::Value, before: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let exports = source.exports.iter().map(|(name, own)| format!("{}: {own}", quoted(name)));
    let exports: Vec<String> = exports.collect();
    let after = AFTER
        .replace("\"@DEFAULT@\"", &quoted(&default.to_string()))
        .replace("\"@EXPORTS@\"", &format!("{{ {} }}", exports.join(", ")))
        .replace("\"@LINES@\"", &source.text.lines().count().max(1).to_string())
        .replace("\"@SHIFT@\"", &before.chars().count().to_string())
        .replace("\"@FILE@\"", &quoted(file));
    format!("{before}{}\n{after}", source.text)
}

/// Returns what a mapping needs, as the contract spells it.
pub(super) fn needs(spec: &Spec) -> serde_json::Value {
    let mut columns: Vec<(&str, ColumnType)> = spec.kind.columns().collect();
    for column in &spec.columns {
        if !columns.iter().any(|(name, _)| *name == column.name) {
            columns.push((&column.name, column.of));
        }
    }
    json!({
        "object": spec.object,
        "kind": spec.kind,
        "reads": spec.reads.iter().map(|need| json!({
            "path": need.path.as_str(),
            "optional": need.optional,
        })).collect::<Vec<_>>(),
        "filter": spec.filter.as_ref().map(|filter| filter.as_str()),
        "columns": columns.iter().map(|(name, of)| json!({ "name": name, "of": of })).collect::<Vec<_>>(),
        "writes": spec.writes.iter().map(|write| json!({
            "field": write.field.as_str(),
            "optional": write.optional,
            "policy": policy(write.policy),
        })).collect::<Vec<_>>(),
    })
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::FillIfBlank => "fill-if-blank",
        Policy::Overwrite => "overwrite",
        Policy::Append => "append",
        Policy::OursUntilEdited => "ours-until-edited",
    }
}

/// Says what went wrong as a script ran while it was made, and where in the script. On the first
/// line, what stands before the script shifts it by so many letters.
fn told(file: &str, why: &str, shift: usize) -> String {
    let message = match why.rsplit_once("Error: ") {
        Some((_, rest)) => rest,
        None => why,
    };
    let is_other = |letter: char| !(letter.is_ascii_digit() || letter == ':');
    let places = message.split(USER).skip(1).map(|rest| {
        let place = rest.split(is_other).next().unwrap_or_default().trim_end_matches(':');
        place.split_once(':').unwrap_or((place, ""))
    });
    let places: Vec<(&str, &str)> = places.collect();
    let is_own = |(line, column): &&(&str, &str)| {
        *line != "1" || column.parse().is_ok_and(|column: usize| column > shift)
    };
    let place = places.iter().find(is_own).or(places.first()).copied().unwrap_or_default();
    let message = message.split(USER).next().unwrap_or_default();
    let message = message.lines().next().unwrap_or_default().trim();
    let place = match (place, place.1.parse::<usize>()) {
        (("", _), _) => String::new(),
        (("1", _), Ok(column)) => format!("{file}:1:{}: ", column.saturating_sub(shift).max(1)),
        ((line, _), Ok(column)) => format!("{file}:{line}:{column}: "),
        ((line, _), Err(_)) => format!("{file}:{line}: "),
    };
    format!("{place}{message}").chars().take(MESSAGE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_told_with_its_line() {
        let why = "x: Error: cannot read property 'foo' of null\n    at <anonymous> \
                   (componentize-qjs:user.js:3:1)";
        assert_eq!(told("lead.js", why, 9), "lead.js:3:1: cannot read property 'foo' of null");
        let why = "x: Error: no\n    at <anonymous> (componentize-qjs:user.js:1:21)";
        assert_eq!(told("lead.js", why, 9), "lead.js:1:12: no");
        let why = "x: Error: no clock\n    at none (componentize-qjs:user.js:1:5)\n    at \
                   <anonymous> (componentize-qjs:user.js:2:7)";
        assert_eq!(told("lead.js", why, 9), "lead.js:2:7: no clock");
        assert_eq!(told("lead.js", "it can't be compiled", 9), "it can't be compiled");
    }
}
