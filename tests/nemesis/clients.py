"""Clients that record what they were told. A time-out or a 503 means unknown: they ask again with the same command id,
a bounded number of times."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client as Connection

from . import http
from .commands import Command, World, cast, next_command
from .history import History

ATTEMPTS_MAX = 12
ATTEMPT_S = 2.5
BUDGET_S = 25.0
PASSING = (nats.errors.Error, OSError, TimeoutError)
PLURALS = {"ticket": "tickets", "customer": "customers", "transaction": "transactions"}


async def connect(url: str) -> Connection:
    """A connection that comes back by itself. Its troubles are what the run is about, so they are not logged."""

    async def silent(_: Exception) -> None:
        return

    return await nats.connect(
        url,
        error_cb=silent,
        connect_timeout=2,
        reconnect_time_wait=0.1,
        max_reconnect_attempts=-1,
        ping_interval=2,
        max_outstanding_pings=2,
    )


@dataclass
class Answers:
    """What came back for one command id."""

    decided: list[dict[str, Any]] = field(default_factory=list)
    anomalies: list[str] = field(default_factory=list)
    retries: int = 0
    acked: bool = False

    def take(self, payload: bytes) -> bool:
        """Takes in an answer; says whether the command is decided."""
        try:
            reply = json.loads(payload)
            outcome = reply["outcome"]
        except (ValueError, KeyError, TypeError):
            self.anomalies.append(f"not an answer: {payload[:200]!r}")
            return False
        if outcome == "rejected" and reply.get("status") == 503:
            if reply.get("code") not in ("overloaded", "unavailable", "deadline_passed"):
                self.anomalies.append(f"a 503 with the code {reply.get('code')}")
            return False
        if outcome not in ("accepted", "rejected") or reply.get("status", 0) >= 500:
            self.anomalies.append(f"not an answer: {payload[:200]!r}")
            return False
        self.decided.append(reply)
        return True


class Client:
    """One client with a connection of its own."""

    def __init__(self, name: str, url: str, prefix: str, world: World, history: History, ports: list[int]) -> None:
        self.name = name
        self._url = url
        self._prefix = prefix
        self._world = world
        self._history = history
        self._ports = ports
        self._chance = random.Random(world.chance.getrandbits(64))
        self._nc: Connection | None = None

    async def open(self) -> None:
        self._nc = await connect(self._url)

    async def close(self) -> None:
        """Closes without draining: what waits for a reconnect is not sent any more."""
        if self._nc is not None:
            try:
                await asyncio.wait_for(self._nc.close(), 5)
            except PASSING:
                pass

    def _subject(self, kind: str, command: Command) -> str:
        return f"{self._prefix}.{kind}.{command.publisher}.{command.aggregate}.{command.name}"

    async def perform(
        self, command: Command, via: str = "request", attempts_max: int = ATTEMPTS_MAX, attempt_s: float = ATTEMPT_S
    ) -> Answers:
        """Sends a command until it is decided or given up, and records it."""
        body = command.body()
        answers = Answers()
        begun = time.time_ns()
        subject = self._subject("inbox" if via == "inbox" else "command", command)
        if via == "inbox":
            await self._by_inbox(command, subject, body, answers)
        else:
            await self._by_request(subject, body, answers, 2 if via == "twice" else 1, attempts_max, attempt_s)
        first = self.record(command, subject, body, via, begun, answers)
        if first is not None and first["outcome"] == "accepted":
            self._world.learn(command, first)
            if command.aggregate in PLURALS and self._chance.random() < 0.1:
                await self._read_back(command, first)
        return answers

    def record(
        self, command: Command, subject: str, body: str, via: str, begun: int, answers: Answers
    ) -> dict[str, Any] | None:
        """Writes an operation that has ended into the history, and gives its first decided answer."""
        first = answers.decided[0] if answers.decided else None
        self._history.record(
            {
                "client": self.name,
                "op": f"{command.aggregate}.{command.name}",
                "at_invoke_ns": begun,
                "at_answer_ns": time.time_ns(),
                "subject": subject,
                "body": body,
                "publisher": command.publisher,
                "command_id": command.command_id,
                "id": command.id,
                "via": via,
                "outcome": first["outcome"] if first else "unknown",
                "reply": first,
                "answers": answers.decided,
                "acked": answers.acked,
                "hot": command.hot,
                "retries": answers.retries,
                "anomalies": answers.anomalies,
            }
        )
        return first

    async def tell_nobody(self, command: Command) -> None:
        """Sends a command whose answer nobody waits for."""
        subject, body, begun = self._subject("command", command), command.body(), time.time_ns()
        try:
            await self.connection.publish(subject, body.encode(), reply=f"_INBOX.nobody.{command.command_id}")
        except PASSING:
            pass
        self.record(command, subject, body, "request", begun, Answers())

    @property
    def connection(self) -> Connection:
        """The open connection."""
        assert self._nc is not None
        return self._nc

    async def _by_request(
        self, subject: str, body: str, answers: Answers, copies: int, attempts_max: int, attempt_s: float
    ) -> None:
        deadline = time.monotonic() + BUDGET_S
        for attempt in range(attempts_max):
            if attempt > 0:
                answers.retries += 1
                await asyncio.sleep(min(0.05 * 2**attempt, 1.0) * self._chance.uniform(0.5, 1))
            sent = [self._request(subject, body, attempt_s) for _ in range(copies if attempt == 0 else 1)]
            taken = [answers.take(payload) for payload in await asyncio.gather(*sent) if payload is not None]
            if any(taken) or time.monotonic() >= deadline:
                return

    async def _request(self, subject: str, body: str, attempt_s: float) -> bytes | None:
        try:
            return (await self.connection.request(subject, body.encode(), timeout=attempt_s)).data
        except PASSING:
            return None

    async def _by_inbox(self, command: Command, subject: str, body: str, answers: Answers) -> None:
        """Publishes to the durable inbox until it is acknowledged there, and asks the query API for the outcome."""
        for _ in range(4):
            try:
                await self.connection.jetstream().publish(subject, body.encode(), timeout=2)
                answers.acked = True
                break
            except PASSING:
                answers.retries += 1
                await asyncio.sleep(0.2)
        deadline = time.monotonic() + BUDGET_S
        path = f"/v1/commands/{command.publisher}/{command.command_id}"
        pause_s = 0.05
        while answers.acked and time.monotonic() < deadline:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 1.0)
            try:
                found = await http.get(self._chance.choice(self._ports), path)
            except http.NoAnswer:
                continue
            if found.status == 200 and answers.take(found.body):
                return
            if found.status not in (200, 404, 503):
                answers.anomalies.append(f"GET {path} gave {found.status} {found.body[:200]!r}")

    async def _read_back(self, command: Command, reply: dict[str, Any]) -> None:
        """A client reads its own write: at its position or later, or is told that it is not there yet."""
        path = f"/v1/{PLURALS[command.aggregate]}/{command.id}"
        begun = time.time_ns()
        try:
            found = await http.get(self._chance.choice(self._ports), path, {"Carelog-Min-Position": reply["position"]})
        except http.NoAnswer:
            return
        version = found.json().get("version") if found.status == 200 else None
        self._history.record(
            {
                "client": self.name,
                "op": "read",
                "at_invoke_ns": begun,
                "at_answer_ns": time.time_ns(),
                "subject": path,
                "min_position": reply["position"],
                "position": int(found.headers.get("carelog-position", "0")),
                "status": found.status,
                "version": version,
                "version_min": reply["version"],
            }
        )

    async def work(self, stop: asyncio.Event, pause_s: float) -> None:
        """Sends one command after the other until it is told to stop."""
        while not stop.is_set():
            via = self._chance.choices(["request", "twice", "inbox"], [80, 12, 8])[0]
            # Some give up at once, as services do that crash: their outcome stays unknown.
            attempts_max = 1 if self._chance.random() < 0.03 else ATTEMPTS_MAX
            await self.perform(next_command(self._world), via, attempts_max)
            if pause_s > 0:
                await asyncio.sleep(self._chance.expovariate(1 / pause_s))


async def set_up_cast(client: Client, world: World) -> None:
    """Makes the first customers, agents, teams and tickets; all must be accepted."""
    for command in cast(world):
        if not (await client.perform(command)).decided:
            raise OSError(f"{command.aggregate}.{command.name} was not decided: the system does not work")
    for _ in range(8):
        await client.perform(next_command(world))
