"""What was found wrong, in sentences: all of it is counted, the first of each kind are kept in full."""

from __future__ import annotations

from collections import Counter

KEPT_MAX = 20


class Violations:
    """Collects sentences by kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.sentences: list[str] = []

    def add(self, kind: str, sentence: str) -> None:
        """Counts a violation; of each kind the first ones are kept."""
        self.counts[kind] += 1
        if self.counts[kind] <= KEPT_MAX:
            self.sentences.append(f"{kind}: {sentence}")

    def expect(self, holds: bool, kind: str, sentence: str) -> None:
        """Adds a violation unless the condition holds."""
        if not holds:
            self.add(kind, sentence)

    def all(self) -> list[str]:
        """The sentences, and how many were not kept."""
        more = [f"{kind}: … and {count - KEPT_MAX} more" for kind, count in self.counts.items() if count > KEPT_MAX]
        return self.sentences + more
