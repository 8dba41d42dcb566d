"""The README's table of torture runs, made from the evidence of the full forms: nobody writes a figure by hand.

    python3 -m nemesis.readme [--check]

Writes the table between its two marks; with --check only says, by exit status 1, that it is not what evidence gives.
Needs nothing but Python's own library.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = ROOT / "tests" / "evidence"
SCENARIOS = ("roles", "postgres", "power", "nats", "cancel", "hostile", "model-pure", "model-postgres")
BEGIN = "<!-- tests/torture --readme writes what follows -->\n"
END = "<!-- until here -->\n"
KINDS_MAX = 5


def _evidence(name: str) -> dict[str, Any] | None:
    path = EVIDENCE / f"{name}.json"
    if not path.exists():
        return None
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def _faults(faults: dict[str, int]) -> str:
    """How many, and of which kinds: the most frequent ones first."""
    kinds = sorted(faults.items(), key=lambda kind: (-kind[1], kind[0]))
    told = [f"{count:,} {name.replace('_', ' ')}" for name, count in kinds[:KINDS_MAX]]
    if rest := kinds[KINDS_MAX:]:
        told.append(f"{sum(count for _, count in rest):,} of {len(rest)} other kinds")
    return f"{sum(faults.values()):,}: {', '.join(told)}"


def _row(name: str, run: dict[str, Any] | None) -> str:
    if run is None:
        cells = ["not run"] + [""] * 6
    elif run["skipped"]:
        cells = [f"skipped: {run['skipped']}"] + [""] * 6
    else:
        # The reference model's own programs inject no faults, so there is nothing to heal.
        faults = _faults(run["faults"]) if "faults" in run else "none: random commands, each judged by the reference model"
        healed = "" if "heal_s" not in run else "no" if run["heal_s"] is None else f"{run['heal_s']:.1f} s"
        cells = [
            faults + ("" if run["form"] == "full" else f" ({run['form']} form)"),
            f"{run['operations']['invoked']:,}",
            f"{run['events']:,}",
            f"{len(run['violations'])}",
            healed,
            f"{run['wall_s']:.0f} s",
            f"{run['seed']}, `{run['commit'][:9]}`",
        ]
    return f"| {' | '.join([f'`{name}`', *cells])} |".replace("|  |", "| |").replace("|  |", "| |")


def table() -> str:
    """What stands between the marks."""
    lines = [
        "",
        "| scenario | faults | commands | events checked | violations | healed in | took | seed, commit |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(name, _evidence(name)) for name in SCENARIOS),
        "",
    ]
    mutants = _evidence("seeded-bugs")
    if mutants is None:
        lines.append("Bugs put in on purpose: not run.")
    else:
        bugs = mutants["bugs"]
        caught = sum(bug["caught"] for bug in bugs)
        alarms = sum(bool(control["violations"]) for control in mutants["controls"])
        lines.append(
            f"Bugs put in on purpose: {caught} of {len(bugs)} were caught, with {alarms} false alarms in "
            f"{len(mutants['controls'])} runs without one ({mutants['wall_s']:.0f} s, `{mutants['commit'][:9]}`)."
        )
        lines += ["", "| bug | caught by | what it said first |", "|---|---|---|"]
        for bug in bugs:
            by = f"`{bug['by'].removeprefix('the test ')}`" + (f", {bug['faults']} faults" if bug["faults"] else "")
            said = (bug["first"] or "nothing").partition(":")[0] if bug["faults"] else "it fails"
            lines.append(f"| `{bug['bug']}`: {bug['what']} | {by if bug['caught'] else 'NOT CAUGHT'} | `{said}` |")
    return "\n".join([*lines, "", ""])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="nemesis.readme", description="Writes the README's table from the evidence.")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the table is as it must be")
    arguments = parser.parse_args()
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit("README.md does not hold the two marks")
    made = before + begin + table() + end + after
    if arguments.check:
        if made != text:
            print("README.md differs from tests/evidence: run tests/torture --readme")
        return int(made != text)
    if made != text:
        readme.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
