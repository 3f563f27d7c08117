//! A customer's own expressions, which stand in for what a mapping says of a column
//! or of a field to write.
//!
//! They come as settings: `pull:email` is the expression of a column, `push:Title`
//! that of a field; `pull:email:type`, `:default`, `:on_error` and `push:Title:policy`
//! say more of it, and the value `-` leaves the column or field out. The language is
//! that of Jinja's expressions, such as `Account.Name | upper ~ "!"`.

mod context;
mod language;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::value::Object;
use minijinja::{Environment, Expression, Value as Found};

use self::context::{Row, Shape, asked, found};
use crate::{
    Column, ColumnType, Field, Mapping, Need, Policy, Problem, Pulled, Pushed, Record, Request,
    Settings, Spec, Value, Write, optional,
};

/// What a setting says that leaves its column or field out.
const LEFT_OUT: &str = "-";
/// The word by which an expression leaves alone what the mapping says.
const KEEP: &str = "keep";
/// How many expressions one mapping takes.
const EXPRESSIONS_MAX: usize = 200;

/// A mapping with a customer's expressions over it.
pub struct WithExpressions<M> {
    mapping: M,
    expressions: Expressions,
}

impl<M: Mapping> Mapping for WithExpressions<M> {
    fn configure(settings: &Settings) -> Result<(Self, Spec), Problem> {
        let (mapping, mut spec) = M::configure(settings)?;
        let expressions = Expressions::of(settings, &mut spec)?;
        Ok((Self { mapping, expressions }, spec))
    }

    fn pull(&self, record: &mut Record<'_>) -> Pulled {
        self.expressions.pull(record, |record| self.mapping.pull(record))
    }

    fn push(&self, request: &Request) -> Pushed {
        self.expressions.push(request, self.mapping.push(request))
    }
}

/// The expressions of one mapping.
struct Expressions {
    pull: Vec<Own>,
    push: Vec<Own>,
    /// What the expressions of `pull` read, as places in the spec's reads.
    reads: Vec<usize>,
    shape: Arc<Shape>,
}

/// An expression, or nothing for what is left out.
struct Own {
    /// The column or field.
    name: String,
    /// Where it is in the entity.
    place: usize,
    of: ColumnType,
    expression: Option<Expression<'static, 'static>>,
    default: Option<String>,
    on_error: OnError,
}

/// What becomes of a value that can't be worked out.
#[derive(Clone, Copy, PartialEq)]
enum OnError {
    /// The record waits for a mend.
    Fail,
    /// The record is left out.
    Skip,
    /// The value is empty.
    Empty,
    /// The mapping's own value stays.
    Keep,
}

/// What an expression of a push is told of.
const TOLD_IN_PUSH: [&str; 5] = ["meeting", "action_item", "target", "matches", "now"];

/// Stands for what the mapping says.
#[derive(Debug)]
struct Keep;

impl Object for Keep {}

