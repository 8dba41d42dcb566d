"""Receipts: a decided command answers the same again, and its id never serves for something else."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client as Connection

from .check_history import PERHAPS_DECIDED, UNDECIDED, without_replayed
from .violations import Violations

SAMPLE = 2_000
MISMATCHES = 200
AT_ONCE = 16
ATTEMPTS_MAX = 10


async def _ask(connection: Connection, subject: str, body: str) -> dict[str, Any] | None:
    for attempt in range(ATTEMPTS_MAX):
        try:
            message = await connection.request(subject, body.encode(), timeout=5)
            reply: dict[str, Any] = json.loads(message.data)
        except (nats.errors.Error, TimeoutError, ValueError):
            continue
        if reply.get("status") != 503:
            return reply
        await asyncio.sleep(0.1 * attempt)
    return None


def _command_subject(operation: dict[str, Any], prefix: str) -> str:
    """Commands of the inbox are asked again by request: the content, and so the receipt, is the same."""
    return f"{prefix}.command.{operation['publisher']}.{operation['op']}"


def sample(commands: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """Decided commands: all on hot aggregates, and of the others as many as fill the sample."""
    decided = [
        operation
        for operation in commands
        if operation["outcome"] in ("accepted", "rejected")
        and operation["reply"].get("code") not in UNDECIDED | PERHAPS_DECIDED
    ]
    if len(decided) <= SAMPLE:
        return decided
    hot = [operation for operation in decided if operation.get("hot")]
    cold = [operation for operation in decided if not operation.get("hot")]
    hot = hot if len(hot) <= SAMPLE else chance.sample(hot, SAMPLE)
    return hot + chance.sample(cold, min(len(cold), SAMPLE))


async def check(url: str, prefix: str, commands: list[dict[str, Any]], seed: int, violations: Violations) -> int:
    """Asks again. Gives how many commands were asked."""
    chance = random.Random(seed)
    chosen = sample(commands, chance)
    connection = await nats.connect(url)
    places = asyncio.Semaphore(AT_ONCE)

    async def again(operation: dict[str, Any]) -> None:
        reply = await _ask(connection, _command_subject(operation, prefix), operation["body"])
        here = f"{operation['op']} {operation['command_id']}"
        if reply is None:
            violations.add("replay", f"{here} got no answer when it was asked again")
            return
        same = without_replayed(reply) == without_replayed(operation["reply"]) and reply.get("replayed") is True
        violations.expect(same, "replay", f"{here} answered {operation['reply']}, and {reply} when it was asked again")

    async def otherwise(operation: dict[str, Any]) -> None:
        body = json.loads(operation["body"])
        body["expected_version"] = 7 if body.get("expected_version") != 7 else 8
        reply = await _ask(connection, _command_subject(operation, prefix), json.dumps(body, ensure_ascii=False))
        code = (reply or {}).get("code")
        here = f"{operation['op']} {operation['command_id']}"
        violations.expect(code == "command_mismatch", "mismatch", f"{here} with other content was answered {reply}")

    async def bounded(ask: Callable[[dict[str, Any]], Awaitable[None]], operation: dict[str, Any]) -> None:
        async with places:
            await ask(operation)

    try:
        await asyncio.gather(*(bounded(again, operation) for operation in chosen))
        others = chance.sample(chosen, min(len(chosen), MISMATCHES))
        await asyncio.gather(*(bounded(otherwise, operation) for operation in others))
    finally:
        await connection.close()
    return len(chosen)
