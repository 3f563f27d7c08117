//! The product as its users meet it: the real binary, in a home of its own,
//! against an org that answers at the wire.

mod api;
mod broken;
mod cast;
mod connect;
mod crash;
mod doctor;
mod examples;
mod extract;
mod field_maps;
mod filter;
mod floors;
mod logging;
mod mapping;
mod matching;
mod meanwhile;
mod meetings;
mod newcomers;
mod notices;
mod orgs;
mod pages;
mod plugins;
mod pull;
mod push;
mod reference;
mod refusals;
mod registry;
mod rehearsal;
mod scripts;
mod serve;
mod settings;
mod tasks;
mod undo;
mod verify;
mod world;
