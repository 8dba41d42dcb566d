"""The record of what clients asked and were told: one line of JSON for each operation, written when it ends.

| member | meaning |
|---|---|
| `client`, `op` | who, and the command as `aggregate.command`; `read` for a question to the query API |
| `at_invoke_ns`, `at_answer_ns` | when it began and ended, Unix time |
| `subject`, `body` | where it was sent, and the exact text |
| `publisher`, `command_id`, `id` | as in subject and body, so that the checker need not take them apart |
| `via` | `request`, `twice` (sent twice at once) or `inbox` (the durable way) |
| `outcome` | `accepted`, `rejected` or `unknown` |
| `reply`, `answers` | the first decided answer, and every one that was seen |
| `acked` | whether the durable inbox took it |
| `hot`, `retries`, `anomalies` | whether many clients touch the aggregate; repeats; what no client should see |
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any


class History:
    """Appends operations to a file, and counts them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self.counts: Counter[str] = Counter()

    def record(self, operation: dict[str, Any]) -> None:
        """Writes one operation."""
        if operation["op"] == "read":
            self.counts["reads"] += 1
        else:
            self.counts["invoked"] += 1
            self.counts[operation["outcome"]] += 1
            self.counts["retries"] += operation.get("retries", 0)
        self._file.write(json.dumps(operation, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


def load(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The commands and the reads of a history."""
    commands: list[dict[str, Any]] = []
    reads: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            operation = json.loads(line)
            (reads if operation["op"] == "read" else commands).append(operation)
    return commands, reads
