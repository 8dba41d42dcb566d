//! What is counted of a batch: places of commands, numbers of counted events.

use super::Batch;

/// What a batch's rows say of their neighbours.
#[derive(Default)]
pub(super) struct Counts<'a> {
    pub(super) commands: Vec<CommandCounts<'a>>,
    /// The number of each event among those of its type in the batch, if it is counted.
    pub(super) numbers: Vec<Option<i64>>,
    /// The counted types, and how many events there are of each.
    pub(super) types: Vec<(&'a str, i64)>,
}

pub(super) struct CommandCounts<'a> {
    /// How many events there are up to and with its own.
    pub(super) place: i64,
    /// The types of its events, in order.
    pub(super) types: Vec<&'a str>,
    /// Which counted type is among them, and the number of the last of its events; no command has two such types.
    pub(super) counted: Option<(usize, i64)>,
}

impl<'a> Counts<'a> {
    pub(super) fn of(batch: &'a Batch) -> Self {
        let mut counts = Self::default();
        let mut events = batch.events.iter().peekable();
        let mut place = 0;
        for command in 0..batch.commands.len() {
            let mut types = Vec::new();
            let mut counted = None;
            while let Some(event) = events.next_if(|event| event.command == command) {
                place += 1;
                types.push(event.event_type.as_str());
                let number = event.counted.then(|| counts.next_number(&event.event_type));
                counts.numbers.push(number.map(|(_, number)| number));
                counted = number.or(counted);
            }
            counts.commands.push(CommandCounts { place, types, counted });
        }
        counts
    }

    fn next_number(&mut self, event_type: &'a str) -> (usize, i64) {
        let known = self.types.iter().position(|(name, _)| *name == event_type);
        let counted = known.unwrap_or(self.types.len());
        if known.is_none() {
            self.types.push((event_type, 0));
        }
        let number = self.types.get_mut(counted).map_or(0, |(_, count)| {
            *count += 1;
            *count
        });
        (counted, number)
    }

    pub(super) fn counted_type(&self, counts: &CommandCounts<'_>) -> Option<&'a str> {
        self.types.get(counts.counted?.0).map(|(name, _)| *name)
    }
}
