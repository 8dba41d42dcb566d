"""Hostile messages and subjects that somebody thought of, each with the codes that are right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ACTOR = {"kind": "service", "id": "web"}

# Every code of a refused command with its status, as the contract documents them.
COMMAND_CODES = {
    "malformed": 400,
    "payload_too_large": 400,
    "unknown_command": 404,
    "validation": 400,
    "clock_skew": 400,
    "forbidden": 403,
    "not_found": 404,
    "already_exists": 409,
    "version_conflict": 409,
    "command_mismatch": 409,
    "invalid_transition": 409,
    "merged_into": 409,
    "subject_erased": 410,
    "reference_missing": 422,
    "limit_exceeded": 422,
    "contact_point_taken": 422,
    "self_merge": 422,
    "already_merged": 422,
    "merge_cycle": 422,
    "organization_cycle": 422,
    "refund_exceeds": 422,
    "currency_mismatch": 422,
    "agent_not_in_team": 422,
    "agent_inactive": 422,
    "capacity": 422,
    "blocked": 422,
    "root_cause_required": 422,
    "link_cycle": 422,
    "reopen_window_passed": 422,
    "already_answered": 422,
    "amend_window_passed": 422,
    "customer_mismatch": 422,
    "resource_busy": 422,
    "skills_missing": 422,
    "outside_window": 422,
    "checklist_incomplete": 422,
    "evidence_required": 422,
    "not_identified": 422,
    "plan_not_active": 422,
    "not_covered": 422,
    "allocation_exhausted": 422,
    "rrule_invalid": 422,
    "scores_missing": 422,
    "evaluator_is_rated": 422,
    "overloaded": 503,
}


@dataclass(frozen=True)
class Message:
    """A message to a subject (after the prefix), and the codes that are right; `accepted` among them if it is valid."""

    what: str
    subject: str
    body: bytes
    codes: frozenset[str]


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def messages(new_id: Callable[[], str]) -> list[Message]:
    """The messages; `new_id` gives ids that were never used."""
    found: list[Message] = []

    def add(what: str, body: bytes, codes: str, subject: str = "command.web.team.form") -> None:
        found.append(Message(what, subject, body, frozenset(codes.split())))

    def body(data: Any, **more: Any) -> dict[str, Any]:
        return {"command_id": new_id(), "id": new_id(), "actor": ACTOR, "data": data, **more}

    def spoilt(name: str, value_json: str) -> bytes:
        """A valid message with the JSON text of the name replaced by a text that is no Python value."""
        return _text(body({name: "@@"})).replace(b'"@@"', value_json.encode("utf-8", "surrogatepass"))

    for what, raw in [
        ("nothing", b""),
        ("a brace", b"{"),
        ("white space", b" \n\t"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("no UTF-8", b"\xff\xfe\x00"),
        ("an overlong form", b'{"a":"\xc0\xaf"}'),
        ("a CESU-8 surrogate", b'{"a":"\xed\xa0\x80"}'),
        ("two objects", b"{}{}"),
        ("a trailing comma", b'{"a":1,}'),
        ("single quotes", b"{'a':1}"),
        ("a comment", b"{/**/}"),
        ("NaN", b'{"a":NaN}'),
        ("Infinity", b'{"a":-Infinity}'),
        ("a leading zero", b'{"a":01}'),
        ("a bare word", b"undefined"),
        ("a cut string", b'{"a":"'),
        ("a bad escape", b'{"a":"\\x41"}'),
        ("a raw control character", b'{"a":"\x01"}'),
        ("NUL bytes", b"\x00" * 100),
        ("a million brackets", b"[" * 200_000),
        ("closing brackets", b"]" * 1_000),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00"),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n"),
        ("XML", b"<?xml version='1.0'?><a/>"),
    ]:
        add(what, raw, "malformed validation")
    for what, raw in [
        ("null", b"null"),
        ("a number", b"5"),
        ("a string", b'"x"'),
        ("a list", b"[]"),
        ("nothing in it", b"{}"),
        ("true", b"true"),
        ("a list of ids", b'["a","b","c","d"]'),
    ]:
        add(what, raw, "validation")
    texts = {
        "NUL": r'"a\u0000b"',
        "a lone high surrogate": r'"\ud800"',
        "a lone low surrogate": r'"\udc00x"',
        "surrogates the wrong way round": r'"\udc00\ud800"',
        "1e400": "1e400",
        "-1e400": "-1e400",
        "depth 33": "[" * 33 + "]" * 33,
        "depth 500": "[" * 500 + "]" * 500,
        "objects in objects": '{"a":' * 200 + "1" + "}" * 200,
    }
    for what, text in texts.items():
        add(what, spoilt("name", text), "malformed")
    for what, text in {
        "i64 + 1": "9223372036854775808",
        "u64 + 1": "18446744073709551616",
        "a float": "1.5",
        "null": "null",
        "true": "true",
        "a list": '["a"]',
        "an object": '{"a":1}',
        "nothing": '""',
        "blanks": '"   "',
        "a line end": r'"a\nb"',
        "a bell": r'"a\u0007b"',
        "DEL": r'"a\u007fb"',
        "C1": r'"a\u0085b"',
        "201 letters": json.dumps("x" * 201),
        "255 KiB": json.dumps("x" * 255 * 1024),
    }.items():
        add(what, spoilt("name", text), "validation payload_too_large" if "KiB" in what else "validation")
    for what, text in {
        "both directions": "\u202eevil\u202c أهلا abc",
        "zero width": "a\u200bb\u200dc\ufeff",
        "emoji": "👩‍👩‍👧‍👦" * 8,
        "combining": "e" + "\u0301" * 100,
        "astral": "\U0001f4a9" * 50,
        "a noncharacter": "\ufffe\uffff",
        "private use": "\ue000\U0010fffd",
        "HTML": "<script>alert(1)</script>",
        "SQL": "'; drop table log.event; --",
        "a format": "%s%n{0}${jndi:ldap://x}",
        "a path": "../../../etc/passwd",
    }.items():
        add(what, _text(body({"name": text})), "accepted validation")
    twice = _text(body({"name": "a"}))
    add("a key twice", twice.replace(b'"name":"a"', b'"name":"a","name":"b"'), "malformed")
    add("a key twice, once escaped", twice.replace(b'"name":"a"', b'"name":"a","n\\u0061me":"b"'), "malformed")
    add("a key twice at the top", twice[:-1] + b',"id":"' + new_id().encode() + b'"}', "malformed")
    add("300 KB", _text(body({"name": "x" * 300_000})), "payload_too_large")
    add("300 KB of blanks", twice + b" " * 300_000, "payload_too_large")
    add("900 KB", _text(body({"name": "x" * 900_000})), "payload_too_large")
    add("10,000 keys", _text(body({f"k{index}": index for index in range(10_000)})), "validation malformed")
    for name in ("command_id", "id", "actor", "data"):
        whole = body({"name": "a"})
        del whole[name]
        add(f"no {name}", _text(whole), "validation")
        wrong: Any
        for wrong in (None, 5, "x", [], True, {"a": {}}, -1.5, ""):
            add(f"{name} is {wrong!r}", _text({**body({"name": "a"}), name: wrong}), "validation")
    for uuid in (
        "00000000-0000-0000-0000-00000000000g",
        "0" * 31,
        "0" * 33,
        "{" + "0" * 8,
        "urn:uuid:x",
        "０" * 32,
        "0" * 100_000,
    ):
        add(f"the id {uuid[:40]}", _text({**body({"name": "a"}), "id": uuid}), "validation")
    for kind in ("wizard", "AGENT", "", None, 1, "agent\u0000", "service "):
        codes = "malformed validation"
        add(f"the actor kind {kind!r}", _text({**body({"name": "a"}), "actor": {"kind": kind, "id": "x"}}), codes)
    for actor in (
        {"kind": "service"},
        {"id": "x"},
        {"kind": "service", "id": ""},
        {"kind": "service", "id": "x" * 129},
        {"kind": "service", "id": "x", "role": "admin"},
        {"kind": "agent", "id": "not-a-uuid"},
    ):
        add(f"the actor {json.dumps(actor)[:60]}", _text({**body({"name": "a"}), "actor": actor}), "validation")
    version: Any
    for version in (-1, 1.5, "1", 2**64, None, [], 1e300):
        codes = "validation accepted" if version is None else "validation"
        add(f"expected_version {version}", _text(body({"name": "a"}, expected_version=version)), codes)
    for version in (1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1):
        add(
            f"expected_version {version}",
            _text(body({"name": "a"}, expected_version=version)),
            "version_conflict validation",
        )
    for moment in (
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-01-01",
        "-100000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "+262143-01-01T00:00:00Z",
        "2026-01-01T00:00:00+99:99",
        1700000000,
        "",
        "2999-01-01T00:00:00Z",
    ):
        add(f"occurred_at {moment}", _text(body({"name": "a"}, occurred_at=moment)), "validation clock_skew")
    for extra in ("Name", "name ", "routing\u200b", "__proto__", "$sealed", "nmae", "", "data", "a" * 1_000):
        add(f"the unknown field {extra[:20]!r}", _text(body({"name": "a", extra: 1})), "validation malformed")
        add(
            f"the unknown member {extra[:20]!r}",
            twice[:-1] + b"," + json.dumps(extra).encode() + b":1}",
            "validation malformed",
        )
    _add_wrong_types(add, body)
    for token in (
        "fly",
        "Form",
        "FORM",
        "form.more",
        "form.*",
        "form.>",
        "команда",
        "x" * 1_000,
        "$sealed",
        "form%20",
        "\u200bform",
    ):
        add(f"the command {token[:20]}", _text(body({"name": "a"})), "unknown_command", f"command.web.team.{token}")
    for aggregate in ("dragon", "Team", "TEAM", "*", "тим", "x" * 500, "teams"):
        add(
            f"the aggregate {aggregate[:20]}",
            _text(body({"name": "a"})),
            "unknown_command",
            f"command.web.{aggregate}.form",
        )
    for publisher in ("Web", "*", "wéb", "x" * 65, "web'", "web$", "_INBOX", "web%00"):
        add(
            f"the publisher {publisher[:20]}", _text(body({"name": "a"})), "malformed", f"command.{publisher}.team.form"
        )
    for publisher in ("timer", "policy"):
        add(f"the publisher {publisher}", _text(body({"name": "a"})), "forbidden", f"command.{publisher}.team.form")
    for subject in ("command.web", "command.web.team", "command.>", "command.*", "command.web.team.form.a.b.c.d"):
        add(f"the subject {subject}", _text(body({"name": "a"})), "unknown_command malformed", subject)
    return found


def _add_wrong_types(add: Callable[..., None], body: Callable[..., dict[str, Any]]) -> None:
    """Each field of some commands with values of the wrong type or beyond its range."""
    valid: dict[str, dict[str, Any]] = {
        "ticket.open": {
            "customer": "00000000-0000-4000-8000-000000000001",
            "type": "incident",
            "subject": "a",
            "channel": "web",
            "impact": 3,
            "urgency": 2,
        },
        "agent.register": {"name": "a", "role": "agent", "capacity": 1, "skills": ["a"]},
        "transaction.record": {
            "customer": "00000000-0000-4000-8000-000000000001",
            "currency": "EUR",
            "amount_minor": 1,
            "source": {"system": "s", "order_no": "1"},
            "lines": [],
        },
        "customer.register": {"display_name": "a", "contact_points": [], "tags": [], "kind": "person"},
    }
    wrong: list[Any] = [None, -1, 10**30, 1.5, {"a": [1]}, [[]], "\u202e", "x" * 400, True]
    # `null` stands for nothing given, and a text may be any text: those are answered like honest commands.
    honest = "accepted reference_missing already_exists contact_point_taken validation malformed"
    for name, data in valid.items():
        for member in data:
            for value in wrong:
                add(
                    f"{name} with {member} = {str(value)[:20]}",
                    _text(body({**data, member: value})),
                    honest,
                    f"command.web.{name}",
                )
