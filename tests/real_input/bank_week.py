"""One week of real calls as inquiries; the staff that answers them is simulated."""

from __future__ import annotations

import csv
import heapq
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from . import hours
from .carelog import Carelog, command, id_of

# Monday to Friday before the night in which British clocks go forward.
FIRST_DAY = datetime(2003, 3, 24, tzinfo=UTC)
CUSTOMERS = 10_000
AGENTS = 40
CALENDAR, POLICY = id_of("calendar"), id_of("policy")
TARGETS_S = {"P1": 600, "P2": 1_200, "P3": 1_800, "P4": 7_200}
PAUSED_WHILE = "pending"


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def arrivals(data: Path, share: int, chance: random.Random) -> Iterator[datetime]:
    """When the week's calls came in: the intervals are real, the seconds within them are drawn."""
    with (data / "bank_calls.csv").open() as file:
        for row in csv.DictReader(file):
            start = instant(row["interval_start_utc"])
            if FIRST_DAY <= start < FIRST_DAY + timedelta(days=7):
                seconds = sorted(chance.randrange(300) for _ in range(int(row["calls"])))
                yield from (start + timedelta(seconds=second) for second in seconds[::share])


def settings() -> Iterator[dict[str, Any]]:
    """Calendar, policy, agents and customers."""
    yield command("calendar.define", CALENDAR, {"name": "Bank", "hours": hours.definition()})
    targets = {priority: {"first_response_s": s, "total_resolution_s": 20 * s} for priority, s in TARGETS_S.items()}
    terms = {"calendar": CALENDAR, "targets": targets, "pauses": {PAUSED_WHILE: ["first_response", "total_resolution"]}}
    yield command("sla_policy.define", POLICY, {"name": "Calls", "terms": terms})
    for n in range(AGENTS):
        yield command("agent.register", id_of("agent", n), {"name": f"Agent {n}", "capacity": 1_000})
    for n in range(CUSTOMERS):
        yield command("customer.register", id_of("customer", n), {"kind": "person", "display_name": f"Customer {n}"})


@dataclass
class Desk:
    """The simulated staff."""

    chance: random.Random
    waiting: list[tuple[datetime, int, dict[str, Any]]] = field(default_factory=list)
    count: int = 0

    def later(self, at: datetime, name: str, aggregate: str, data: dict[str, Any], agent: int | None = None) -> None:
        """Something happens to an inquiry or a ticket."""
        actor = {} if agent is None else {"actor": {"kind": "agent", "id": id_of("agent", agent)}}
        self.count += 1
        line = command(name, aggregate, data, occurred_at=stamp(at), **actor)
        heapq.heappush(self.waiting, (at, self.count, line))

    def until(self, at: datetime | None) -> Iterator[dict[str, Any]]:
        """What has happened by then, in order."""
        while self.waiting and (at is None or self.waiting[0][0] <= at):
            yield heapq.heappop(self.waiting)[2]

    def minutes(self, low: float, high: float) -> timedelta:
        return timedelta(seconds=round(self.chance.uniform(low * 60, high * 60)))

    def receive(self, number: int, at: datetime) -> None:
        """A call comes in, and what becomes of it."""
        chance, inquiry = self.chance, id_of("inquiry", number)
        customer, agent = id_of("customer", chance.randrange(CUSTOMERS)), chance.randrange(AGENTS)
        is_anonymous = chance.random() < 0.15
        who = {"anonymous": {"phone": f"+4420{number:08}"}} if is_anonymous else {"customer": customer}
        content = {"from": who, "channel": "phone", "subject": f"Call {number}", "body": f"The caller's words, {number}."}
        self.later(at, "inquiry.receive", inquiry, content)
        at += self.minutes(0.2, 4)
        kind = chance.random()
        if kind < 0.1:
            if is_anonymous:
                self.later(at, "inquiry.identify", inquiry, {"customer": customer})
                at += timedelta(seconds=1)
            ticket = id_of("ticket", number)
            matter = {"impact": chance.randint(2, 3), "urgency": chance.randint(1, 4), "type": "question"}
            self.later(at, "inquiry.convert", inquiry, {"ticket": ticket, "sla_policy": POLICY, **matter})
            self.work_on(ticket, at, agent)
        elif kind < 0.85:
            self.later(at, "inquiry.answer", inquiry, {"body": "This is how it works."}, agent)
            self.later(at + self.minutes(0.1, 3), "inquiry.close", inquiry, {"outcome": "answered"})
        else:
            self.later(at, "inquiry.close", inquiry, {"outcome": "no_reply"})

    def work_on(self, ticket: str, at: datetime, agent: int) -> None:
        """A ticket's life: some wait for the customer, some change their priority, some are never answered."""
        chance = self.chance
        if chance.random() < 0.2:
            self.later(at + self.minutes(0.5, 15), "ticket.add_note", ticket, {"body": "Seen."}, agent)
        if chance.random() < 0.1:
            self.later(at + self.minutes(0.5, 15), "ticket.reply", ticket, {"body": "A draft.", "public": False}, agent)
        if chance.random() < 0.3:
            change = {"impact": chance.randint(2, 3), "urgency": chance.randint(1, 4)}
            self.later(at + self.minutes(0.5, 25), "ticket.change_priority", ticket, change)
        at += timedelta(seconds=round(chance.expovariate(1 / 1_500)))
        if chance.random() < 0.25:
            self.later(at, "ticket.await_customer", ticket, {"reason": "account number"}, agent)
            at += self.minutes(5, 60 * 70 if chance.random() < 0.2 else 120)
            self.later(at, "ticket.receive_customer_reply", ticket, {"body": "Here it is."})
            at += self.minutes(1, 40)
        at += timedelta(minutes=26)
        if chance.random() < 0.95:
            self.later(at - self.minutes(0, 25), "ticket.reply", ticket, {"body": "Solved.", "public": True}, agent)
        resolution = {"code": "assistance", "root_cause": "a question"}
        self.later(at + self.minutes(1, 300), "ticket.resolve", ticket, resolution, agent)


