//! The words of the product, known to every room.

mod budget;
mod change;
mod connection;
mod cursor;
mod drift;
mod entity;
mod failure;
mod field;
mod id;
mod kind;
mod meeting;
mod object;
mod outcome;
mod push;
mod run;
mod spec;
mod table;
mod verified;

pub use budget::{Budget, Purpose};
pub use change::{Change, ChangeState, Intent, Planned};
pub use connection::{Connection, Usage};
pub use cursor::Cursor;
pub use drift::Drift;
pub use entity::Entity;
pub use failure::{Failure, Mender};
pub use field::{FieldName, FieldPath, Filter, NameError};
pub use id::{IdError, OrgId, SalesforceId};
pub use kind::{ColumnType, Kind};
pub use meeting::{ActionItem, Insight, Meeting, Participant};
pub use object::{Direction, JobKey, Object};
pub use outcome::{Problem, Pulled, Pushed};
pub use push::{Match, Matched, Request, Work, WorkState};
pub use run::{Counts, Ending, Run, Spent};
pub use spec::{Column, Need, Policy, Setting, Spec, Write};
pub use table::{Fields, Table, Value};
pub use verified::{Tally, Verified, Window};
