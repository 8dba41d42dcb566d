"""Real data through a running Carelog; see `tests/real-input`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from . import bank_week, reviews
from .carelog import Carelog, private_directory


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/real-input")
    parser.add_argument("what", nargs="*", choices=["bank-week", "reviews", []], metavar="bank-week|reviews")
    parser.add_argument("--share", type=int, default=1, help="take one row in so many")
    parser.add_argument("--seed", type=int, default=20030324)
    asked = parser.parse_args()
    data = Path(os.environ.get("CARELOG_TEST_DATA", "../shared/data"))
    if not data.is_dir():
        print(f"SKIPPED: there is no data at {data}", flush=True)
        return 0
    print(f"seed {asked.seed}", flush=True)
    directory = private_directory()
    carelog = Carelog(directory)
    try:
        found = []
        if "reviews" in (asked.what or ["reviews"]):
            found += reviews.run(carelog, data, asked.share)
        if "bank-week" in (asked.what or ["bank-week"]):
            found += bank_week.run(carelog, data, asked.share, asked.seed)
    finally:
        carelog.stop()
        shutil.rmtree(directory, ignore_errors=True)
    for difference in found[:20]:
        print(difference)
    return 1 if found else 0


sys.exit(main())
