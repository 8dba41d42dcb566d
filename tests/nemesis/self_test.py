"""A test of the checker: a healthy run, then one thing after the other altered behind its back. Each must be named by a
violation of the kind that is expected, and what is as it was recorded must give none."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import check as checker
from .check_history import PERHAPS_DECIDED, UNDECIDED
from .clients import connect
from .processes import until
from .psql import Database
from .running import PREFIX, Run, Scenario
from .violations import Violations

# How many commands must have been accepted, and rejected a tenth of them.
WORK = 300
NOBODY = "00000000-0000-4000-8000-000000000000"
Operation = dict[str, Any]


class Doctor:
    """Alters the history of a run that has ended well, or its database, and looks at what the checker says."""

    def __init__(self, run: Run, program: str) -> None:
        self._run = run
        self._program = program
        self.operations: list[Operation] = [json.loads(line) for line in run.history.path.read_text().splitlines()]
        self.cases = 0
        self.faults: list[str] = []

    async def _look(self, operations: list[Operation]) -> Violations:
        file = self._run.directory / "doctored.ndjson"
        file.write_text("".join(json.dumps(operation) + "\n" for operation in operations))
        servers = self._run.servers
        violations, _ = await checker.check(
            file, servers.postgres.url, servers.nats.url, PREFIX, Path(self._program), self._run.seed, True
        )
        return violations

    async def expect(self, what: str, kinds: set[str], operations: list[Operation] | None = None) -> None:
        """Has the checker look: it must find violations of each kind; none at all, if no kind is given."""
        self.cases += 1
        violations = await self._look(self.operations if operations is None else operations)
        found = dict(violations.counts)
        good = kinds <= found.keys() if kinds else not found
        told = "; ".join(f"{count} {kind}" for kind, count in found.items()) or "nothing"
        print(f"self-test: {'ok    ' if good else 'MISSED'} {what}: {told}", flush=True)
        if not good:
            found = violations.all()[:5]
            self.faults.append(f"{what}: expected was {sorted(kinds) or 'nothing'}, found {found or 'nothing'}")

    async def told(self, what: str, kind: str, index: int, alter: Callable[[Operation], None]) -> None:
        """With one operation of the history altered."""
        operations = copy.deepcopy(self.operations)
        alter(operations[index])
        await self.expect(f"history: {what}", {kind} if kind else set(), operations)

    async def stored(self, what: str, kinds: set[str], deed: str) -> None:
        """With the log altered by a statement, past the triggers that protect it; then it is put back."""
        database = self._run.database
        with _kept(database):
            database.rows(f"begin; set session_replication_role = replica; {deed}; commit")
            await self.expect(f"log: {what}", kinds)

    def first(self, holds: Callable[[Operation], bool]) -> int:
        """The middle one of the operations of a sort, by its place."""
        places = [place for place, operation in enumerate(self.operations) if holds(operation)]
        if not places:
            raise OSError("the healthy run has no operation of a sort that the test needs")
        return places[len(places) // 2]


KEPT = ("event", "receipt", "ordinal")


@contextmanager
def _kept(database: Database) -> Iterator[None]:
    """Puts the log back as it was."""
    copies = "; ".join(f"create table public.{name} as select * from log.{name}" for name in KEPT)
    database.rows(f"begin; {copies}; commit")
    try:
        yield
    finally:
        back = "; ".join(
            f"delete from log.{name}; insert into log.{name} select * from public.{name}; drop table public.{name}"
            for name in KEPT
        )
        database.rows(f"begin; set session_replication_role = replica; {back}; commit")


def _decided(outcome: str) -> Callable[[Operation], bool]:
    return lambda operation: operation.get("outcome") == outcome and operation["op"] != "read"


def _with_events(operation: Operation) -> bool:
    return _decided("accepted")(operation) and bool(operation["reply"]["events"])


async def _history(doctor: Doctor) -> None:
    """What clients were told is altered."""
    accepted, rejected = doctor.first(_with_events), doctor.first(_receipted)
    read = doctor.first(lambda operation: operation["op"] == "read" and operation["status"] == 200)
    types = doctor.operations[accepted]["reply"]["events"]

    def reply(**members: Any) -> Callable[[Operation], None]:
        return lambda operation: operation["reply"].update(members)

    def operation(**members: Any) -> Callable[[Operation], None]:
        return lambda operation: operation.update(members)

    as_accepted = {"outcome": "accepted", "position": 5, "version": 1, "events": ["TicketTagged"]}

    def accept(operation: Operation) -> None:
        ids = {"command_id": operation["command_id"], "id": operation["id"]}
        operation.update(outcome="accepted", reply={**as_accepted, **ids}, answers=[])

    def answer_otherwise(operation: Operation) -> None:
        operation["answers"].append({**operation["answers"][0], "version": 99})

    at = doctor.operations[accepted]["reply"]["position"]
    await doctor.told("another position", "accepted_events", accepted, reply(position=at + 1))
    await doctor.told("one event more", "accepted_events", accepted, reply(events=[*types, "TicketTagged"]))
    await doctor.told("another version", "reply_version", accepted, reply(version=77))
    await doctor.told("another aggregate", "reply", accepted, reply(id=NOBODY))
    as_rejected = {"outcome": "rejected", "code": "not_found"}
    refuse = operation(outcome="rejected", reply=as_rejected, answers=[])
    await doctor.told("accepted told as rejected", "rejected_with_events", accepted, refuse)
    await doctor.told("rejected told as accepted", "accepted_lost", rejected, accept)
    await doctor.told("rejected for another reason", "receipt_differs", rejected, reply(code="not_found_at_all"))
    await doctor.told("accepted under another id", "accepted_lost", accepted, operation(command_id=NOBODY))
    await doctor.told("two answers", "answers_differ", accepted, answer_otherwise)
    await doctor.told("an answer that is none", "answer", accepted, operation(anomalies=["not an answer"]))
    lost = operation(command_id=NOBODY, outcome="unknown", reply=None, answers=[], acked=True)
    await doctor.told("taken by the inbox, never decided", "inbox_lost", rejected, lost)
    stale = operation(version=doctor.operations[read]["version_min"] - 1)
    await doctor.told("a stale read", "stale_read", read, stale)
    unknown = operation(outcome="unknown", reply=None, answers=[])
    await doctor.told("accepted told as unknown, which is right", "", accepted, unknown)
    without = [one for place, one in enumerate(doctor.operations) if place != accepted]
    await doctor.expect("history: a command that nobody sent", {"from_nowhere"}, without)


def _receipted(operation: Operation) -> bool:
    return _decided("rejected")(operation) and operation["reply"]["code"] not in UNDECIDED | PERHAPS_DECIDED


AT_MIDDLE = "position = (select max(position) / 2 from log.event)"
ITS_RECEIPT = f"""(publisher, command_id) = (
    select metadata ->> 'publisher', (metadata ->> 'command_id')::uuid from log.event where {AT_MIDDLE})"""
AT_LAST = "position = (select max(position) from log.event)"
REJECTS = "rejection = json_build_object('code', 'not_found')"
HIGHEST = "ordinal = (select max(ordinal) from log.event)"

# What is altered, what the checker calls it, and how it is done.
LOG = [
    ("a payload", "content_hash", f"update log.event set payload = (payload::text || ' ')::json where {AT_MIDDLE}"),
    ("a hash", "content_hash", f"update log.event set content_hash = sha256('x') where {AT_MIDDLE}"),
    ("a time", "recorded_at", f"update log.event set recorded_at = recorded_at - interval '1 h' where {AT_MIDDLE}"),
    ("a ticket's number", "ordinal", f"update log.event set ordinal = ordinal + 1 where {HIGHEST}"),
    ("a version", "version_gap", f"update log.event set version = version + 100 where {AT_MIDDLE}"),
    ("a receipt is gone", "receipt_missing", f"delete from log.receipt where {ITS_RECEIPT}"),
    ("a receipt's events", "receipt_events", f"update log.receipt set event_types = '{{X,X}}' where {ITS_RECEIPT}"),
    ("a receipt rejects", "rejected_with_events", f"update log.receipt set {REJECTS} where {ITS_RECEIPT}"),
    ("a receipt's position", "receipt_differs", f"update log.receipt set position = position + 1 where {ITS_RECEIPT}"),
    ("an event is gone", "position_gap", f"delete from log.event where {AT_MIDDLE}"),
    ("the last event is gone", "stream_end", f"delete from log.event where {AT_LAST}"),
]


async def _log(doctor: Doctor) -> None:
    """The history in PostgreSQL is altered, past its triggers."""
    for what, kind, deed in LOG:
        await doctor.stored(what, {kind}, deed)


async def _models(doctor: Doctor, run: Run) -> None:
    """Read models are altered; the checker's own rebuild mends them."""
    database = run.database
    present = "to_position = 9223372036854775807"

    def table(view: str) -> str:
        """The table that a view shows: of the last generation."""
        found = database.rows(
            "select table_name from information_schema.view_table_usage"
            f" where view_schema = 'read' and view_name = '{view}' and table_schema = 'read'"
        )
        return f'read."{found[0][0]}"'

    one = f"(select key from read.ticket where {present} and status <> 'closed' limit 1)"
    database.rows(f"update {table('ticket')} set status = 'closed' where {present} and key = {one}")
    await doctor.expect("model: a ticket's status", {"model_differs", "rebuild_differs"})
    one = "(select min(key::text) from read.customer)::uuid"
    database.rows(f"delete from {table('customer')} where {present} and key = {one}")
    await doctor.expect("model: a customer is gone", {"model_differs", "rebuild_differs"})
    database.rows(f"update {table('team')} set version = version + 1 where {present}")
    await doctor.expect("model: a team's version", {"rebuild_differs"})
    last = "(select max(position) from read.ticket_fact)"
    database.rows(f"update {table('ticket_fact')} set n1 = n1 + 1 where position = {last}")
    await doctor.expect("model: a count", {"rebuild_differs"})
    database.rows("update read.checkpoint set position = position - 1 where model = 'team'")
    await doctor.expect("model: one that is behind", {"model_behind"})
    # A rebuild does not mend this: to it, another event at the position is another history.
    database.rows("update read.checkpoint set position = position + 1 where model = 'team'")
    database.rows("update read.checkpoint set blocked = 'it is' where model = 'team'")
    await doctor.expect("model: one that is blocked", {"model_blocked"})
    database.rows(f"insert into read.parked (model, key, position, error) values ('team', '{NOBODY}', 3, 'x')")
    await doctor.expect("model: a parked row", {"model_parked"})
    database.rows("delete from read.parked")


