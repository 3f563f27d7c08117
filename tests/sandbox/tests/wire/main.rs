//! The sandbox as clients see it, over real HTTP.

mod bulk;
mod client;
mod clients;
mod composite;
mod control;
mod family;
mod meta;
mod oauth;
mod query;
mod records;
mod rules;