impl Expressions {
    /// Reads the expressions among the settings, and fits the spec to them.
    fn of(settings: &Settings, spec: &mut Spec) -> Result<Self, Problem> {
        let mut environment = language::environment();
        environment.add_global(KEEP, Found::from_object(Keep));
        // An instance lives for one call; the environment goes with it.
        let environment: &'static Environment<'static> = Box::leak(Box::new(environment));
        let (mut pull, mut push) = (Vec::new(), Vec::new());
        let mut reads = BTreeSet::new();
        let told = settings.beginning_with("pull:");
        let names: BTreeSet<&str> = told.keys().map(|name| plain(name)).collect();
        check_count(names.len())?;
        for name in names {
            let own = Own::of(name, "pull", &told, environment)?;
            if let Some(expression) = &own.expression {
                let variables = expression.undeclared_variables(true);
                reads.extend(variables.into_iter().filter(|path| !is_known(environment, path)));
            }
            pull.push(own);
        }
        for own in &mut pull {
            own.fit(&told, spec)?;
        }
        let told = settings.beginning_with("push:");
        let names: BTreeSet<&str> = told.keys().map(|name| plain(name)).collect();
        check_count(names.len())?;
        for name in names {
            let own = Own::of(name, "push", &told, environment)?;
            if let Some(expression) = &own.expression {
                let roots = expression.undeclared_variables(false);
                let mut unknown = roots.into_iter().filter(|root| !is_known(environment, root));
                if let Some(root) = unknown.find(|root| !TOLD_IN_PUSH.contains(&root.as_str())) {
                    return Err(untold(name, &root));
                }
            }
            if own.expression.is_none() && !spec.writes.iter().any(|write| write.field == name) {
                return Err(nothing_there(&format!("push:{name}"), name));
            }
            spec.writes.retain(|write| own.expression.is_some() || write.field != name);
            let said = told.get(&format!("{name}:policy"));
            let known = spec.writes.iter_mut().find(|write| write.field == name);
            match (known, said) {
                (_, Some(word)) if own.expression.is_none() => {
                    return Err(wrong(
                        &format!("push:{name}"),
                        "what is left out has no policy",
                        word,
                    ));
                }
                (Some(write), Some(word)) => write.policy = policy(name, word)?,
                (None, Some(word)) => spec.writes.push(Write {
                    field: name.to_owned(),
                    optional: true,
                    policy: policy(name, word)?,
                }),
                (None, None) if own.expression.is_some() => {
                    return Err(Problem {
                        message: format!(
                            "how to treat a value of {name} that is there is not said"
                        ),
                        at: Some(format!("push:{name}")),
                        hint: Some(format!(
                            "Write `{name} = {{ is = \"…\", policy = \"fill-if-blank\" }}`; other \
                             policies are overwrite, append and ours-until-edited."
                        )),
                    });
                }
                _ => {}
            }
            push.push(own);
        }
        for path in &reads {
            if !spec.reads.iter().any(|need| need.path == *path) {
                spec.reads.push(Need { path: path.clone(), optional: true });
            }
        }
        // Columns that are left out keep their place until all expressions have theirs.
        let gone: Vec<usize> =
            pull.iter().filter(|own| own.expression.is_none()).map(|own| own.place).collect();
        let mut nth = 0;
        spec.columns.retain(|_| {
            nth += 1;
            !gone.contains(&(nth - 1))
        });
        let paths: Vec<String> = reads.into_iter().collect();
        let places =
            paths.iter().filter_map(|path| spec.reads.iter().position(|need| need.path == *path));
        Ok(Self { pull, push, reads: places.collect(), shape: Shape::of(&paths) })
    }

    /// Maps a record by the mapping, with the expressions in the place of what it says.
    fn pull(&self, record: &mut Record<'_>, map: impl FnOnce(&mut Record<'_>) -> Pulled) -> Pulled {
        if self.pull.is_empty() {
            return map(record);
        }
        let context = self.context(record);
        let mut found = Vec::with_capacity(self.pull.len());
        for own in &self.pull {
            match own.value(&context) {
                Ok(value) => found.push(value),
                Err(_) if own.on_error == OnError::Skip => {
                    return Pulled::Skipped(format!("{} can't be worked out", own.name));
                }
                Err(problem) => return Pulled::Failed(problem),
            }
        }
        let mut values = match map(record) {
            Pulled::Mapped(values) => values,
            other => return other,
        };
        let mut gone = Vec::new();
        for (own, found) in self.pull.iter().zip(found) {
            if own.place >= values.len() {
                values.resize(own.place + 1, Value::Null);
            }
            match found {
                Some(value) => values[own.place] = value,
                None if own.expression.is_none() => gone.push(own.place),
                None => {}
            }
        }
        gone.sort_unstable();
        for place in gone.into_iter().rev() {
            values.remove(place);
        }
        Pulled::Mapped(values)
    }

    /// Maps a request by the mapping, with the expressions in the place of what it
    /// says. They write where the mapping would not.
    fn push(&self, request: &Request, pushed: Pushed) -> Pushed {
        if self.push.is_empty() {
            return pushed;
        }
        let (mut fields, skipped) = match pushed {
            Pushed::Mapped(fields) => (fields, None),
            Pushed::Skipped(why) => (Vec::new(), Some(why)),
            Pushed::Failed(problem) => return Pushed::Failed(problem),
        };
        let context = asked(request);
        for own in &self.push {
            // A field that the org locks is not there to be written.
            let is_there = request.target.as_ref().is_none_or(|target| target.has(&own.name));
            let value = match own.to_write(&context) {
                Ok(value) => value,
                Err(_) if own.on_error == OnError::Skip => {
                    return Pushed::Skipped(format!("{} can't be worked out", own.name));
                }
                Err(problem) => return Pushed::Failed(problem),
            };
            if own.expression.is_none() || value.is_some() {
                fields.retain(|field| field.name != own.name);
            }
            if let Some(value) = value.filter(|_| is_there) {
                fields.push(Field { name: own.name.clone(), value });
            }
        }
        match skipped {
            Some(why) if fields.is_empty() => Pushed::Skipped(why),
            _ => Pushed::Mapped(fields),
        }
    }

    /// Returns what the expressions may read of a record.
    fn context(&self, record: &Record<'_>) -> Found {
        let values = self.reads.iter().map(|nth| record.nth(*nth).map(found)).collect();
        Found::from_object(Row { shape: Arc::clone(&self.shape), values })
    }
}

