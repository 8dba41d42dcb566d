"""Faults of NATS: it is killed and paused, and loses its tail, its streams, its consumers, or everything. And a fault of
the one who writes to it: a relay that was taken for dead goes on with what it had in its hands."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import nats.js.errors
from nats.js.client import JetStreamContext

from .check_stream import stream_name
from .clients import PASSING, connect
from .healing import stream_state
from .processes import pause_tree, ports_of, resume_tree, signal_process
from .running import PREFIX, Run

EVENTS = stream_name(PREFIX)
INBOX = EVENTS.replace("_EVENTS", "_INBOX")
COPY_AGE_MIN_S = 1.0
BEHIND_MAX_EVENTS = 20
RELAY_SESSIONS = """
select a.pid, a.client_port,
       exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory' and l.granted)
  from pg_stat_activity a
 where a.application_name = 'carelog-relay'"""


class Nemesis:
    """The faults, and the older copy of the store that a lost tail is made from."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._copy: Path = run.directory / "store-copy"
        self._copied_at: float | None = None

    async def kill(self) -> str:
        nats = self._run.servers.nats
        await nats.kill()
        self._take_copy()
        await self._run.pause(0.0, 0.5)
        await nats.start()
        return "kill"

    def _take_copy(self) -> None:
        self._run.servers.nats.copy_store(self._copy)
        self._copied_at = time.monotonic()

    async def pause(self) -> str:
        nats = self._run.servers.nats
        nats.pause()
        try:
            await self._run.pause(0.2, 3.0)
        finally:
            nats.resume()
        return "pause"

    async def lose_tail(self) -> str:
        """The store as it was some seconds ago: what came later is lost although it was acknowledged."""
        if self._copied_at is None:
            await self.kill()
        while self._copied_at is None or time.monotonic() - self._copied_at < COPY_AGE_MIN_S:
            await asyncio.sleep(0.1)
        nats = self._run.servers.nats
        await (nats.stop() if self._run.chance.random() < 0.5 else nats.kill())
        nats.restore_store(self._copy)
        await nats.start()
        return "tail_lost"

    async def wipe(self) -> str:
        nats = self._run.servers.nats
        await nats.kill()
        nats.wipe_store()
        await nats.start()
        return "store_wiped"

    async def _ask(self, kind: str, deed: str) -> str | None:
        """Does something over NATS itself; `None` if that was not possible just now."""
        try:
            connection = await asyncio.wait_for(connect(self._run.servers.nats.url), 5)
        except PASSING:
            return None
        try:
            jetstream = connection.jetstream(timeout=3)
            stream = INBOX if self._run.chance.random() < 0.2 else EVENTS
            if deed == "delete":
                await jetstream.delete_stream(stream)
            elif deed == "purge":
                await jetstream.purge_stream(EVENTS)
            elif not await self._delete_consumers(jetstream, stream):
                return None
            return kind
        except PASSING:
            return None
        finally:
            await connection.close()

    @staticmethod
    async def _delete_consumers(jetstream: JetStreamContext, stream: str) -> int:
        consumers = await jetstream.consumers_info(stream)
        for consumer in consumers:
            try:
                await jetstream.delete_consumer(stream, consumer.name)
            except nats.js.errors.NotFoundError:
                # Its reader has given it up meanwhile.
                pass
        return len(consumers)

    async def delete_stream(self) -> str | None:
        return await self._ask("stream_deleted", "delete")

    async def purge_stream(self) -> str | None:
        return await self._ask("stream_purged", "purge")

    async def delete_consumers(self) -> str | None:
        return await self._ask("consumers_deleted", "consumers")


    async def _events_flow(self) -> None:
        """Waits until the relay has all but filled the stream; not for long, since it may be in trouble still."""
        for _ in range(20):
            head = await self._run.database.rows_soon("select coalesce(max(position), 0) from log.event")
            try:
                last = (await stream_state(self._run, EVENTS)).last_seq
            except PASSING:
                last = 0
            if head is not None and int(head[0][0]) - last <= BEHIND_MAX_EVENTS:
                return
            await asyncio.sleep(0.2)

    async def outlive_lease(self) -> str | None:
        """The active relay is stopped with events in its hands, and goes on when another one has published them."""
        await self._events_flow()
        sessions = await self._run.database.rows_soon(RELAY_SESSIONS)
        lease = next((row for row in sessions or [] if row[2] == "t"), None)
        processes = [role.process for role in self._run.supervisor.roles if role.name == "relay" and role.process]
        relay = next((process for process in processes if lease and int(lease[1]) in ports_of(process.pid)), None)
        if sessions is None or lease is None or relay is None:
            return None
        own = ports_of(relay.pid)
        readers = [int(pid) for pid, port, holds in sessions if int(port) in own and holds == "f"]
        # It waits for what it reads, and the history goes on; so it will have something in its hands.
        for pid in readers:
            signal_process(pid, signal.SIGSTOP)
        try:
            await self._run.pause(0.3, 0.6)
            self._run.is_role_stopped = True
            pause_tree(relay)
        finally:
            for pid in readers:
                signal_process(pid, signal.SIGCONT)
        try:
            await self._run.pause(0.1, 0.2)
            await self._run.database.rows_soon(f"select pg_terminate_backend({lease[0]})")
            # Another one looks every half a second.
            await self._run.pause(0.8, 1.2)
        finally:
            resume_tree(relay)
        await self._run.pause(0.2, 0.3)
        self._run.is_role_stopped = False
        return "relay_outlived_its_lease"


async def hurt_nats(run: Run, count: int) -> None:
    """Injects one fault after the other; most come before everything has healed from the one before."""
    nemesis = Nemesis(run)
    kinds = [
        (180, nemesis.kill),
        (80, nemesis.pause),
        (50, nemesis.lose_tail),
        (30, nemesis.delete_stream),
        (20, nemesis.purge_stream),
        (45, nemesis.delete_consumers),
        (15, nemesis.wipe),
        (30, nemesis.outlive_lease),
    ]
    # The short form meets each kind, too.
    first = [fault for _, fault in kinds]
    run.chance.shuffle(first)
    while sum(run.faults.values()) < count:
        await run.pause(0.05, 0.6)
        new = bool(first)
        fault = first.pop() if new else run.chance.choices([f for _, f in kinds], [weight for weight, _ in kinds])[0]
        if kind := await fault():
            run.injected(kind)
        elif new:
            # Not possible just now: later.
            first.insert(0, fault)