async def _rest(doctor: Doctor, run: Run) -> None:
    """A connection left inside a transaction, a command set aside, a message that no relay has published."""
    session = await run.database.session()
    await session.rows("begin", 5)
    # The checker sees one that has been idle for a second.
    idle = "select 1 from pg_stat_activity where state = 'idle in transaction' and state_change < now() - interval '1.1 s'"
    await until(lambda: bool(run.database.rows(idle)), 10, "a connection idle in a transaction")
    await doctor.expect("a connection is idle in a transaction", {"idle_in_transaction"})
    await session.close()
    run.database.rows("insert into log.dead_letter (subject, code, detail, sealed) values ('x', 'malformed', 'x', 'x')")
    await doctor.expect("a durable command was set aside", {"dead_letter"})
    run.database.rows("delete from log.dead_letter")
    await doctor.expect("untouched, at last", set())
    # From here on the models are ahead of the history that is put back.
    doubled = """insert into log.event
        select (select max(position) + 1 from log.event), gen_random_uuid(), e.category, e.stream_id,
               (select max(version) + 1 from log.event x where x.stream_id = e.stream_id), e.type, e.schema_version,
               e.occurred_at, clock_timestamp(), null, e.metadata, e.payload, e.content_hash
          from log.event e where position = (select max(position) / 2 from log.event)"""
    await doctor.stored("a command that took effect twice", {"receipt_events", "stream_end"}, doubled)
    connection = await connect(run.servers.nats.url)
    await connection.jetstream().publish(f"{PREFIX}.event.ticket.TicketOpened", b'{"a": 1}')
    await connection.close()
    await doctor.expect("stream: a message that is no event", {"stream_end", "stream_event"})


async def _work_a_while(run: Run, _: int) -> None:
    """No fault: the clients work, and that is all."""
    counts = run.history.counts
    await until(lambda: counts["accepted"] >= WORK and counts["rejected"] >= WORK // 10, 60, "work to look at")


async def _examine(run: Run, result: dict[str, Any]) -> list[str]:
    # The checker has the program rebuild the models.
    os.environ.update(run.environment)
    # Nobody mends meanwhile what is altered: neither a projector nor a relay.
    await run.supervisor.stop(("projector", "relay"))
    doctor = Doctor(run, os.environ["CARELOG_BIN"])
    await doctor.expect("untouched", set())
    await _history(doctor)
    await _log(doctor)
    await _models(doctor, run)
    await _rest(doctor, run)
    result["cases"] = doctor.cases
    return doctor.faults


SELF_TEST = Scenario("self-test", full=0, short=0, inject=_work_a_while, clients=8, examine=_examine)