impl Own {
    fn of(
        name: &str,
        way: &str,
        told: &BTreeMap<String, String>,
        environment: &'static Environment<'static>,
    ) -> Result<Self, Problem> {
        let at = format!("{way}:{name}");
        let said = told.get(name).map_or(LEFT_OUT, String::as_str);
        let expression = match said {
            LEFT_OUT => None,
            text => Some(
                language::expression(environment, text)
                    .map_err(|error| wrong(&at, "the expression can't be read", &reason(&error)))?,
            ),
        };
        let on_error = match told.get(&format!("{name}:on_error")).map(String::as_str) {
            None | Some("fail") => OnError::Fail,
            Some("skip") => OnError::Skip,
            Some("empty") => OnError::Empty,
            Some("keep") => OnError::Keep,
            Some(other) => {
                return Err(Problem {
                    message: format!("\"{other}\" is nothing that can be done on an error"),
                    at: Some(at),
                    hint: Some("Write fail, skip, empty or keep.".to_owned()),
                });
            }
        };
        let default = told.get(&format!("{name}:default")).cloned();
        let of = ColumnType::Text;
        Ok(Self { name: name.to_owned(), place: 0, of, expression, default, on_error })
    }

    /// Finds the place of a column, or makes one.
    fn fit(&mut self, told: &BTreeMap<String, String>, spec: &mut Spec) -> Result<(), Problem> {
        let said = told.get(&format!("{}:type", self.name));
        let said = said.map(|word| crate::field_map::column_type(word)).transpose();
        let said =
            said.map_err(|problem| Problem { at: Some(format!("pull:{}", self.name)), ..problem })?;
        let place = spec.columns.iter().position(|column| column.name == self.name);
        if place.is_none() && self.expression.is_none() {
            return Err(nothing_there(&format!("pull:{}", self.name), &self.name));
        }
        self.of = match (place, said) {
            (Some(place), said) => said.unwrap_or(spec.columns[place].of),
            (None, said) => said.unwrap_or(ColumnType::Text),
        };
        self.place = place.unwrap_or(spec.columns.len());
        match place {
            Some(place) => spec.columns[place].of = self.of,
            None => spec.columns.push(Column { name: self.name.clone(), of: self.of }),
        }
        Ok(())
    }

    /// Returns what is to be written; none, where what the mapping says stays: what
    /// is undefined writes nothing, and only what is none clears a field.
    fn to_write(&self, context: &Found) -> Result<Option<Value>, Problem> {
        let Some(expression) = &self.expression else { return Ok(None) };
        let worked_out = match expression.eval(context.clone()) {
            Ok(value) if value.downcast_object_ref::<Keep>().is_some() => return Ok(None),
            Ok(value) if value.is_undefined() => return Ok(self.default.clone().map(Value::Text)),
            Ok(value) => plain_value(&value),
            Err(error) => Err(reason(&error)),
        };
        match (worked_out, &self.default) {
            (Ok(Value::Null), Some(default)) => Ok(Some(Value::Text(default.clone()))),
            (Ok(value), _) => Ok(Some(value)),
            (Err(_), _) if self.on_error == OnError::Empty => Ok(Some(Value::Null)),
            (Err(_), _) if self.on_error == OnError::Keep => Ok(None),
            (Err(message), _) => Err(Problem { message, at: Some(self.name.clone()), hint: None }),
        }
    }

