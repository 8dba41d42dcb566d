"""What clients were told against what is there."""

from __future__ import annotations

from typing import Any

from .check_log import Event, Log, Receipt
from .violations import Violations

# Refusals that are not decisions: they leave no receipt of their own, and the same id may be asked again.
UNDECIDED = {"malformed", "payload_too_large", "unknown_command", "forbidden", "command_mismatch"}
# A field can be refused when the message is read (no receipt) and when the domain looks at it (a receipt).
PERHAPS_DECIDED = {"validation"}
OWN_PUBLISHERS = {"timer", "policy"}


def check(commands: list[dict[str, Any]], log: Log, violations: Violations) -> None:
    """Compares every operation of the history with events and receipts."""
    asked = set()
    for operation in commands:
        key = (operation["publisher"], operation["command_id"])
        asked.add(key)
        for anomaly in operation.get("anomalies", []):
            violations.add("answer", f"{operation['op']} {key}: {anomaly}")
        _answers_agree(operation, violations)
        events, receipt = log.by_command.get(key, []), log.receipts.get(key)
        match operation["outcome"]:
            case "accepted":
                _accepted(operation, events, receipt, log, violations)
            case "rejected":
                _rejected(operation, events, receipt, violations)
            case "unknown":
                if receipt is None:
                    violations.expect(not events, "unknown_half", f"{key} has events {_places(events)} and no receipt")
            case other:
                violations.add("history", f"an operation has the outcome {other}")
    for key, events in log.by_command.items():
        if key not in asked and key[0] not in OWN_PUBLISHERS:
            violations.add("from_nowhere", f"nobody sent the command {key} of the events {_places(events)}")


def _places(events: list[Event]) -> list[int]:
    return [event.position for event in events]


def without_replayed(reply: dict[str, Any]) -> dict[str, Any]:
    """An answer without the one member that may differ."""
    return {name: value for name, value in reply.items() if name != "replayed"}


def _answers_agree(operation: dict[str, Any], violations: Violations) -> None:
    """Two answers for one command id are equal, save that one is the first."""
    answers = operation["answers"]
    for other in answers[1:]:
        if without_replayed(other) != without_replayed(answers[0]):
            violations.add("answers_differ", f"{operation['op']} {operation['command_id']}: {answers[0]} and {other}")


def _accepted(
    operation: dict[str, Any], events: list[Event], receipt: Receipt | None, log: Log, violations: Violations
) -> None:
    reply = operation["reply"]
    here = f"{operation['op']} {operation['command_id']}, accepted at {reply.get('position')}"
    if receipt is None:
        violations.add("accepted_lost", f"{here}, has no receipt and the events {_places(events)}")
        return
    if receipt.code is not None:
        violations.add("accepted_lost", f"{here}, has a receipt that says {receipt.code}")
    violations.expect(reply["command_id"] == operation["command_id"], "reply", f"{here}: for {reply['command_id']}")
    violations.expect(reply["id"] == operation["id"], "reply", f"{here}: the aggregate is {reply['id']}")
    types, places = [event.type for event in events], _places(events)
    violations.expect(types == reply["events"], "accepted_events", f"{here}: told {reply['events']}, there are {types}")
    last = reply["position"]
    if events:
        expected = list(range(last - len(events) + 1, last + 1))
        violations.expect(places == expected, "accepted_events", f"{here}: positions {places}, not {expected}")
    violations.expect(1 <= last <= len(log.events), "reply", f"{here}: the history ends at {len(log.events)}")
    stream = (operation["op"].split(".")[0], operation["id"])
    version = log.version_at(stream, last)
    violations.expect(version == reply["version"], "reply_version", f"{here}: told {reply['version']}, was {version}")
    ordinal = max((event.ordinal for event in events if event.ordinal is not None), default=None)
    violations.expect(
        reply.get("ordinal") == ordinal, "reply", f"{here}: ordinal {reply.get('ordinal')}, not {ordinal}"
    )
    stored = (receipt.version, receipt.position, receipt.event_types, receipt.ordinal)
    told = (reply["version"], last, reply["events"], reply.get("ordinal"))
    violations.expect(stored == told, "receipt_differs", f"{here}: told {told}, the receipt has {stored}")


def _rejected(operation: dict[str, Any], events: list[Event], receipt: Receipt | None, violations: Violations) -> None:
    code = operation["reply"].get("code")
    here = f"{operation['op']} {operation['command_id']}, rejected as {code}"
    if code in UNDECIDED:
        return
    violations.expect(not events, "rejected_with_events", f"{here}, has the events {_places(events)}")
    if receipt is None:
        violations.expect(code in PERHAPS_DECIDED, "rejected_lost", f"{here}, has no receipt")
    else:
        violations.expect(receipt.code == code, "receipt_differs", f"{here}, has a receipt that says {receipt.code}")


def check_reads(reads: list[dict[str, Any]], violations: Violations) -> None:
    """Who asks at the position of an own write sees it, or is told that it is not there yet."""
    for read in reads:
        here = f"GET {read['subject']} at {read['min_position']}"
        if read["status"] == 200:
            fresh = read["version"] is not None and read["version"] >= read["version_min"]
            told = f"version {read['version']}, written was {read['version_min']}"
            violations.expect(fresh and read["position"] >= read["min_position"], "stale_read", f"{here}: {told}")
        else:
            violations.expect(read["status"] == 503, "stale_read", f"{here}: status {read['status']}")


def check_inbox(commands: list[dict[str, Any]], log: Log, violations: Violations) -> None:
    """What the durable inbox took was decided; only where NATS lost nothing that it acknowledged."""
    for operation in commands:
        key = (operation["publisher"], operation["command_id"])
        if operation.get("acked") and key not in log.receipts:
            violations.add("inbox_lost", f"{operation['op']} {key} was acknowledged by the inbox and never decided")
