//! Most of these play a script and compare the film; see [`script`] for the language.

mod notation;
mod script;

mod blocks;
mod exchanges;
mod fields;
mod frames;
mod messages;
mod pair;
mod properties;
mod states;
mod windows;

mod attacks;
mod ends;
mod page;
mod priorities;
mod pushing;
mod sending;
mod times;
mod upgrades;
