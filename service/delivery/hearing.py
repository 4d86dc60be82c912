"""Whether a push leaves now or waits, and why. Pure; asked in Alertmanager's order: inhibit, times, silence, group.

Red leaves now, always, unless a silence to which a second office agreed hides it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.delivery.inhibition import Inhibition, Loud, inhibited_by
from service.delivery.matchers import Labels
from service.delivery.routes import Route
from service.delivery.silences import Silence, hiding
from service.delivery.times import free_from, is_free
from service.domain.levels import Level


class HeldBy(StrEnum):
    """What holds a push back."""

    INHIBITION = "inhibition"  # 抑制
    QUIET_HOURS = "quiet_hours"  # 免打扰时段
    SILENCE = "silence"  # 静默
    GROUPING = "grouping"  # 汇总


@dataclass(frozen=True, slots=True)
class Quiet:
    """Everything that may hold pushes back at one moment. `now` is local; `loud` are open warnings that may inhibit."""

    now: datetime
    silences: Sequence[Silence] = ()
    rules: Sequence[Inhibition] = ()
    loud: Sequence[Loud] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A push waits: by what, why (Chinese), and until when it need not be looked at again (None: one interval)."""

    by: HeldBy
    reason: str
    until: datetime | None = None
    silence_id: UUID | None = None


def held(labels: Labels, own_id: str, route: Route | None, quiet: Quiet) -> Held | None:
    """What holds a push of this warning by this route back, besides gathering; None: nothing."""
    if labels.get("level") == Level.RED:
        return _silenced(labels, quiet)
    loud = inhibited_by(labels, quiet.rules, quiet.loud, own_id)
    if loud is not None:
        return Held(HeldBy.INHIBITION, f"同一地点已有更紧急的预警{loud.named}，暂不另发")
    return _muted(route, quiet) or _silenced(labels, quiet)


def gathered(labels: Labels, route: Route | None) -> Held | None:
    """Whether a push waits to go out with others of its group."""
    if route is None or route.pace.by is None or labels.get("level") == Level.RED:
        return None
    return Held(HeldBy.GROUPING, f"按路由“{route.name}”与同组预警汇总发送")


def _muted(route: Route | None, quiet: Quiet) -> Held | None:
    if route is None or is_free(route.active, route.muted, quiet.now):
        return None
    until = free_from(route.active, route.muted, quiet.now)
    return Held(HeldBy.QUIET_HOURS, f"路由“{route.name}”此时免打扰，{until:%m-%d %H:%M} 后发送", until)


def _silenced(labels: Labels, quiet: Quiet) -> Held | None:
    silence = hiding(quiet.silences, labels, quiet.now)
    if silence is None:
        return None
    until = silence.ends_at.astimezone(quiet.now.tzinfo)
    said = f"已静默至 {until:%m-%d %H:%M}（{silence.author}：{silence.reason}）"
    return Held(HeldBy.SILENCE, said, until, silence.id)
