//! The shortest way to a mismatch that can be found with bounded effort.

use super::message;
use super::pure::{Pair, Step};
use crate::reference::Altered;

/// How many times the commands are tried again.
const TRIES_MAX: usize = 1_500;

/// Where and how a list of commands fails, if it does.
fn failure(steps: &[Step], altered: Option<Altered>) -> Option<(usize, String)> {
    let mut pair = Pair::new(altered);
    steps.iter().enumerate().find_map(|(index, step)| pair.step(step).err().map(|told| (index, told)))
}

/// Leaves out what is not needed: first in large pieces, then one by one.
fn shortened(mut steps: Vec<Step>, altered: Option<Altered>) -> Vec<Step> {
    let mut tries = 0;
    let mut piece = steps.len().div_ceil(2);
    while piece > 0 {
        let mut start = 0;
        while start < steps.len() && tries < TRIES_MAX {
            let mut fewer = steps.clone();
            fewer.drain(start..(start + piece).min(steps.len()));
            tries += 1;
            match failure(&fewer, altered) {
                Some((index, _)) => {
                    fewer.truncate(index + 1);
                    steps = fewer;
                }
                None => start += piece,
            }
        }
        piece /= 2;
    }
    steps
}

/// The mismatch with the commands that lead to it.
pub(crate) fn told(steps: Vec<Step>, altered: Option<Altered>) -> String {
    let steps = shortened(steps, altered);
    let mut text = String::new();
    for Step { ask, now } in &steps {
        text += &format!(
            "  at {} {}.{} {}\n",
            message::written(*now),
            ask.aggregate,
            ask.name,
            String::from_utf8_lossy(&message::bytes(ask)).chars().take(1_200).collect::<String>(),
        );
    }
    match failure(&steps, altered) {
        Some((_, failure)) => text + &failure,
        None => text + "it does not fail again",
    }
}
