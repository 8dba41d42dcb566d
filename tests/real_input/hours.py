"""Business time, computed apart from Carelog: by walking over local days with Python's own zone rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = "Europe/London"
SHIFTS = [(time(7), time(12)), (time(12, 30), time(21))]
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
HOLIDAYS = {date(2003, 4, 18), date(2003, 4, 21)}


def definition() -> dict[str, object]:
    """The calendar as `calendar.define` takes it."""
    shifts = [{"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"} for start, end in SHIFTS]
    return {
        "zone": ZONE,
        "weekly": {day: shifts for day in WORKDAYS},
        "exceptions": {day.isoformat(): [] for day in HOLIDAYS},
    }


def _intervals(first: date, last: date) -> list[tuple[datetime, datetime]]:
    zone = ZoneInfo(ZONE)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    working = (day for day in days if day.weekday() < len(WORKDAYS) and day not in HOLIDAYS)
    return [
        (
            datetime.combine(day, start, zone).astimezone(UTC),
            datetime.combine(day, end, zone).astimezone(UTC),
        )
        for day in working
        for start, end in SHIFTS
    ]


def between(start: datetime, end: datetime) -> timedelta:
    """The working time from one instant to another."""
    day = timedelta(days=1)
    overlaps = (
        min(closes, end) - max(opens, start)
        for opens, closes in _intervals(start.date() - day, end.date() + day)
        if opens < end and start < closes
    )
    return sum(overlaps, timedelta())


def after(start: datetime, working: timedelta) -> datetime:
    """The first instant from which so much working time has passed."""
    left = working
    for opens, closes in _intervals(start.date() - timedelta(days=1), start.date() + timedelta(days=60)):
        begins = max(opens, start)
        if begins >= closes:
            continue
        if left <= closes - begins:
            return begins + left
        left -= closes - begins
    raise ValueError("no such instant within sixty days")
