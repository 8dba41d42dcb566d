"""The history in PostgreSQL: gapless, in order, and hashed as it is stored."""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .psql import Database
from .violations import Violations

EVENTS = """
select position, event_id, category, stream_id, version, type, schema_version,
       (extract(epoch from occurred_at) * 1000000)::bigint, (extract(epoch from recorded_at) * 1000000)::bigint,
       ordinal, encode(convert_to(metadata::text, 'UTF8'), 'hex'), encode(convert_to(payload::text, 'UTF8'), 'hex'),
       encode(content_hash, 'hex')
  from log.event
 order by position"""

RECEIPTS = """
select publisher, command_id, category, stream_id, version, position, array_to_json(event_types)::text, ordinal,
       rejection ->> 'code'
  from log.receipt"""


class Event(NamedTuple):
    """An event, without its content."""

    position: int
    event_id: str
    category: str
    stream_id: str
    version: int
    type: str
    ordinal: int | None
    content_hash: str
    payload_digest: bytes


class Receipt(NamedTuple):
    """The decided outcome of a command, as the store keeps it."""

    category: str
    stream_id: str
    version: int
    position: int
    event_types: list[str]
    ordinal: int | None
    code: str | None


Key = tuple[str, str]


@dataclass
class Log:
    """The whole history, as far as the other checks need it."""

    events: list[Event] = field(default_factory=list)
    by_command: dict[Key, list[Event]] = field(default_factory=lambda: defaultdict(list))
    streams: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    receipts: dict[Key, Receipt] = field(default_factory=dict)
    tickets: dict[str, list[tuple[str, int | None, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))

    def version_at(self, stream: tuple[str, str], position: int) -> int:
        """The version of a stream after the event at a position; 0 before its first."""
        positions = self.streams.get(stream, [])
        low, high = 0, len(positions)
        while low < high:
            middle = (low + high) // 2
            if positions[middle] <= position:
                low = middle + 1
            else:
                high = middle
        return low


def content_hash(
    event_id: str,
    category: str,
    stream_id: str,
    version: int,
    type_: str,
    schema: int,
    occurred_us: int,
    metadata: bytes,
    payload: bytes,
) -> str:
    """SHA-256 over the parts, each after its length as eight bytes; numbers in network order."""
    parts = (
        uuid.UUID(event_id).bytes,
        category.encode(),
        uuid.UUID(stream_id).bytes,
        struct.pack(">Q", version),
        type_.encode(),
        struct.pack(">H", schema),
        struct.pack(">q", occurred_us),
        metadata,
        payload,
    )
    digest = hashlib.sha256()
    for part in parts:
        digest.update(struct.pack(">Q", len(part)) + part)
    return digest.hexdigest()


def _null(text: str) -> int | None:
    return None if text == "\\N" else int(text)


def _rows(database: Database, query: str) -> Iterator[list[str]]:
    for line in database.copy(query):
        yield line.decode().split("\t")


def read(database: Database, violations: Violations) -> Log:
    """Reads the whole history and checks each event on the way."""
    log = Log()
    recorded_before: int | None = None
    ordinals: dict[str, int] = defaultdict(int)
    for row in _rows(database, EVENTS):
        position, version, schema, occurred, recorded = (int(row[index]) for index in (0, 4, 6, 7, 8))
        event_id, category, stream_id, type_, ordinal = row[1], row[2], row[3], row[5], _null(row[9])
        metadata, payload = bytes.fromhex(row[10]), bytes.fromhex(row[11])
        here = f"position {position} ({type_} of {category} {stream_id})"
        expected = len(log.events) + 1
        violations.expect(position == expected, "position_gap", f"{here} stands where {expected} should")
        stream = log.streams[category, stream_id]
        expected = len(stream) + 1
        violations.expect(version == expected, "version_gap", f"{here} has version {version}, not {expected}")
        if recorded_before is not None:
            risen = recorded > recorded_before
            violations.expect(risen, "recorded_at", f"{here} was recorded no later than the one before it")
        recorded_before = recorded
        if ordinal is not None:
            ordinals[type_] += 1
            violations.expect(
                ordinal == ordinals[type_], "ordinal", f"{here} is number {ordinal}, not {ordinals[type_]}"
            )
        violations.expect((ordinal is not None) == (type_ == "TicketOpened"), "ordinal", f"{here}: ordinal {ordinal}")
        hashed = content_hash(event_id, category, stream_id, version, type_, schema, occurred, metadata, payload)
        violations.expect(
            hashed == row[12], "content_hash", f"{here} is stored with {row[12]}, its bytes give {hashed}"
        )
        event = Event(
            position, event_id, category, stream_id, version, type_, ordinal, row[12], hashlib.sha256(payload).digest()
        )
        log.events.append(event)
        stream.append(position)
        caused_by = json.loads(metadata)
        log.by_command[caused_by["publisher"], caused_by["command_id"]].append(event)
        if category == "ticket":
            log.tickets[stream_id].append((type_, ordinal, json.loads(payload)))
    for row in _rows(database, RECEIPTS):
        code = None if row[8] == "\\N" else row[8]
        types = json.loads(row[6])
        log.receipts[row[0], row[1]] = Receipt(row[2], row[3], int(row[4]), int(row[5]), types, _null(row[7]), code)
    _check_receipts(log, violations)
    stored = {type_: int(count) for type_, count in database.rows("select event_type, count from log.ordinal")}
    violations.expect(
        {type_: count for type_, count in stored.items() if count} == dict(ordinals),
        "ordinal",
        f"log.ordinal has {stored}, the events {dict(ordinals)}",
    )
    return log


def _check_receipts(log: Log, violations: Violations) -> None:
    """Events and receipts belong together, whoever sent the command; timers too."""
    for key, events in log.by_command.items():
        receipt = log.receipts.get(key)
        positions = [event.position for event in events]
        if receipt is None:
            violations.add("receipt_missing", f"the events {positions} of command {key} have no receipt")
        elif receipt.code is not None:
            violations.add(
                "rejected_with_events", f"command {key} was rejected ({receipt.code}) and has events {positions}"
            )
    for key, receipt in log.receipts.items():
        if receipt.code is not None:
            continue
        types = [event.type for event in log.by_command.get(key, [])]
        violations.expect(
            types == receipt.event_types,
            "receipt_events",
            f"the receipt of command {key} names {receipt.event_types}, the history has {types}",
        )
