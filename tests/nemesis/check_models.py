"""The read models: at the end of the history, equal to a second implementation where there is one, and equal to what a
rebuild from zero makes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any, ClassVar

from .check_log import Log
from .psql import Database
from .violations import Violations

PRESENT = "9223372036854775807"
REBUILD_LIMIT_S = 600


def check_positions(database: Database, head: int, violations: Violations) -> None:
    """Every model is at the end of the history; none is blocked, nothing is parked."""
    rows = database.rows("select model, position, coalesce(blocked, '') from read.checkpoint order by model")
    violations.expect(len(rows) > 0, "model_behind", "there is no read model")
    for model, position, blocked in (row + [""] * (3 - len(row)) for row in rows):
        violations.expect(int(position) == head, "model_behind", f"{model} is at {position}, the history at {head}")
        violations.expect(not blocked, "model_blocked", f"{model} is blocked: {blocked}")
    for model, key, error in database.rows("select model, key, error from read.parked"):
        violations.add("model_parked", f"{model} {key} is parked: {error}")


class Ticket:
    """A ticket as its events make it, told again from the descriptions of the events."""

    STATUS_AFTER: ClassVar = {
        "TicketOpened": "new",
        "TicketAwaitingCustomer": "pending",
        "TicketPutOnHold": "on_hold",
        "TicketResumed": "open",
        "TicketReopened": "open",
        "TicketMergedInto": "merged",
        "TicketCancelled": "cancelled",
        "TicketResolved": "resolved",
        "TicketClosed": "closed",
    }
    STATUS_TOLD: ClassVar = {
        "TicketAssigned",
        "AgentReplied",
        "CustomerReplied",
        "TicketRestoredFromMerge",
        "TicketRestored",
    }

    def __init__(self) -> None:
        self.number: int | None = None
        self.customer = ""
        self.status = ""
        self.assignee: str | None = None
        self.team: str | None = None
        self.priority = ""
        self.reopen_count = 0
        self.time_spent_s = 0
        self.tags: set[str] = set()
        self.version = 0

    def apply(self, type_: str, ordinal: int | None, content: dict[str, Any]) -> None:
        self.version += 1
        if type_ in self.STATUS_AFTER:
            self.status = self.STATUS_AFTER[type_]
        elif type_ in self.STATUS_TOLD:
            self.status = content["status"]
        match type_:
            case "TicketOpened":
                self.number, self.customer, self.priority = ordinal, content["customer"], content["priority"]
                self.team, self.tags = content.get("team"), set(content.get("tags", []))
            case "TicketAssigned":
                self.assignee = content["to"]
            case "TicketUnassigned":
                self.assignee = None
            case "TicketRouted":
                self.team = content["to"]
            case "TicketPrioritized":
                self.priority = content["to"]
            case "TicketReopened":
                self.reopen_count = content["count"]
            case "TimeLogged":
                self.time_spent_s += content["seconds"]
            case "TicketTagged":
                self.tags.add(content["tag"])
            case "TicketUntagged":
                self.tags.discard(content["tag"])

    def row(self) -> dict[str, Any]:
        return {**vars(self), "tags": sorted(self.tags)}


TICKET_ROWS = f"""
select json_build_object('key', key, 'number', number, 'customer', customer, 'status', status, 'assignee', assignee,
                         'team', team, 'priority', priority, 'reopen_count', reopen_count,
                         'time_spent_s', time_spent_s, 'tags', tags, 'version', version)::text
  from read.ticket
 where to_position = {PRESENT}"""


def check_second_implementation(database: Database, log: Log, violations: Violations) -> None:
    """Tickets by a fold of our own, and how many customers, transactions and tickets there are."""
    told = {}
    for key, events in log.tickets.items():
        ticket = Ticket()
        for type_, ordinal, content in events:
            ticket.apply(type_, ordinal, content)
        told[key] = ticket.row()
    shown = {}
    for line in database.copy(TICKET_ROWS):
        # COPY writes a backslash twice.
        row = json.loads(line.decode().replace("\\\\", "\\"))
        row["tags"] = sorted(row["tags"])
        shown[row.pop("key")] = row
    for key in told.keys() | shown.keys():
        made, model = told.get(key), shown.get(key)
        violations.expect(made == model, "model_differs", f"ticket {key}: events make {made}, the model has {model}")
    firsts = {
        "customer": ("CustomerRegistered",),
        "transaction": ("TransactionRecorded",),
        "need": ("NeedCaptured",),
        "inquiry": ("InquiryReceived",),
        "feedback": ("SurveyRequested", "FeedbackSubmitted"),
        "service_plan": ("ServicePlanDrafted",),
        "service_execution": ("ServiceExecutionPlanned",),
        "service_evaluation": ("EvaluationDrafted",),
        "agent": ("AgentRegistered",),
        "team": ("TeamFormed",),
        "calendar": ("CalendarDefined",),
        "sla_policy": ("SlaPolicyDefined",),
        "scorecard": ("ScorecardDefined",),
    }
    for model, types in firsts.items():
        first = " or ".join(types)
        counted = sum(event.type in types and event.version == 1 for event in log.events)
        rows = database.number(f"select count(*) from read.{model} where to_position = {PRESENT}")
        violations.expect(rows == counted, "model_differs", f"{model} has {rows} rows, there are {counted} {first}")


def _dump(database: Database) -> dict[str, list[str]]:
    """All rows of all models' views, every version, in order; each as a digest with its beginning."""
    dump: dict[str, list[str]] = {}
    views = database.rows("select table_name from information_schema.views where table_schema = 'read' order by 1")
    for (view,) in views:
        order = "fact_id, position" if view.endswith("_fact") else "key, from_position"
        lines = database.copy(f'select * from read."{view}" order by {order}')
        dump[view] = [f"{hashlib.sha256(line).hexdigest()} {line[:160].decode(errors='replace')}" for line in lines]
    return dump


def check_rebuild(database: Database, binary: Path, violations: Violations) -> int:
    """Dumps all rows, has all models rebuilt, dumps them again. Gives how many rows were compared."""
    live = _dump(database)
    environment = dict(os.environ)
    command = [str(binary), "models", "rebuild", "--all"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=REBUILD_LIMIT_S, check=False)
    if done.returncode != 0:
        end = done.stderr.decode(errors="replace")[-500:]
        violations.add("rebuild", f"models rebuild --all ended with {done.returncode}: {end}")
        return 0
    rebuilt = _dump(database)
    violations.expect(live.keys() == rebuilt.keys(), "rebuild", f"views {list(live)} became {list(rebuilt)}")
    for view in live.keys() & rebuilt.keys():
        before, after = live[view], rebuilt[view]
        violations.expect(
            len(before) == len(after), "rebuild_differs", f"{view}: {len(before)} rows, {len(after)} rebuilt"
        )
        for one, other in zip(before, after, strict=False):
            if one != other:
                violations.add("rebuild_differs", f"{view}: first difference: live {one[65:]} … rebuilt {other[65:]} …")
                break
    return sum(len(rows) for rows in live.values())
