//! Commands that are not as the contract asks for.

use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};

use super::Generator;
use crate::reference::{Ask, Flaw};

impl Generator {
    /// Makes one thing wrong with a message; it may happen to stay valid.
    pub(super) fn spoil(&mut self, ask: &mut Ask) {
        match self.below(40) {
            0 => ask.flaw = Flaw::Broken,
            1 => ask.flaw = Flaw::Doubled,
            2 => ask.flaw = Flaw::Deep,
            3 if self.chance(0.1) => ask.flaw = Flaw::Large,
            4 => ask.flaw = Flaw::Unknown,
            5..8 => ask.name = "do_nothing",
            8 => ask.actor_id = " ".to_owned(),
            9 => (ask.actor_kind, ask.actor_id) = ("agent", "Anna".to_owned()),
            10 => ask.data = json!([]),
            11..15 => {
                ask.data["more"] = json!(1);
            }
            15..22 => {
                let keys: Vec<String> =
                    ask.data.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
                if let (Some(key), Some(object)) = (keys.choose(&mut self.random), ask.data.as_object_mut()) {
                    object.remove(key);
                }
            }
            _ => self.replace(&mut ask.data),
        }
    }

    /// Replaces a value of an object, or of an object in it, by one that most likely does not fit.
    fn replace(&mut self, data: &mut Value) {
        let wrong = [
            json!(""),
            json!("x".repeat(400)),
            json!("not an id"),
            json!("a\u{7}"),
            json!(-1),
            json!(99),
            json!(5_000_000),
            json!(1.5),
            json!(true),
            json!([]),
            json!({}),
        ];
        let wrong = wrong.choose(&mut self.random).cloned().unwrap_or_default();
        let keys: Vec<String> = data.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
        let Some(key) = keys.choose(&mut self.random) else { return };
        if data[key].is_object() && self.chance(0.7) {
            self.replace(&mut data[key]);
        } else {
            data[key] = wrong;
        }
    }
}
