"""Healing: what is behind after the last fault, and how long it stays so. Nobody lends a hand."""

from __future__ import annotations

import asyncio
import time

from nats.js.api import StreamState

from .check_stream import stream_name
from .clients import PASSING, connect
from .running import PREFIX, Run


async def healed(running: Run, since: float) -> float | None:
    """Waits until models and stream are at the end of the history. Gives how long that took, `None` if too long."""
    while lag := await _lag(running):
        if time.monotonic() - since > running.heal_limit_s:
            running.violations.append(f"heal: {running.heal_limit_s:g} s after the last fault: {lag}")
            return None
        await asyncio.sleep(0.1)
    return round(time.monotonic() - since, 1)


async def quiet(running: Run, since: float) -> None:
    """Waits until nothing is under way any more, so that the checker looks at something that stands still."""
    while busy := await _lag(running, soon_s=60) or await _waiting_in_inbox(running):
        if time.monotonic() - since > running.heal_limit_s:
            running.violations.append(f"quiet: {running.heal_limit_s:g} s after the last fault: {busy}")
            return
        await asyncio.sleep(0.2)
    running.notes["quiet_s"] = round(time.monotonic() - since, 1)


async def _lag(running: Run, soon_s: int = -2) -> str:
    """What is behind, in words; empty if nothing is. Timers count that are due within `soon_s`."""
    rows = await running.database.rows_soon(
        "select 'head', coalesce(max(position), 0)::text from log.event"
        f" union all select 'timers', count(*)::text from log.timer where due_at < now() + interval '{soon_s} seconds'"
        " union all select 'parked', count(*)::text from read.parked"
        " union all select model, case when blocked is null then position::text else 'blocked' end from read.checkpoint"
    )
    if rows is None:
        return "PostgreSQL does not answer"
    places = {name: value for name, value in rows}
    head, timers, parked = places.pop("head"), places.pop("timers"), places.pop("parked")
    behind = [f"the model {model} is at {at} of {head}" for model, at in places.items() if at != head]
    behind += [f"{timers} timers are due"] * (timers != "0") + [f"{parked} rows are parked"] * (parked != "0")
    try:
        last = (await stream_state(running, stream_name(PREFIX))).last_seq
    except PASSING as error:
        return "; ".join([*behind, f"the stream cannot be asked: {error}"])
    return "; ".join(behind + [f"the stream ends at {last} of {head}"] * (str(last) != head))


async def _waiting_in_inbox(running: Run) -> str:
    """How many durable commands wait, in words; empty if none does."""
    try:
        waiting = (await stream_state(running, stream_name(PREFIX).replace("_EVENTS", "_INBOX"))).messages
    except PASSING as error:
        return f"the inbox cannot be asked: {error}"
    return f"{waiting} commands wait in the inbox" if waiting else ""


async def stream_state(running: Run, name: str) -> StreamState:
    """What the server says of a stream."""
    connection = await asyncio.wait_for(connect(running.servers.nats.url), 5)
    try:
        return (await connection.jetstream(timeout=2).stream_info(name)).state
    finally:
        await connection.close()
