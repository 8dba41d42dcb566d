"""Clients that give up: requests whose time-out is over at once, connections cut in the middle, answers that nobody
waits for. No database call may be dropped by that, and no connection be left inside a transaction."""

from __future__ import annotations

import asyncio
import time

from . import http
from .clients import Client
from .commands import next_command, open_ticket
from .running import Run

AT_ONCE = 24
ALIVE_LIMIT_S = 1.0


async def give_up(run: Run, count: int) -> None:
    """Gives up so many times, from several clients at once; then asks in earnest."""
    clients = [run.client(f"quitter{index}") for index in range(4)]
    for client in clients:
        await client.open()
    try:
        workers = [_quit_often(run, clients[index % len(clients)], count) for index in range(AT_ONCE)]
        await asyncio.gather(*workers)
        await _still_alive(run, clients[0])
    finally:
        for client in clients:
            await client.close()


async def _quit_often(run: Run, client: Client, count: int) -> None:
    chance = run.chance
    while sum(run.faults.values()) < count:
        dice = chance.random()
        limit_s = chance.uniform(0, 0.03)
        if dice < 0.55:
            run.faults["request_given_up"] += 1
            command = next_command(run.world)
            given_up = await client.perform(command, attempts_max=1, attempt_s=limit_s)
            if not given_up.decided and chance.random() < 0.2:
                # Some come back for the outcome later.
                await client.perform(command)
        elif dice < 0.7:
            run.faults["answer_to_nobody"] += 1
            await client.tell_nobody(next_command(run.world))
            await asyncio.sleep(limit_s)
        else:
            run.faults["http_cut"] += 1
            headers = chance.choice(
                [None, {"Accept": "text/event-stream"}, {"Carelog-Min-Position": "1000000000", "Prefer": "wait=10"}]
            )
            await http.cut(chance.choice(run.supervisor.http_ports), _path(run), limit_s, headers)


def _path(run: Run) -> str:
    """One of the questions."""
    chance, world = run.chance, run.world
    ticket = chance.choice(world.tickets) if world.tickets else world.new_id()
    return chance.choice(
        [
            "/v1/tickets?limit=200",
            "/v1/tickets?status=open,new&sort=priority",
            "/v1/customers?limit=200",
            "/v1/events?after=0&limit=1000",
            f"/v1/tickets/{ticket}",
            f"/v1/tickets/{ticket}/history",
            "/v1/tickets/summary",
            f"/v1/transactions?as_of={chance.randint(1, 500)}",
            "/v1/models",
        ]
    )


async def _still_alive(run: Run, client: Client) -> None:
    """A plain command and a plain question are answered at once: no pool has run dry."""
    begun = time.monotonic()
    answers = await client.perform(open_ticket(run.world), attempts_max=1, attempt_s=ALIVE_LIMIT_S)
    took = time.monotonic() - begun
    run.notes["command_after_s"] = round(took, 3)
    if not answers.decided:
        run.violations.append(
            f"alive: after the cancellations a plain command had no outcome within {ALIVE_LIMIT_S:g} s"
        )
    for port in run.supervisor.http_ports:
        begun = time.monotonic()
        try:
            status = (await http.get(port, "/v1/tickets?limit=1", timeout_s=ALIVE_LIMIT_S)).status
        except http.NoAnswer as error:
            status = 0
            run.violations.append(f"alive: a plain GET had no answer: {error}")
        run.notes["get_after_s"] = round(time.monotonic() - begun, 3)
        if status not in (0, 200):
            run.violations.append(f"alive: a plain GET gave {status}")
