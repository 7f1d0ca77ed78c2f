use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use base::Mac;
use ipnet::IpNet;
use message::Status;

use super::access_log::LogPlace;
use super::problem::At;
use super::schema::Key;
use super::value::Value;
use crate::network::Given;
use crate::serve::Place;

/// A key as it stands in a file, with all that it takes, checked against the schema.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) key: &'static Key,
    pub(super) values: Vec<(&'static str, Value, At)>,
    pub(super) block: Vec<Self>,
    pub(super) at: At,
    /// Whether nothing is wrong with how it is written, and all that stands in it.
    pub(super) is_sound: bool,
}

/// The nodes of this name.
pub(super) fn all<'n>(block: &'n [Node], name: &'n str) -> impl Iterator<Item = &'n Node> {
    block.iter().filter(move |node| node.key.name == name)
}

/// The node of this name.
pub(super) fn one<'n>(block: &'n [Node], name: &'n str) -> Option<&'n Node> {
    all(block, name).next()
}

impl Node {
    /// Texts of this name, and where they stand.
    pub(super) fn texts<'n>(&'n self, name: &'n str) -> impl Iterator<Item = (&'n str, &'n At)> {
        let named = self.values.iter().filter(move |(n, ..)| *n == name);
        named.filter_map(|(_, value, at)| Some((value.as_text()?, at)))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.first(name)?.as_text()
    }

    pub(super) fn path(&self, name: &str) -> Option<&Path> {
        if let Value::Path(path) = self.first(name)? { Some(path) } else { None }
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        if let Value::Number(number) = self.first(name)? { Some(*number) } else { None }
    }

    pub(super) fn time(&self, name: &str) -> Option<Duration> {
        if let Value::Time(time) = self.first(name)? { Some(*time) } else { None }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        if let Value::Flag(flag) = self.first(name)? { Some(*flag) } else { None }
    }

    pub(super) fn address(&self, name: &str) -> Option<Place> {
        if let Value::Address(place) = self.first(name)? { Some(place.clone()) } else { None }
    }

    pub(super) fn status(&self, name: &str) -> Option<Status> {
        if let Value::Status(status) = self.first(name)? { Some(*status) } else { None }
    }

    pub(super) fn log_place(&self, name: &str) -> Option<&LogPlace> {
        if let Value::Log(place) = self.first(name)? { Some(place) } else { None }
    }

    /// Every address with a prefix of this name, and where it stands.
    pub(super) fn given<'n>(&'n self, name: &'n str) -> impl Iterator<Item = (Given, &'n At)> {
        let named = self.values.iter().filter(move |(n, ..)| *n == name);
        named.filter_map(|(_, value, at)| match value {
            Value::Given(given) => Some((*given, at)),
            _ => None,
        })
    }

    /// Every address of this name, and where it stands.
    pub(super) fn ips<'n>(&'n self, name: &'n str) -> impl Iterator<Item = (IpAddr, &'n At)> {
        let named = self.values.iter().filter(move |(n, ..)| *n == name);
        named.filter_map(|(_, value, at)| match value {
            Value::Ip(address) => Some((*address, at)),
            _ => None,
        })
    }

    pub(super) fn mac(&self, name: &str) -> Option<Mac> {
        if let Value::Mac(mac) = self.first(name)? { Some(*mac) } else { None }
    }

    /// Every network of this name.
    pub(super) fn networks(&self, name: &str) -> Vec<IpNet> {
        let networks = self.named(name).map(|value| match value {
            Value::Network(network) => Some(*network),
            _ => None,
        });
        networks.flatten().collect()
    }

    /// Every status of this name.
    pub(super) fn statuses(&self, name: &str) -> Vec<Status> {
        let statuses = self.named(name).map(|value| match value {
            Value::Status(status) => Some(*status),
            _ => None,
        });
        statuses.flatten().collect()
    }

    fn named<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Value> {
        let named = self.values.iter().filter(move |(n, ..)| *n == name);
        named.map(|(_, value, _)| value)
    }

    fn first(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(n, ..)| *n == name).map(|(_, value, _)| value)
    }
}
