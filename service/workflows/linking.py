"""Which matter a report belongs to: the one it names, an open one alike in place, category and text, or a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.domain.areas import contains
from service.domain.matters import Matter
from service.domain.quick import changed
from service.domain.words import MatterStatus
from service.store.engine import new_id
from service.store.matters import Place
from service.workflows.place_memory import PlaceIndex
from service.workflows.preparing import Prepared

TITLE_CHARACTERS = 60
CANDIDATES = 20  # likest matters looked at for one report; place, category and time are checked on these


@dataclass(frozen=True, slots=True)
class LinkingRule:
    """From thresholds: how alike is alike, and how long after the last report a matter takes up another."""

    likeness: float  # 0–1
    window: timedelta


@dataclass(frozen=True, slots=True)
class Link:
    """Where a report went, and why; `linked_by` is kept with the report."""

    prepared: Prepared
    matter_id: UUID
    linked_by: dict[str, Any]


class Linker:
    """Links a group of reports to the open matters of their places. New matters take part as they open.

    The matters in `remembered` are shared with other groups and only read here; what this group changes lies on top
    of them until it is committed.
    """

    def __init__(self, remembered: Mapping[Place, PlaceIndex], named: Mapping[UUID, Matter], rule: LinkingRule) -> None:
        self._remembered, self._rule = remembered, rule
        self._named = named
        self.touched: dict[UUID, Matter] = {}
        self.opened: set[UUID] = set()
        self.reopened: set[UUID] = set()

    def link(self, prepared: Prepared, now: datetime) -> Link:
        """Fold the report into its matter and say why it went there."""
        matter, linked_by = self._find(prepared)
        if matter is None:
            matter, linked_by = _opened_by(prepared, now), {"by": "opened", "text": "没有相似的在办事项，新立事项"}
            self._remembered[prepared.place].add(matter.id, prepared.sketch)
            self.opened.add(matter.id)
        elif matter.status is MatterStatus.CLOSED:
            matter = changed(matter, status=MatterStatus.OPEN, closed_at=None, outcome=None)
            self.reopened.add(matter.id)
        matter = matter.with_report(prepared.facts)
        if prepared.report.project_id and matter.project_id is None:
            matter = changed(matter, project_id=prepared.report.project_id)
        self.touched[matter.id] = matter
        return Link(prepared, matter.id, linked_by)

    def _find(self, prepared: Prepared) -> tuple[Matter | None, dict[str, Any]]:
        named = prepared.report.matter_id
        if named is not None:
            matter = self._named[named]
            target = self._named[matter.merged_into] if matter.merged_into else matter
            return self.touched.get(target.id, target), {"by": "named", "text": "上报时指明了事项"}
        place = self._remembered[prepared.place]
        for matter_id, likeness in place.alike(prepared.sketch, self._rule.likeness)[:CANDIDATES]:
            found = self.touched.get(matter_id) or place.matters.get(matter_id)
            if found is not None and self._fits(prepared, found):
                least = self._rule.likeness
                text = f"与在办事项文本相似度 {likeness:.2f}，不低于 {least:.2f}，且区域、类别相符"
                return found, {"by": "likeness", "likeness": round(likeness, 4), "least": least, "text": text}
        return None, {}

    def _fits(self, prepared: Prepared, matter: Matter) -> bool:
        report = prepared.report
        near = contains(matter.area, report.area) or contains(report.area, matter.area)
        same_kind = matter.category == prepared.category or matter.first_level in (matter.category, prepared.category)
        in_time = abs(report.occurred_at - matter.last_occurred_at) <= self._rule.window
        return near and same_kind and in_time and matter.status is MatterStatus.OPEN


def _opened_by(prepared: Prepared, now: datetime) -> Matter:
    report = prepared.report
    return Matter(
        id=new_id(),
        area=report.area,
        grid=report.grid,
        category=prepared.category,
        first_level=prepared.first_level,
        title=(report.title or report.text)[:TITLE_CHARACTERS],
        opened_at=now,
        first_occurred_at=report.occurred_at,
        last_occurred_at=report.occurred_at,
        project_id=report.project_id,
        sketch=prepared.sketch.to_bytes(),
    )


def earliest(prepared: Sequence[Prepared], rule: LinkingRule) -> datetime:
    """Before this instant nothing can be linked to by these reports."""
    return min(p.report.occurred_at for p in prepared) - rule.window
