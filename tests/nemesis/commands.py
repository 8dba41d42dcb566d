"""What clients ask: the daily work of a support desk, on a few hot tickets that everybody touches and many cold ones,
with commands among it that the domain refuses."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

PUBLISHERS = ("web", "desk", "bot")
HOT_TICKETS = 4
# A hot ticket cools down after so many commands: streams without end would measure something else.
HOT_COMMANDS_MAX = 150
KNOWN_MAX = 400


@dataclass(frozen=True)
class Command:
    """A command before it is sent."""

    aggregate: str
    name: str
    id: str
    data: dict[str, Any]
    actor: dict[str, str]
    publisher: str
    command_id: str
    expected_version: int | None = None
    hot: bool = False

    def body(self) -> str:
        """The exact text of the message."""
        body: dict[str, Any] = {"command_id": self.command_id, "id": self.id, "actor": self.actor, "data": self.data}
        if self.expected_version is not None:
            body["expected_version"] = self.expected_version
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


@dataclass
class World:
    """What the clients know of: ids whose registration was accepted."""

    chance: random.Random
    customers: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    transactions: list[str] = field(default_factory=list)
    hot: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    _hot_uses: dict[str, int] = field(default_factory=dict)

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def learn(self, command: Command, reply: dict[str, Any]) -> None:
        """Takes in what an accepted command made."""
        self.versions[command.id] = reply["version"]
        known = {
            "customer.register": self.customers,
            "agent.register": self.agents,
            "team.form": self.teams,
            "ticket.open": self.tickets,
            "transaction.record": self.transactions,
        }.get(f"{command.aggregate}.{command.name}")
        if known is None:
            return
        known.append(command.id)
        if len(known) > KNOWN_MAX:
            known.pop(self.chance.randrange(len(known)))
        if command.name == "open" and len(self.hot) < HOT_TICKETS:
            self.hot.append(command.id)

    def hot_ticket(self) -> str | None:
        """One of the tickets that everybody touches, for a while."""
        if not self.hot:
            return None
        ticket = self.chance.choice(self.hot)
        self._hot_uses[ticket] = self._hot_uses.get(ticket, 0) + 1
        if self._hot_uses[ticket] >= HOT_COMMANDS_MAX and self.tickets:
            self.hot[self.hot.index(ticket)] = self.chance.choice(self.tickets[-20:])
        return ticket

    def command(self, aggregate: str, name: str, id: str, data: dict[str, Any], **more: Any) -> Command:
        """A command with a new id, from one of the publishers."""
        publisher = self.chance.choice(PUBLISHERS)
        actor = more.pop("actor", None) or {"kind": "service", "id": publisher}
        return Command(aggregate, name, id, data, actor, publisher, self.new_id(), **more)


def cast(world: World) -> list[Command]:
    """The first customers, agents and teams; one agent has little capacity."""
    commands = [world.command("customer", "register", world.new_id(), {"display_name": f"客户 {n}"}) for n in range(20)]
    commands += [
        world.command("agent", "register", world.new_id(), {"name": f"Agent {n}", "capacity": 2 if n == 0 else 1000})
        for n in range(8)
    ]
    commands += [world.command("team", "form", world.new_id(), {"name": f"Line {n} 一线"}) for n in range(2)]
    return commands


def open_ticket(world: World) -> Command:
    """A new ticket of one of the customers."""
    chance = world.chance
    data: dict[str, Any] = {
        "customer": chance.choice(world.customers),
        "type": chance.choice(["incident", "question", "request"]),
        "subject": chance.choice(["无法登录", "Cannot log in 🙁", "Invoice is wrong"]),
        "channel": chance.choice(["web", "email", "wechat"]),
        "impact": chance.randint(2, 3),
        "urgency": chance.randint(2, 4),
    }
    if chance.random() < 0.3:
        data["description"] = "The whole story. " * chance.randint(1, 40)
    return world.command("ticket", "open", world.new_id(), data)


def _work(world: World) -> tuple[str, dict[str, Any]]:
    """Something that is done on a ticket, whether or not its state allows it."""
    chance = world.chance
    soon = (datetime.now(UTC) + timedelta(seconds=chance.uniform(1, 4))).isoformat(timespec="milliseconds")
    choices: list[tuple[int, str, dict[str, Any]]] = [
        (14, "assign", {"agent": chance.choice(world.agents)}),
        (14, "reply", {"body": "请再试一次。 Please try again now.", "public": chance.random() < 0.8}),
        (8, "receive_customer_reply", {"body": "还是不行。 Still broken."}),
        (4, "add_note", {"body": "Seen before."}),
        (4, "await_customer", {"reason": "waits for a log", "until": soon}),
        (3, "hold", {"reason": "waits for a part"}),
        (4, "resume", {}),
        (12, "resolve", {"code": "assistance", "text": "Password reset."}),
        (6, "reopen", {"reason": "again"}),
        (5, "close", {}),
        (2, "cancel", {}),
        (2, "restore", {}),
        (3, "unassign", {}),
        (3, "log_time", {"seconds": chance.randint(1, 3600)}),
        (3, "tag", {"tag": f"tag-{chance.randint(1, 5)}"}),
        (3, "change_priority", {"impact": chance.randint(2, 3), "urgency": chance.randint(2, 4)}),
        (2, "escalate", {"level": chance.randint(1, 5), "cause": "angry"}),
        (2, "relate", {"ticket": chance.choice(world.tickets)}),
        (2, "merge", {"loser": chance.choice(world.tickets), "override": True}),
        (1, "block", {"blocked_by": chance.choice(world.tickets)}),
        (2, "assign", {"agent": world.new_id()}),
    ]
    _, name, data = chance.choices(choices, [weight for weight, _, _ in choices])[0]
    return name, data


def ticket_work(world: World, hot_share: float = 0.4) -> Command:
    """Work on a hot or a cold ticket; now and then on a version that has passed, or on a ticket that is none."""
    chance = world.chance
    ticket = world.hot_ticket() if chance.random() < hot_share else None
    hot = ticket is not None
    if ticket is None:
        ticket = chance.choice(world.tickets) if chance.random() < 0.97 else world.new_id()
    name, data = _work(world)
    expected = None
    if chance.random() < 0.15:
        expected = max(1, world.versions.get(ticket, 1) - chance.choice([0, 0, 1, 3]))
    actor = None
    if name == "receive_customer_reply":
        actor = {"kind": "customer", "id": "customer"}
    elif name == "reply" and chance.random() < 0.5:
        actor = {"kind": "agent", "id": chance.choice(world.agents)}
    return world.command("ticket", name, ticket, data, expected_version=expected, hot=hot, actor=actor)


def transaction(world: World) -> Command:
    """A purchase, a refund of one (sometimes of more than was paid), or the same order number again."""
    chance = world.chance
    if world.transactions and chance.random() < 0.4:
        data = {"refund_id": world.new_id(), "currency": "EUR", "amount_minor": chance.randint(1, 4_000)}
        return world.command("transaction", "refund", chance.choice(world.transactions), data)
    order = f"A-{chance.getrandbits(40)}" if chance.random() < 0.9 else f"A-{chance.randint(1, 20)}"
    data = {
        "customer": chance.choice(world.customers),
        "source": {"system": "shop", "order_no": order},
        "currency": "EUR",
        "amount_minor": chance.randint(100, 9_999),
    }
    return world.command("transaction", "record", world.new_id(), data)


def next_command(world: World) -> Command:
    """What a client asks next."""
    chance = world.chance
    dice = chance.random()
    if not world.tickets or dice < 0.16:
        return open_ticket(world)
    if dice < 0.22:
        name = {"display_name": chance.choice(["王小明", "Ada", "e\u0301va", "شركة"]) + f" {chance.randint(1, 999)}"}
        return world.command("customer", "register", world.new_id(), name)
    if dice < 0.32:
        return transaction(world)
    if dice < 0.34:
        add = {"agent": chance.choice(world.agents)}
        return world.command("team", chance.choice(["add_member", "remove_member"]), chance.choice(world.teams), add)
    if dice < 0.36:
        again = open_ticket(world)
        return world.command("ticket", "open", chance.choice(world.tickets), again.data)
    return ticket_work(world)
