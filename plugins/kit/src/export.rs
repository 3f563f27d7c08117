//! Makes a component of a mapping.

use std::cell::RefCell;

use crate::{Problem, Pulled, Pushed, Record, Request, Setting, Settings, Spec, Table};

/// What a mapping does, one record or request at a time.
pub trait Mapping: Sized {
    /// Reads the settings, refuses bad ones by name, and says what the mapping
    /// needs. Called once, before anything else.
    fn configure(settings: &Settings) -> Result<(Self, Spec), Problem>;

    /// Maps one record to an entity.
    fn pull(&self, record: &mut Record<'_>) -> Pulled;

    /// Maps one meeting, or one of its action items, to the fields to write.
    fn push(&self, request: &Request) -> Pushed;
}

/// A mapping with its settings read: what one instance of a component holds.
pub struct Running<M> {
    mapping: M,
    reads: Vec<String>,
}

impl<M: Mapping> Running<M> {
    /// Configures a mapping; also returns the spec for the host.
    pub fn configure(settings: Vec<Setting>) -> Result<(Self, Spec), Problem> {
        let settings = Settings::from(settings);
        let (mapping, spec) = M::configure(&settings)?;
        settings.refuse_unread()?;
        let reads = spec.reads.iter().map(|need| need.path.clone()).collect();
        Ok((Self { mapping, reads }, spec))
    }

    /// Maps the rows of a table, in order.
    pub fn pull(&self, records: Table) -> Vec<Pulled> {
        let places: Vec<_> = self
            .reads
            .iter()
            .map(|path| records.columns.iter().position(|column| column == path))
            .collect();
        let rows = records.rows.into_iter();
        rows.map(|row| self.mapping.pull(&mut Record::new(&self.reads, &places, row))).collect()
    }

    /// Maps requests, in order.
    pub fn push(&self, requests: &[Request]) -> Vec<Pushed> {
        requests.iter().map(|request| self.mapping.push(request)).collect()
    }
}

/// A place for the running mapping of this instance.
#[doc(hidden)]
pub struct Instance<M>(RefCell<Option<Running<M>>>);

#[doc(hidden)]
impl<M: Mapping> Instance<M> {
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    pub fn configure(&self, settings: Vec<Setting>) -> Result<Spec, Problem> {
        let (running, spec) = Running::configure(settings)?;
        *self.0.borrow_mut() = Some(running);
        Ok(spec)
    }

    pub fn with<T>(&self, call: impl FnOnce(&Running<M>) -> T) -> T {
        let running = self.0.borrow();
        call(running.as_ref().expect("the host configures an instance first"))
    }
}

/// Makes a component of the mapping of this type.
///
/// Does nothing on a native target, so that the mapping can be tested there.
#[macro_export]
macro_rules! mapping {
    ($mapping:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        mod component {
            use $crate::bindings::exports::efficlose::mapping::object::Guest;
            use $crate::{Instance, Problem, Pulled, Pushed, Request, Setting, Spec, Table};

            thread_local! {
                static INSTANCE: Instance<$mapping> = const { Instance::new() };
            }

            struct Component;

            impl Guest for Component {
                fn configure(settings: Vec<Setting>) -> Result<Spec, Problem> {
                    INSTANCE.with(|instance| instance.configure(settings))
                }

                fn pull(records: Table) -> Vec<Pulled> {
                    INSTANCE.with(|instance| instance.with(|running| running.pull(records)))
                }

                fn push(requests: Vec<Request>) -> Vec<Pushed> {
                    INSTANCE.with(|instance| instance.with(|running| running.push(&requests)))
                }
            }

            $crate::bindings::export!(Component with_types_in $crate::bindings);
        }
    };
}
