"""Whether a group has anything to say again. Pure: Alertmanager's `needsUpdate`, row by row, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Why(StrEnum):
    """Why a group speaks or keeps quiet; the value is the Chinese reason."""

    FIRST = "本组首次发送"
    NOTHING_OPEN = "从未发送过，且组内均已办结"
    NEW_OPEN = "有未发送过的预警或新进展"
    ALL_ENDED = "组内预警已全部办结"
    STILL_ENDED = "组内均已办结，且已告知"
    NEW_ENDED = "有预警新近办结"
    REPEATED = "到了重复发送的时间"
    TOLD = "与上次发送的内容相同，未到重复发送的时间"
    NO_REPEAT = "与上次发送的内容相同，本路由不重复发送"


SPEAKS = frozenset({Why.FIRST, Why.NEW_OPEN, Why.ALL_ENDED, Why.NEW_ENDED, Why.REPEATED})


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What a group said last: which members were open and which had ended, and when."""

    at: datetime
    is_open: frozenset[str]
    ended: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a group's members stand now."""

    is_open: frozenset[str]
    ended: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """`tells_ended`: whether the end of a warning is told by itself. `repeat` None: never again without news."""

    tells_ended: bool = True
    repeat: timedelta | None = None


def needs_update(last: LogEntry | None, standing: Standing, rule: Rule, now: datetime) -> Why:
    """Why to speak, or why not; whether is `in SPEAKS`. The first row that fits decides."""
    if last is None:
        return Why.FIRST if standing.is_open else Why.NOTHING_OPEN
    if not standing.is_open <= last.is_open:
        return Why.NEW_OPEN
    if not standing.is_open:
        # Also where ends are not told: the log must not keep as open what is not.
        return Why.ALL_ENDED if last.is_open else Why.STILL_ENDED
    if rule.tells_ended and not standing.ended <= last.ended:
        return Why.NEW_ENDED
    if rule.repeat is None:
        return Why.NO_REPEAT
    return Why.REPEATED if last.at < now - rule.repeat else Why.TOLD
