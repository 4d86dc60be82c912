"""When to try a push again. Pure: the clock and the die are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from service.domain.levels import Level


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waiting times before each new attempt, in seconds, with where they come from."""

    name: str
    version: str
    region: str  # "*": everywhere
    effective_from: date
    source: str
    levels: frozenset[Level]
    waits: tuple[int, ...]  # seconds
    patience: int  # seconds after which a standby address takes over beside it
    unit: str = "s"


SCHEDULES = (
    Schedule(
        name="urgent",
        version="1",
        region="*",
        effective_from=date(2026, 11, 1),
        source="this project's choice: the Svix schedule compressed to under four hours, for the human deadline "
        "is kept by the escalation clock and another channel takes over after the last try [unverified in the field]",
        levels=frozenset({Level.RED, Level.ORANGE}),
        waits=(5, 15, 60, 180, 600, 1800, 3600, 7200),
        patience=300,  # four tries have failed by then
    ),
    Schedule(
        name="patient",
        version="1",
        region="*",
        effective_from=date(2026, 11, 1),
        source="default retry_schedule of the Svix server",
        levels=frozenset({Level.YELLOW, Level.BLUE}),
        waits=(5, 300, 1800, 7200, 18000, 36000, 36000),
        patience=7200,
    ),
)


@dataclass(frozen=True, slots=True)
class Endurance:
    """What is made of an address that keeps failing. Counts are of failures in a row."""

    version: str
    region: str
    effective_from: date
    source: str
    doubtful: int  # then one push at a time, so that dead ones do not take all places
    opens: int  # then no push at all for `pause`: the circuit is open, and the next push is a probe
    pause: timedelta
    ends: timedelta  # of nothing but failures: then it is switched off, and others are told


ENDURANCE = Endurance(
    version="1",
    region="*",
    effective_from=date(2026, 11, 1),
    source="five days: endpoint_failure_disable_after of the Svix server; the rest is this project's choice, short "
    "enough that a receiver that is back hears within half a minute [unverified in the field]",
    doubtful=3,
    opens=10,
    pause=timedelta(seconds=30),
    ends=timedelta(hours=120),
)

JITTER = 0.2  # share of the wait, both ways; source: Svix server, JITTER_DELTA
THROTTLED_WAIT = 60  # seconds, the least after a timeout or "too many requests"; source: Svix server
RETRY_AFTER_REACH = 2  # times the wait: a receiver may not park a warning for a day; source: Svix server


@dataclass(frozen=True, slots=True)
class Setback:
    """What a failed attempt told: `throttled` (timed out, or asked for less), `retry_after` in seconds if sent."""

    throttled: bool = False
    retry_after: float | None = None


def schedule_for(level: Level) -> Schedule:
    return next(schedule for schedule in SCHEDULES if level in schedule.levels)


def patience_of(level: Level) -> timedelta:
    """For how long the first addresses of a department are waited for before its standby hears too."""
    return timedelta(seconds=schedule_for(level).patience)


def next_attempt(level: Level, attempts_done: int, now: datetime, setback: Setback, random01: float) -> datetime | None:
    """When the next attempt is due; None when the schedule is used up (given up).

    `attempts_done` counts attempts already made: 0 is due at once, 1 waits the first step. `random01` in [0, 1].
    """
    if attempts_done == 0:
        return now
    waits = schedule_for(level).waits
    if attempts_done > len(waits):
        return None
    shortest, longest = wait_range(waits[attempts_done - 1], setback)
    return now + timedelta(seconds=shortest + (longest - shortest) * random01)


def wait_range(wait: int, setback: Setback) -> tuple[float, float]:
    """Shortest and longest wait in seconds around a step of the schedule.

    The jitter never goes below a floor somebody asked for: below 60 s when throttled, below the receiver's Retry-After.
    """
    base = max(wait, THROTTLED_WAIT) if setback.throttled else wait
    most = base * RETRY_AFTER_REACH
    if setback.retry_after is not None:
        asked = min(max(setback.retry_after, base), most)
        return asked, min(asked * (1 + JITTER), most)
    floor = THROTTLED_WAIT if setback.throttled else 0
    return max(base * (1 - JITTER), floor), base * (1 + JITTER)


def as_table() -> str:
    """The schedules in Markdown, as docs/delivery.md shows them; its test says when to paste this anew."""
    head = "| levels | waits between tries | tries | at the longest | standby after | version, source |"
    lines = [
        f"| {'、'.join(level.zh for level in Level if level in one.levels)} | {', '.join(map(_span, one.waits))}"
        f" | {len(one.waits) + 1} | {_span(sum(one.waits))} | {_span(one.patience)} | {one.version}, {one.source} |"
        for one in SCHEDULES
    ]
    return "\n".join([head, "|" + "---|" * 6, *lines])


def _span(seconds: int) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{round(seconds / size, 1):g} {unit}"
    return f"{seconds} s"
