"""A running system under torture, as a scenario sees it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .clients import Client
from .commands import World
from .history import History
from .psql import Database
from .roles import Supervisor
from .servers import Servers
from .volume import Volume

PREFIX = "torture"
HEAL_LIMIT_S = 30.0
# Of a mutant it is known soon enough that it does not heal: what a killed handler had in hand comes to another one after
# ten seconds.
MUTANT_HEAL_LIMIT_S = 15.0


@dataclass(frozen=True)
class Scenario:
    """What is done to the system, how often, and what may be lost by it."""

    name: str
    full: int
    short: int
    inject: Callable[[Run, int], Awaitable[None]]
    relays: int = 2
    clients: int = 16
    pause_s: float = 0.03
    # Whether NATS keeps all that it acknowledged: then whatever the durable inbox took must be decided.
    inbox_survives: bool = True
    sync_always: bool = False
    power: bool = False
    # What looks at the end in the place of the checker, and gives what is wrong.
    examine: Callable[[Run, dict[str, Any]], Awaitable[list[str]]] | None = None


@dataclass(frozen=True)
class Mutant:
    """A system with a bug in it: by a variable that its program knows, or by statements that change its database."""

    environment: dict[str, str] = field(default_factory=dict)
    statements: tuple[str, ...] = ()


@dataclass
class Run:
    """A running system under torture, as a scenario sees it."""

    scenario: Scenario
    directory: Path
    seed: int
    chance: random.Random
    servers: Servers
    database: Database
    supervisor: Supervisor
    history: History
    world: World
    environment: dict[str, str]
    volume: Volume | None = None
    faults: Counter[str] = field(default_factory=Counter)
    notes: dict[str, Any] = field(default_factory=dict)
    # So long after the last fault all must have healed by itself.
    heal_limit_s: float = HEAL_LIMIT_S
    # Whether the scheduling of a role is stopped, or was a moment ago.
    is_role_stopped: bool = False
    # How many unreadable messages the inbox was given: each must be set aside, and nothing else.
    dead_letters: int = 0
    violations: list[str] = field(default_factory=list)

    def client(self, name: str) -> Client:
        """A client of its own for the scenario."""
        return Client(name, self.servers.nats.url, PREFIX, self.world, self.history, self.supervisor.http_ports)

    def injected(self, kind: str) -> None:
        """Counts a fault, and notes when it was over."""
        self.faults[kind] += 1
        with (self.directory / "faults.log").open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {kind}\n")

    async def pause(self, low_s: float, high_s: float) -> None:
        """Paces faults."""
        await asyncio.sleep(self.chance.uniform(low_s, high_s))


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    """Cancels tasks until they have ended. Once is not enough: `asyncio.wait_for`, up to Python 3.11, gives its result
    in place of a cancellation that comes with it."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.5)
