//! How many events to read at once: many small ones, few large ones.

use domain::envelope::RecordedEvent;

const EVENTS_MAX: u32 = 1_000;
/// What a page should have at most. One page may have more where events suddenly grow.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// So many of the largest events are still bearable, before anything is known about them.
const EVENTS_FIRST: u32 = 64;

/// The size of the next page, from what the last one held.
pub(super) struct PageSize {
    events: u32,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { events: EVENTS_FIRST }
    }
}

impl PageSize {
    /// How many events to read.
    pub(super) const fn events(&self) -> u32 {
        self.events
    }

    /// Takes note of a page. The size shrinks at once and grows step by step.
    pub(super) fn learn(&mut self, page: &[RecordedEvent]) {
        self.learn_bytes(page.len(), page.iter().map(|event| event.payload.len()).sum());
    }

    fn learn_bytes(&mut self, events: usize, bytes: usize) {
        if let Some(event_bytes) = bytes.checked_div(events) {
            let fitting = u32::try_from(BYTES_MAX / event_bytes.max(1)).unwrap_or(EVENTS_MAX);
            self.events = fitting.min(self.events.saturating_mul(4)).clamp(1, EVENTS_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_small_events_grow_to_the_most_and_shrink_at_once_for_large_ones() {
        let mut size = PageSize::default();
        let sizes: Vec<u32> = (0..4)
            .map(|_| {
                size.learn_bytes(10, 5_000);
                size.events()
            })
            .collect();
        assert_eq!(sizes, [256, 1_000, 1_000, 1_000]);
        size.learn_bytes(10, 10 * 512 * 1024);
        assert_eq!(size.events(), 16);
        size.learn_bytes(1, 100 * 1024 * 1024);
        assert_eq!(size.events(), 1);
        size.learn_bytes(0, 0);
        assert_eq!(size.events(), 1);
    }
}
