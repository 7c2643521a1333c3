//! WeChat's users: a name, an openid under each appid, and an account with money or without.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::{Failure, World, key};

/// More signed items than this, and a user signs nothing more.
const MOST_ITEMS: u32 = 200;

/// A user of WeChat.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct User {
    /// By appid.
    pub(crate) openids: BTreeMap<String, String>,
    /// Why deductions fail; none: they succeed.
    pub(crate) deduction: Option<Failure>,
    /// Signed items at other merchants.
    pub(crate) items: u32,
}

impl World {
    /// The openid under which an appid knows a user. From now on it leads back to him.
    pub(crate) fn openid(&mut self, appid: &str, user: &str) -> String {
        let known = self.users.entry(user.to_owned()).or_default();
        let openid = known.openids.entry(appid.to_owned()).or_insert_with(|| derived_openid(appid, user)).clone();
        self.openids.insert(key(appid, &openid), user.to_owned());
        openid
    }

    /// Gives a user an openid of its own choice.
    pub(crate) fn set_openid(&mut self, appid: &str, user: &str, openid: &str) {
        let known = self.users.entry(user.to_owned()).or_default();
        known.openids.insert(appid.to_owned(), openid.to_owned());
        self.openids.insert(key(appid, openid), user.to_owned());
    }

    /// Who has this openid. One that nobody has makes a user of that name.
    pub(crate) fn user_of(&mut self, appid: &str, openid: &str) -> String {
        if let Some(user) = self.openids.get(&key(appid, openid)) {
            return user.clone();
        }
        self.set_openid(appid, openid, openid);
        openid.to_owned()
    }

    pub(crate) fn has_too_many_items(&self, user: &str) -> bool {
        self.users.get(user).is_some_and(|user| user.items > MOST_ITEMS)
    }
}

/// Always the same, 28 characters as WeChat's.
fn derived_openid(appid: &str, user: &str) -> String {
    let digest = hex::encode(Md5::digest(format!("{appid}|{user}")));
    let short: String = digest.chars().take(27).collect();
    format!("o{short}")
}
