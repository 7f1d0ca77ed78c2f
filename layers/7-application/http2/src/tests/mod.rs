//! Most of these play a script and compare the film; see [`script`] for the language.

mod notation;
mod script;

mod exchanges;
