//! What a plugin must be, and what its answers must hold to.

use std::collections::HashSet;

use wasmtime::component::Component;

use super::{Cause, v1};
use crate::model::{Object, Pulled, Pushed, Spec};

const LOG: &str = "efficlose:mapping/log";
const OBJECT: &str = "efficlose:mapping/object";
/// How many fields, columns or writes a spec may list.
const LIST_MAX: usize = 1_000;
/// How long the name of a column may be.
const NAME_MAX: usize = 150;
/// What a component's file begins with: the magic number, then the layer.
const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

/// Tells at a glance what a file is, for a message that helps.
pub(super) fn is_component(bytes: &[u8]) -> Result<(), Cause> {
    if bytes.starts_with(&COMPONENT) {
        return Ok(());
    }
    let what = if bytes.starts_with(b"\0asm") {
        "it is a core module; wrap it with wasm-component-ld or `wasm-tools component new`"
    } else {
        "it does not begin as WebAssembly does"
    };
    Err(Cause::NotComponent(what.to_owned()))
}

/// Refuses a component that imports more than the log, or that doesn't export the
/// contract's interface in a version that is served. Other exports do no harm.
pub(super) fn is_mapping(component: &Component) -> Result<(), Cause> {
    let engine = component.engine();
    let types = component.component_type();
    for (name, _) in types.imports(engine) {
        match name.split_once('@') {
            Some((LOG, version)) => served(version)?,
            _ => return Err(Cause::Import(name.to_owned())),
        }
    }
    let mut exports = types.exports(engine).filter_map(|(name, _)| name.split_once('@'));
    match exports.find(|(interface, _)| *interface == OBJECT) {
        Some((_, version)) => served(version),
        None => Err(Cause::Contract(format!("it does not export {OBJECT}"))),
    }
}

/// Refuses a version that this host doesn't serve, in a sentence that says both.
fn served(version: &str) -> Result<(), Cause> {
    let (major, minor) = v1::VERSION;
    let mut numbers = version.split('.').map(str::parse::<u64>);
    let theirs = (numbers.next(), numbers.next());
    if matches!(theirs, (Some(Ok(one)), Some(Ok(two))) if one == major && two <= minor) {
        return Ok(());
    }
    Err(Cause::Contract(format!(
        "it is built for efficlose:mapping@{version}, and this host serves {major}.0.0 to \
         {major}.{minor}.0"
    )))
}

/// Checks a spec for the object that it is to map.
pub(super) fn spec(spec: &Spec, object: Object) -> Result<(), String> {
    if spec.object != object {
        return Err(format!("it maps {}, and it stands in the place of {object}", spec.object));
    }
    let lengths = [spec.reads.len(), spec.columns.len(), spec.writes.len()];
    if lengths.iter().any(|length| *length > LIST_MAX) {
        return Err(format!("a list is longer than {LIST_MAX}"));
    }
    if spec.reads.is_empty() || spec.columns.is_empty() {
        return Err("it must read a field and make a column at least".to_owned());
    }
    unique(spec.reads.iter().map(|need| need.path.as_str()), "reads")?;
    unique(spec.columns.iter().map(|column| column.name.as_str()), "columns")?;
    unique(spec.writes.iter().map(|write| write.field.as_str()), "writes")?;
    for column in &spec.columns {
        if column.name.len() > NAME_MAX || column.name.contains(char::is_control) {
            return Err(format!("the name of a column is longer than {NAME_MAX} or not plain"));
        }
        if column.name.strip_prefix("custom.").is_some_and(|rest| !rest.is_empty()) {
            continue;
        }
        let known = spec.kind.columns().find(|(name, _)| *name == column.name);
        match known {
            Some((_, of)) if of == column.of => {}
            Some((_, of)) => {
                return Err(format!(
                    "the column {} of a {} is {of:?}, not {:?}",
                    column.name, spec.kind, column.of
                ));
            }
            None => {
                return Err(format!(
                    "a {} has no column {name}; one of its own is named custom.{name}",
                    spec.kind,
                    name = column.name
                ));
            }
        }
    }
    Ok(())
}

fn unique<'a>(names: impl Iterator<Item = &'a str>, list: &str) -> Result<(), String> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(format!("{name} stands twice in {list}"));
        }
    }
    Ok(())
}

/// Catches a mapping that loses or invents outcomes.
pub(super) fn count(returned: usize, given: usize) -> Result<(), Cause> {
    if returned == given { Ok(()) } else { Err(Cause::Count { given, returned }) }
}

/// Catches an entity that has not a value for each column.
pub(super) fn widths(outcomes: &[Pulled], columns: usize) -> Result<(), Cause> {
    for outcome in outcomes {
        if let Pulled::Mapped(values) = outcome
            && values.len() != columns
        {
            return Err(Cause::Width { columns, returned: values.len() });
        }
    }
    Ok(())
}

/// Catches a write to a field that the spec doesn't list.
pub(super) fn fields(outcomes: &[Pushed], spec: &Spec) -> Result<(), Cause> {
    for outcome in outcomes {
        let Pushed::Mapped(fields) = outcome else { continue };
        for (name, _) in fields {
            if !spec.writes.iter().any(|write| write.field.as_str() == name) {
                return Err(Cause::Field(name.clone()));
            }
        }
    }
    Ok(())
}
