"""Carelog's roles as processes, and a supervisor that restarts them as an init system would."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections import Counter
from pathlib import Path

from .processes import end, free_port, spawn, tail, until

ROLES = ("commands", "relay", "projector", "automation", "query")


class Role:
    """One place for a process of a role; another process takes it when one has ended."""

    def __init__(self, program: str, name: str, index: int, environment: dict[str, str], logs: Path) -> None:
        self.name = name
        self.log = logs / f"{name}-{index}.log"
        self._program = program
        self.port = free_port() if name == "query" else None
        self._environment = dict(environment)
        if self.port is not None:
            self._environment["CARELOG_HTTP_ADDR"] = f"127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = spawn([self._program, "serve", self.name], self.log, self._environment)

    def kill(self) -> None:
        """Kills the process at once, as `kill -9` does, and puts the next one in its place."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.start()


class Supervisor:
    """All role processes. One that ends by itself is a finding, and is started again."""

    def __init__(self, program: str, environment: dict[str, str], logs: Path, counts: dict[str, int]) -> None:
        self.roles = [
            Role(program, name, index, environment, logs) for name in ROLES for index in range(counts.get(name, 2))
        ]
        self._exits: Counter[str] = Counter()
        self._watch: asyncio.Task[None] | None = None

    @property
    def http_ports(self) -> list[int]:
        return [role.port for role in self.roles if role.port is not None]

    def exits(self) -> list[str]:
        """Which processes ended by themselves, with their last words."""
        return [f"exit: {what} ({times} times)" for what, times in self._exits.items()]

    def start(self) -> None:
        for role in self.roles:
            role.start()
        self._watch = asyncio.create_task(self._restart_ended())

    async def _restart_ended(self) -> None:
        while True:
            for role in self.roles:
                if role.process is not None and (code := role.process.poll()) is not None:
                    self._exits[
                        f"a process of the role {role.name} ended by itself with {code}: {tail(role.log, 4)}"
                    ] += 1
                    role.start()
            await asyncio.sleep(0.1)

    def kill_one(self, chance: random.Random) -> str:
        """Kills one of them, whichever, and names its role."""
        role = chance.choice(self.roles)
        role.kill()
        return role.name

    async def stop(self, names: tuple[str, ...] = ROLES, limit_s: float = 15) -> None:
        """Stops these roles in good order, all unless some are named; none is started again any more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        processes = [role.process for role in self.roles if role.process is not None and role.name in names]
        await asyncio.gather(*(end(process, signal.SIGTERM, limit_s) for process in processes))


async def run_program(
    program: str, arguments: list[str], environment: dict[str, str], log: Path, limit_s: float
) -> None:
    """Runs the program to its end; raises if it fails."""
    process = spawn([program, *arguments], log, environment)
    await until(lambda: process.poll() is not None, limit_s, f"{' '.join(arguments)} ends")
    if process.returncode != 0:
        raise OSError(f"{' '.join(arguments)} ended with {process.returncode}: {tail(log)}")
