//! What a sandbox is started with.

use std::net::{Ipv4Addr, SocketAddr};

use jiff::Timestamp;

use crate::description::Description;
use crate::records::Records;
use crate::schema::CustomField;

/// What a sandbox is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What the records, ids and tokens are made from.
    pub seed: u64,
    /// How many records of each object there are.
    pub records: Records,
    /// Whether tests may steer it through `/__sandbox`.
    pub control: bool,
    /// Whether each refresh ends the refresh token it was made with.
    pub rotate_refresh_tokens: bool,
    /// Fields to add to those a new org has.
    pub custom_fields: Vec<CustomField>,
    /// What else the org is, as a file may describe it.
    pub description: Description,
    /// Stops the org's clock at this time. The same seed and the same time give
    /// the same org.
    pub frozen_at: Option<Timestamp>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            records: Records::default(),
            control: false,
            rotate_refresh_tokens: false,
            custom_fields: Vec::new(),
            description: Description::default(),
            frozen_at: None,
        }
    }
}