    /// Returns the value; none, where what the mapping says stays.
    fn value(&self, context: &Found) -> Result<Option<Value>, Problem> {
        let Some(expression) = &self.expression else { return Ok(None) };
        let failed = |message: String| Problem { message, at: Some(self.name.clone()), hint: None };
        let worked_out = match expression.eval(context.clone()) {
            Ok(value) if value.downcast_object_ref::<Keep>().is_some() => return Ok(None),
            Ok(value) => plain_value(&value).map_err(failed),
            Err(error) => Err(failed(reason(&error))),
        };
        let value = worked_out.map(|value| match (value, &self.default) {
            (Value::Null, Some(default)) => Value::Text(default.clone()),
            (value, _) => value,
        });
        let fitted = value.and_then(|value| match &value {
            // A default is written as text, whatever the column holds.
            Value::Text(text) if self.of != ColumnType::Text => {
                optional(&self.name, self.of, &self.name).convert(read(text, self.of))
            }
            _ => optional(&self.name, self.of, &self.name).convert(value),
        });
        match fitted {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.on_error == OnError::Empty => Ok(Some(Value::Null)),
            Err(_) if self.on_error == OnError::Keep => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// Tells whether a path begins with a word of the language, such as `range`, and so reads
/// no field.
fn is_known(environment: &Environment<'_>, path: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    environment.globals().any(|(word, _)| word == first)
}

/// Reads a text as a value of this type, where it is one.
fn read(text: &str, of: ColumnType) -> Value {
    let read = match of {
        ColumnType::Integer => text.trim().parse().ok().map(Value::Integer),
        ColumnType::Number => text.trim().parse().ok().map(Value::Number),
        ColumnType::Boolean => text.trim().parse().ok().map(Value::Boolean),
        _ => None,
    };
    read.unwrap_or_else(|| Value::Text(text.to_owned()))
}

/// Returns what an expression gave as a value.
fn plain_value(found: &Found) -> Result<Value, String> {
    if found.is_undefined() || found.is_none() {
        return Ok(Value::Null);
    }
    if let Some(text) = found.as_str() {
        return Ok(if text.is_empty() { Value::Null } else { Value::Text(text.to_owned()) });
    }
    if let Ok(truth) = bool::try_from(found.clone()) {
        return Ok(Value::Boolean(truth));
    }
    if let Some(number) = found.as_i64().filter(|_| found.is_integer()) {
        return Ok(Value::Integer(number));
    }
    f64::try_from(found.clone())
        .map(Value::Number)
        .map_err(|_| format!("the expression gives a {}, not a value", found.kind()))
}

/// Returns the name of a column or field, without what is said of it.
fn plain(setting: &str) -> &str {
    setting.split_once(':').map_or(setting, |(name, _)| name)
}

fn policy(name: &str, word: &str) -> Result<Policy, Problem> {
    match word {
        "fill-if-blank" => Ok(Policy::FillIfBlank),
        "overwrite" => Ok(Policy::Overwrite),
        "append" => Ok(Policy::Append),
        "ours-until-edited" => Ok(Policy::OursUntilEdited),
        _ => Err(Problem {
            message: format!("\"{word}\" is no policy"),
            at: Some(format!("push:{name}")),
            hint: Some("Write fill-if-blank, overwrite, append or ours-until-edited.".to_owned()),
        }),
    }
}

/// Returns the problem of an expression that names what no push is told of: it would have no
/// value, ever.
fn untold(name: &str, root: &str) -> Problem {
    Problem {
        message: format!("a push is told of no {root}"),
        at: Some(format!("push:{name}")),
        hint: Some(
            "It is told of meeting, action_item, target.fields, matches.Contact.fields and now."
                .to_owned(),
        ),
    }
}

fn nothing_there(at: &str, name: &str) -> Problem {
    Problem {
        message: format!("there is no {name} that could be left out"),
        at: Some(at.to_owned()),
        hint: Some("Mend the name, or remove the line.".to_owned()),
    }
}

fn check_count(count: usize) -> Result<(), Problem> {
    if count <= EXPRESSIONS_MAX {
        return Ok(());
    }
    Err(wrong("pull", "there are too many expressions", &format!("at most {EXPRESSIONS_MAX}")))
}

fn wrong(at: &str, message: &str, why: &str) -> Problem {
    Problem { message: format!("{message}: {why}"), at: Some(at.to_owned()), hint: None }
}

fn reason(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}
