//! Groups: commands of a batch that must go in or be refused together, because one used what the other changed.

use std::collections::HashMap;
use std::hash::Hash;

/// Unites commands by the things that they change and use. Commands are numbered from 0 in the order of the batch.
pub(super) struct Groups<R> {
    parent: Vec<usize>,
    changed_by: HashMap<R, usize>,
}

impl<R: Eq + Hash> Groups<R> {
    pub(super) fn new(commands: usize) -> Self {
        Self { parent: (0..commands).collect(), changed_by: HashMap::new() }
    }

    /// A command used (read, wrote, claimed, was rejected on) a thing.
    pub(super) fn used(&mut self, command: usize, thing: &R) {
        if let Some(changer) = self.changed_by.get(thing).copied() {
            let (a, b) = (self.group(changer), self.group(command));
            if let Some(parent) = self.parent.get_mut(a.max(b)) {
                *parent = a.min(b);
            }
        }
    }

    /// A command changed a thing.
    pub(super) fn changed(&mut self, command: usize, thing: R) {
        self.used(command, &thing);
        self.changed_by.insert(thing, command);
    }

    /// The group of a command: the number of its first command.
    pub(super) fn group(&mut self, command: usize) -> usize {
        let mut root = command;
        while let Some(parent) = self.parent.get(root).copied().filter(|parent| *parent != root) {
            root = parent;
        }
        if let Some(parent) = self.parent.get_mut(command) {
            *parent = root;
        }
        root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_only_read_the_same_thing_stay_apart() {
        let mut groups = Groups::new(2);
        groups.used(0, &"customer");
        groups.used(1, &"customer");
        assert_ne!(groups.group(0), groups.group(1));
    }

    #[test]
    fn a_command_joins_those_whose_changes_it_used_and_their_groups() {
        let mut groups = Groups::new(4);
        groups.changed(0, "a");
        groups.changed(1, "b");
        groups.used(2, &"a");
        groups.used(2, &"b");
        groups.changed(3, "c");
        assert_eq!([0, 1, 2, 3].map(|command| groups.group(command)), [0, 0, 0, 3]);
    }
}
