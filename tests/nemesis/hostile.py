"""Hostile inputs over NATS and HTTP: each is refused with its documented code within a tenth of a second, nothing is
appended by it, and the next honest command is fine."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import nats.errors

from . import http
from .check_history import UNDECIDED
from .clients import Answers, Client
from .commands import Command, next_command, open_ticket
from .hostile_messages import COMMAND_CODES, Message, messages
from .hostile_requests import HTTP_CODES, Request, requests
from .mutation import mutated, mutated_path
from .running import PREFIX, Run

ANSWER_LIMIT_S = 0.1
# The short form also runs on machines that are busy with other things.
SHORT_ANSWER_LIMIT_S = 1.0
PATIENCE_S = 5.0
HONEST_EVERY = 25
INBOX_MESSAGES = 60
# The inbox's stream takes no larger message: its publisher is refused.
INBOX_BYTES_MAX = 256 * 1024


class Attack:
    """The inputs, one after the other, so that what is measured is the answer and not a queue."""

    def __init__(self, run: Run, client: Client, answer_limit_s: float) -> None:
        self._run = run
        self._client = client
        self._answer_limit_s = answer_limit_s
        self._taken_s: dict[str, list[float]] = {"nats": [], "http": []}

    def _fault(self, sentence: str) -> None:
        self._run.violations.append(f"hostile: {sentence}")

    async def _measured(self, channel: str, what: str, ask: Callable[[], Any]) -> Any:
        """Asks and measures."""
        begun = time.monotonic()
        answer = await ask()
        took = time.monotonic() - begun
        self._taken_s[channel].append(took)
        if took > self._answer_limit_s:
            self._fault(f"{channel} {what}: answered after {took * 1000:.0f} ms")
        return answer

    async def message(self, message: Message) -> None:
        """Sends a message and looks at its answer."""
        subject = f"{PREFIX}.{message.subject}"
        begun = time.time_ns()

        async def ask() -> Any:
            try:
                return await self._client.connection.request(subject, message.body, timeout=PATIENCE_S)
            except nats.errors.BadSubjectError:
                return "no subject"
            except (nats.errors.Error, TimeoutError) as error:
                return type(error).__name__

        answer = await self._measured("nats", message.what, ask)
        shown = f"{message.what} ({message.body[:80]!r} to {message.subject[:60]})"
        if answer == "no subject":
            # The client library does not send it at all.
            return
        if isinstance(answer, str):
            self._fault(f"nats {shown}: no answer, {answer}")
            return
        try:
            reply = json.loads(answer.data)
            code = "accepted" if reply["outcome"] == "accepted" else reply["code"]
        except (ValueError, KeyError, TypeError):
            self._fault(f"nats {shown}: no answer of the contract: {answer.data[:200]!r}")
            return
        if code not in message.codes and code != "overloaded":
            self._fault(f"nats {shown}: {code}, expected was one of {', '.join(sorted(message.codes))}")
        if code != "accepted":
            told = (answer.headers or {}).get("Nats-Service-Error-Code")
            if COMMAND_CODES.get(code) != reply.get("status") or told != str(reply.get("status")):
                self._fault(f"nats {shown}: code {code}, status {reply.get('status')}, header {told}")
        self._record(message, reply, begun)

    def _record(self, message: Message, reply: dict[str, Any], begun: int) -> None:
        """What was decided belongs into the history: a mutation may well be valid."""
        if reply.get("code") in UNDECIDED:
            return
        try:
            body = json.loads(message.body)
            _, publisher, aggregate, name = message.subject.split(".")
            ids = [str(uuid.UUID(body[member])) for member in ("command_id", "id")]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            if reply["outcome"] == "accepted":
                self._fault(f"nats {message.what}: accepted although it cannot be read: {message.body[:200]!r}")
            return
        command = Command(aggregate, name, ids[1], {}, {}, publisher, ids[0])
        answers = Answers(decided=[reply])
        subject = f"{PREFIX}.{message.subject}"
        self._client.record(command, subject, message.body.decode(), "request", begun, answers)

    async def request(self, request: Request, port: int) -> None:
        """Sends a request and looks at its answer."""

        async def ask() -> Any:
            try:
                return await http.exchange(port, request.raw, PATIENCE_S)
            except http.NoAnswer as error:
                return error

        answer = await self._measured("http", request.what, ask)
        shown = f"{request.what} ({request.raw[:80]!r})"
        if isinstance(answer, http.NoAnswer):
            if request.is_http or "TimeoutError" in str(answer):
                self._fault(f"http {shown}: no answer, {answer}")
            return
        if answer.status not in request.statuses:
            self._fault(f"http {shown}: status {answer.status} {answer.body[:200]!r}")
        kind = answer.headers.get("content-type", "")
        if answer.status >= 400 and request.is_http:
            try:
                problem = answer.json()
                typed = HTTP_CODES.get(problem["code"]) == answer.status == problem["status"]
            except (ValueError, KeyError, TypeError):
                typed = False
            if not typed or kind != "application/problem+json":
                self._fault(f"http {shown}: status {answer.status} as {kind!r}: {answer.body[:200]!r}")

    async def honest(self) -> None:
        """An honest command is accepted, whatever came before it."""
        answers = await self._client.perform(open_ticket(self._run.world), attempts_max=2)
        if not answers.decided or answers.decided[0]["outcome"] != "accepted":
            self._fault(f"an honest command was answered {answers.decided}")

    def summary(self) -> dict[str, Any]:
        """How long answers took."""
        told: dict[str, Any] = {}
        for channel, taken in self._taken_s.items():
            ordered = sorted(taken) or [0.0]
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
                told[f"{channel}_{name}_ms"] = round(
                    ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2
                )
            told[f"{channel}_answers"] = len(taken)
        return told


async def attack(run: Run, count: int) -> None:
    """The corpus first, then mutations of honest messages and requests."""
    client = run.client("attacker")
    await client.open()
    try:
        limit_s = ANSWER_LIMIT_S if count >= run.scenario.full else SHORT_ANSWER_LIMIT_S
        attacking = Attack(run, client, limit_s)
        for message in messages(run.world.new_id)[:count]:
            await attacking.message(message)
            run.faults["message_of_the_corpus"] += 1
            if sum(run.faults.values()) % HONEST_EVERY == 0:
                await attacking.honest()
        port = run.supervisor.http_ports[0]
        for request in requests(port)[: max(0, count - sum(run.faults.values()))]:
            await attacking.request(request, port)
            run.faults["request_of_the_corpus"] += 1
        await attacking.honest()
        await _into_the_inbox(run, client, count)
        await _mutations(run, attacking, count)
        await attacking.honest()
        run.notes.update(attacking.summary())
    finally:
        await client.close()


async def _into_the_inbox(run: Run, client: Client, count: int) -> None:
    """The durable way has no answer for what cannot be read: it is set aside, and holds up nobody."""
    jetstream = client.connection.jetstream(timeout=PATIENCE_S)
    unreadable = [
        message
        for message in messages(run.world.new_id)
        if message.codes <= {"malformed", "validation"} and message.subject == "command.web.team.form"
    ]
    for message in unreadable[:: max(1, len(unreadable) // INBOX_MESSAGES)][: max(0, count - sum(run.faults.values()))]:
        if len(message.body) <= INBOX_BYTES_MAX:
            await jetstream.publish(f"{PREFIX}.inbox.web.team.form", message.body)
            run.faults["message_to_the_inbox"] += 1
            run.dead_letters += 1
    answers = await client.perform(open_ticket(run.world), via="inbox")
    if not answers.decided:
        run.violations.append("hostile: behind unreadable messages an honest durable command was not decided")


async def _mutations(run: Run, attacking: Attack, count: int) -> None:
    chance = run.chance
    every_code = frozenset(COMMAND_CODES) | {"accepted"}
    while sum(run.faults.values()) < count:
        if chance.random() < 0.75:
            command, other = next_command(run.world), next_command(run.world)
            how, body = mutated(command.body().encode(), other.body().encode(), chance)
            subject = f"command.{command.publisher}.{command.aggregate}.{command.name}"
            await attacking.message(Message(f"mutation {how}", subject, body, every_code))
            run.faults[f"mutation_{how}"] += 1
        else:
            path, is_http = mutated_path(run.world, chance)
            port = chance.choice(run.supervisor.http_ports)
            head = f"\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nPrefer: wait=0\r\n\r\n".encode()
            statuses = frozenset({200, 400, 404, 405, 414, 505, 503})
            await attacking.request(
                Request("mutation path", b"GET " + path + b" HTTP/1.1" + head, statuses, is_http), port
            )
            run.faults["mutation_path"] += 1
        if sum(run.faults.values()) % HONEST_EVERY == 0:
            await attacking.honest()
