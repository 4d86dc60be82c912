"""From judged matters to their warnings: who decides, with which policy, in which words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from service.domain.levels import Level
from service.domain.matters import Matter
from service.domain.warnings import Warning
from service.rules.thresholds import Thresholds
from service.store.engine import new_id
from service.store.reference import Reference
from service.workflows.deciding import Case, Move, Policy, decide
from service.workflows.judging import MINIMUM_PEOPLE, Judged
from service.workflows.parts import Engines
from service.workflows.telling import Teller


def moves_for(
    teller: Teller, judged: Sequence[Judged], current: Mapping[UUID, Warning], stale: Collection[UUID] = ()
) -> dict[UUID, Move]:
    """The move each judged matter's warning makes, by matter id; matters without news are absent.

    `current` holds the warnings open on them, locked. `stale` matters, known from late reports only, keep a warning
    that is open but open none.
    """
    heard = [one for one in judged if one.matter.id in current or one.matter.id not in stale]
    decided = {one.matter.id: _decided(teller, one, current) for one in heard}
    return {matter_id: move for matter_id, move in decided.items() if move is not None}


def policy_for(engines: Engines, area: str, now: datetime) -> Policy:
    return engines.thresholds.made(_policy, area, engines.day(now))


def _policy(thresholds: Thresholds, area: str, on: date) -> Policy:
    value = thresholds.value
    return Policy(
        minimum_people=int(value(MINIMUM_PEOPLE, area, on)),
        growth_factor=value("warning.growth_factor", area, on),
        confirm_minutes={
            level: value(f"warning.confirm_minutes.{level}", area, on) for level in (Level.ORANGE, Level.RED)
        },
    )


def headline(engines: Engines, reference: Reference, matter: Matter) -> str:
    """Place, kind and size; never a word of any report."""
    people = f"，涉及 {matter.people_max} 人" if matter.people_max else ""
    grid = f"{matter.grid}网格" if matter.grid else ""
    kind = engines.catalogue.category_name(matter.category)
    return f"{reference.area_name(matter.area)}{grid}：{kind}，{matter.report_count} 起报告{people}"


def _decided(teller: Teller, one: Judged, current: Mapping[UUID, Warning]) -> Move | None:
    matter, known = one.matter, current.get(one.matter.id)
    case = Case(
        matter=matter,
        judgement=one.judgement,
        judgement_id=one.row["id"],
        headline=headline(teller.engines, teller.reference, matter),
        order=teller.reference.standing_order(one.judgement.level, matter.area, teller.now),
        now=teller.now,
    )
    return decide(case, known, new_id(), policy_for(teller.engines, matter.area, teller.now))
