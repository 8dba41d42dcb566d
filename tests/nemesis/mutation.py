"""Seeded mutations: honest messages and requests with a few bytes of theirs changed."""

from __future__ import annotations

import random
from collections.abc import Callable

from .commands import World

TOKENS = [
    b"null",
    b"-1",
    b"1e400",
    b"9223372036854775808",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b"\\u0000",
    b"\\ud800",
    b"\x00",
    b"\xff",
    b"\xe2\x80\xae",
    b'"',
    b"\\",
    b",",
    b":",
    b"}",
    b"]",
    b"{" * 40,
    b"[" * 40,
    b"0" * 400,
    b"\xed\xa0\x80",
    b"1.5",
    b"$sealed",
]


def _flip(body: bytearray, _: bytes, chance: random.Random) -> bytearray:
    for _index in range(chance.randint(1, 4)):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return body


def _truncate(body: bytearray, _: bytes, chance: random.Random) -> bytearray:
    return body[: chance.randrange(len(body))]


def _splice(body: bytearray, other: bytes, chance: random.Random) -> bytearray:
    return body[: chance.randrange(len(body))] + other[chance.randrange(len(other)) :]


def _drop(body: bytearray, _: bytes, chance: random.Random) -> bytearray:
    start = chance.randrange(len(body))
    del body[start : start + chance.randint(1, 12)]
    return body


def _double(body: bytearray, _: bytes, chance: random.Random) -> bytearray:
    start = chance.randrange(len(body))
    end = start + chance.randint(1, 60)
    return body[:end] + body[start:end] + body[end:]


def _insert(body: bytearray, _: bytes, chance: random.Random) -> bytearray:
    at = chance.randrange(len(body))
    body[at:at] = chance.choice(TOKENS)
    return body


def _replace(body: bytearray, _: bytes, chance: random.Random) -> bytearray:
    """A value between two quotation marks becomes something else."""
    marks = [index for index, byte in enumerate(body) if byte == ord('"')]
    start, end = sorted(chance.sample(marks, 2)) if len(marks) >= 2 else (0, len(body) - 1)
    body[start : end + 1] = chance.choice(TOKENS)
    return body


MUTATIONS: dict[str, Callable[[bytearray, bytes, random.Random], bytearray]] = {
    "flip": _flip,
    "truncate": _truncate,
    "splice": _splice,
    "drop": _drop,
    "double": _double,
    "insert": _insert,
    "replace": _replace,
}


def mutated(body: bytes, other: bytes, chance: random.Random) -> tuple[str, bytes]:
    """A mutation of a message, perhaps with a piece of another one; and what it is called."""
    how = chance.choice(list(MUTATIONS))
    return how, bytes(MUTATIONS[how](bytearray(body), other, chance))


def mutated_path(world: World, chance: random.Random) -> tuple[bytes, bool]:
    """A mutation of an honest path, and whether it is one that HTTP allows."""
    ticket = chance.choice(world.tickets).encode()
    path = chance.choice(
        [
            b"/v1/tickets?status=open&limit=5&sort=-opened_at",
            b"/v1/tickets/" + ticket + b"?as_of=10",
            b"/v1/customers?limit=20&cursor=WyItb3BlbmVkX2F0IiwiMSIsIjAiXQ",
            b"/v1/events?after=5&limit=10",
            b"/v1/transactions?currency=EUR&sort=occurred_at",
            b"/v1/commands/web/" + ticket,
        ]
    )
    _, changed = mutated(path, b"/v1/tickets/summary?as_of=2026-01-01T00:00:00Z&team=" + ticket, chance)
    if chance.random() < 0.7:
        # Mostly so that it gets past the first parser.
        safe = b"/?&=.,:-_~%"
        changed = b"".join(
            bytes([byte]) if chr(byte).isascii() and (chr(byte).isalnum() or byte in safe) else b"%%%02X" % byte
            for byte in changed
        )
    allowed = changed.startswith(b"/") and all(33 <= byte <= 126 and byte not in b'"<>\\^`{|}#' for byte in changed)
    return changed or b"/", allowed
