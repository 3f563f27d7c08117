//! The sandbox as clients see it, over real HTTP.

mod client;
mod composite;
mod control;
mod meta;
mod oauth;
mod query;
mod records;
