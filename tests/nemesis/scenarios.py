"""The scenarios by name."""

from __future__ import annotations

from .cancellation import give_up
from .faults_nats import hurt_nats
from .faults_postgres import end_postgres
from .faults_power import cut_power
from .faults_roles import kill_roles
from .hostile import attack
from .running import Scenario

ALL = {
    scenario.name: scenario
    for scenario in [
        Scenario("roles", full=1_000, short=60, inject=kill_roles),
        Scenario("postgres", full=300, short=20, inject=end_postgres),
        Scenario("power", full=150, short=8, inject=cut_power, sync_always=True, power=True),
        Scenario("nats", full=420, short=30, inject=hurt_nats, relays=3, inbox_survives=False),
        Scenario("cancel", full=20_000, short=2_000, inject=give_up, clients=6),
        Scenario("hostile", full=10_000, short=1_500, inject=attack, clients=2, pause_s=0.2),
    ]
}
