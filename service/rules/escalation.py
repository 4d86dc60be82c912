"""The escalation policy as data: read whole and checked, or refused with the place of every fault."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from service.domain.escalation import Clock, Plan, Rank, Step
from service.domain.levels import Level
from service.domain.rosters import Cover, ShiftRole
from service.rules.plain_yaml import Path as At
from service.rules.positions import Document, LoadError, LoadFailure, hint, read_source
from service.rules.schema import Region, SpanPart, Text
from service.rules.validation import Part, validated

ESCALATION_FILE = Path(__file__).with_name("escalation.yaml")
LONGEST_WAIT = 60 * 24 * 31  # minutes; longer is no escalation
MOST_STEPS, MOST_REPEATS = 20, 100
MOST_KNOWN = 5_000  # answers remembered


class EscalationFileError(LoadFailure):
    """A policy that cannot be used; `errors` holds every fault with its position."""


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """All plans of one file, the most specific region first, then the latest day; `sha256` of its canonical form."""

    name: str
    version: str
    sha256: str
    plans: tuple[Plan, ...]
    cover: tuple[Cover, ...]
    _known: dict[tuple[Clock, Level, str, date], Plan | None] = field(default_factory=dict, compare=False, repr=False)

    def plan(self, clock: Clock, level: Level, area: str, on: date) -> Plan | None:
        """The steps in force at a level in an area (12 digits) on a day; None: this clock tells nobody."""
        key = (clock, level, area, on)
        if key not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            fitting = (one for one in self.plans if one.clock is clock and one.level is level and one.covers(area, on))
            found = next(fitting, None)
            self._known[key] = found if found is not None and found.steps else None
        return self._known[key]


class EscalationHolder:
    """The policy in force in this process; a faulty one is refused and the last good one stays."""

    def __init__(self, policy: EscalationPolicy, channels: Collection[str] | None = None) -> None:
        self.current = policy
        self.channels = channels  # kinds of endpoint that there are; None: not known here

    def reload(self, source: Path | bytes, name: str | None = None) -> tuple[LoadError, ...]:
        """Take over a policy, or give its faults and change nothing."""
        try:
            self.current = load_escalation(source, name, self.channels)
        except EscalationFileError as failure:
            return failure.errors
        return ()


class _StepPart(Part):
    to: Literal["duty", "second", "supervisor", "leader", "direct_leader"]
    wait_minutes: int = Field(ge=1, le=LONGEST_WAIT)
    repeat: int = Field(default=0, ge=0, le=MOST_REPEATS)
    channel: Text | None = None
    only_lead: bool = False


class _ChainPart(Part):
    level: Literal["blue", "yellow", "orange", "red"]
    clock: Literal["sign", "confirm", "direct"]
    region: Region = Field(default_factory=list)
    from_: date | None = Field(default=None, alias="from")
    to: date | None = None
    source: Text
    unverified: bool = False
    idle_minutes: int | None = Field(default=None, ge=1, le=LONGEST_WAIT)
    only_statutory: bool = False
    steps: list[_StepPart] = Field(max_length=MOST_STEPS)


class _CoverPart(Part):
    role: Literal["duty", "second", "leader"]
    days: Literal["all", "rest"]
    source: Text
    unverified: bool = False


class _PolicyPart(Part):
    escalation: Text
    version: Text
    chains: list[_ChainPart] = Field(min_length=1)
    cover: list[_CoverPart] = Field(default_factory=list)


_INSIDE: dict[str, type[BaseModel]] = {"chains": _ChainPart, "steps": _StepPart, "cover": _CoverPart}


def load_escalation(
    source: Path | str | bytes = ESCALATION_FILE, name: str | None = None, channels: Collection[str] | None = None
) -> EscalationPolicy:
    """Read and check a policy: a Path is a file, a str or bytes its text; `channels` are the kinds a step may name.

    Raises EscalationFileError.
    """
    document = read_source(source, name)
    part = None if document.errors else validated(_PolicyPart, document, (), _INSIDE)
    if part is not None:
        _check(part, document)
        _check_channels(part, document, channels)
    if part is None or document.errors:
        raise EscalationFileError(document.errors)
    canonical = json.dumps(document.data, ensure_ascii=False, sort_keys=True, default=str)
    plans = sorted((plan for one in part.chains for plan in _plans(one)), key=_place_in_search, reverse=True)
    cover = tuple(Cover(ShiftRole(one.role), one.days == "rest", one.source, one.unverified) for one in part.cover)
    return EscalationPolicy(
        part.escalation, part.version, hashlib.sha256(canonical.encode()).hexdigest(), tuple(plans), cover
    )


def _plans(part: _ChainPart) -> list[Plan]:
    steps = tuple(
        Step(Rank(one.to), timedelta(minutes=one.wait_minutes), one.repeat, one.channel, one.only_lead)
        for one in part.steps
    )
    idle = None if part.idle_minutes is None else timedelta(minutes=part.idle_minutes)
    return [
        Plan(
            level=Level(part.level), clock=Clock(part.clock), steps=steps, source=part.source,
            unverified=part.unverified, region=region, first=part.from_ or date.min, last=part.to or date.max,
            idle=idle, only_statutory=part.only_statutory,
        )
        for region in part.region or [""]
    ]  # fmt: skip


def _place_in_search(plan: Plan) -> tuple[int, date]:
    return len(plan.region), plan.first


def _check(part: _PolicyPart, document: Document) -> None:
    """Faults that no single key shows."""
    seen: set[tuple[str, str, str, date]] = set()
    for place, one in enumerate(part.chains):
        here: At = ("chains", place)
        if not SpanPart.is_ordered(one.from_, one.to):
            document.fault((*here, "to"), f"失效日期 {one.to} 早于生效日期 {one.from_}")
        _check_chain(one, document, here)
        keys = {(one.level, one.clock, region, one.from_ or date.min) for region in one.region or [""]}
        if keys & seen:
            document.fault(here, f"{one.level} 级的 {one.clock} 在同一区域、同一生效日写了两次")
        seen |= keys


def _check_channels(part: _PolicyPart, document: Document, channels: Collection[str] | None) -> None:
    for place, one in enumerate(part.chains):
        for number, step in enumerate(one.steps):
            if channels is not None and step.channel is not None and step.channel not in channels:
                here: At = ("chains", place, "steps", number, "channel")
                document.fault(here, f"没有推送渠道 ‘{step.channel}’{hint(step.channel, channels)}")


def _check_chain(one: _ChainPart, document: Document, here: At) -> None:
    if one.clock == "sign" and one.steps and one.steps[0].to != "duty":
        document.fault((*here, "steps", 0, "to"), "签收时限的第一步是预警本身发给本单位，只能写 duty")
    if one.clock != "sign" and one.idle_minutes is not None:
        document.fault((*here, "idle_minutes"), "只有 clock: sign 可以写 idle_minutes", at_key=True)
    if one.clock != "direct" and one.only_statutory:
        document.fault((*here, "only_statutory"), "只有 clock: direct 可以写 only_statutory", at_key=True)