def commands(data: Path, share: int, seed: int) -> Iterator[dict[str, Any]]:
    """All commands, in the order in which things happened."""
    chance = random.Random(seed)
    desk = Desk(chance)
    for number, at in enumerate(arrivals(data, share, random.Random(seed + 1))):
        yield from desk.until(at)
        desk.receive(number, at)
    yield from desk.until(None)


@dataclass
class FirstResponse:
    """A first-response clock, followed from the bare facts of a ticket's life."""

    target: timedelta
    since: datetime | None
    elapsed: timedelta = timedelta()
    breached_at: datetime | None = None
    has_ended: bool = False

    def stop_counting(self, at: datetime) -> None:
        if self.since is None:
            return
        ran, left = hours.between(self.since, at), self.target - self.elapsed
        # A clock that ends at the very instant at which it is due is breached.
        if self.breached_at is None and ran >= left:
            self.breached_at = hours.after(self.since, left)
        self.elapsed, self.since = self.elapsed + ran, None

    def retarget(self, target_s: int, at: datetime) -> None:
        was_running = self.since is not None
        self.stop_counting(at)
        self.since = at if was_running else None
        self.target = timedelta(seconds=target_s)
        if self.breached_at is None and self.target <= self.elapsed:
            self.breached_at = at


def expected(events: list[dict[str, Any]]) -> FirstResponse:
    """The clock as it must have ended."""
    clock = None
    for event in events:
        kind, data, at = event["type"], event["data"], instant(event["occurred_at"])
        if kind == "TicketOpened":
            clock = FirstResponse(timedelta(seconds=TARGETS_S[data["priority"]]), at)
            continue
        assert clock is not None, "a ticket begins with its opening"
        if clock.has_ended:
            continue
        if kind == "TicketPrioritized" and data["to"] != data["from"]:
            clock.retarget(TARGETS_S[data["to"]], at)
        elif kind == "TicketAwaitingCustomer":
            clock.stop_counting(at)
        elif kind in ("CustomerReplied", "TicketResumed") and clock.since is None:
            clock.since = at
        elif kind == "TicketResolved" or (kind == "AgentReplied" and data["public"]):
            clock.stop_counting(at)
            clock.has_ended = True
    assert clock is not None, "a ticket has events"
    return clock


def told(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The clock's last reading in the history."""
    reading: dict[str, Any] = {}
    for event in events:
        clocks = event["data"].get("clocks", {}) if event["type"].startswith("Sla") else {}
        changed = clocks.get("first_response", {})
        reading = changed.get("reading", changed) or reading
    return reading


def differences(ticket: str, events: list[dict[str, Any]]) -> list[str]:
    """What the history tells otherwise than it is computed here."""
    want, have = expected(events), told(events)
    breached_at = instant(have["breached_at"]) if "breached_at" in have else None
    met = [event for event in events if event["type"] == "SlaMet" and event["data"]["clock"] == "first_response"]
    pairs = {
        "motion": ("ended" if want.has_ended else "counting", "ended" if have["motion"] == "ended" else "counting"),
        "target_s": (want.target.total_seconds(), have["target_s"]),
        "elapsed_s": (want.elapsed.total_seconds(), have["elapsed_s"]),
        "breached_at": (want.breached_at, breached_at),
        "met": (want.has_ended and want.breached_at is None, len(met) == 1),
    }
    return [f"{ticket} {name}: {w} is told as {h}" for name, (w, h) in pairs.items() if w != h]


def run(carelog: Carelog, data: Path, share: int, seed: int) -> list[str]:
    """Sends the week and compares; returns what differs."""
    carelog.send(settings(), "calendar, policy, agents, customers")
    carelog.send(commands(data, share, seed), "a week of calls")
    carelog.settle()
    calls = sum(1 for _ in arrivals(data, share, random.Random(seed + 1)))
    counted = carelog.get("/v1/inquiries/summary")["total"]
    tickets: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in carelog.history("--category", "ticket"):
        tickets[event["aggregate_id"]].append(event)
    found = [] if counted == calls else [f"{calls} calls are {counted} inquiries"]
    for ticket, events in tickets.items():
        found += differences(ticket, events)
    clocks = [expected(events) for events in tickets.values()]
    breached = sum(clock.breached_at is not None for clock in clocks)
    print(
        f"{calls:,} inquiries; {len(tickets):,} first-response clocks, {breached:,} of them breached; "
        f"{len(found)} differences",
        flush=True,
    )
    return found
