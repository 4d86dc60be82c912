"""The facts of a matter, as rules may read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from service.domain.catalogue import Catalogue
from service.domain.matters import MatterSnapshot, PlaceHistory, ProjectSnapshot
from service.domain.words import Source
from service.rules.vocabulary import MISSING, FactVocabulary, load_vocabulary

FACTS_FILE = Path(__file__).with_name("facts.yaml")

EVERYDAY_SOURCES: Mapping[str, str] = {
    Source.GRID.value: "网格",
    Source.HOTLINE.value: "热线",
    Source.ONLINE.value: "网上",
    Source.POLICE_LINKAGE.value: "110 联动",
    Source.FIELD_VISIT.value: "下访",
    Source.OTHER.value: "其他",
}
"""The sources a rule can see. Petitioning is a right, so its channels are not among them."""

_HOUR = timedelta(hours=1)
_WEEKS_BEFORE = 4


def matter_vocabulary(catalogue: Catalogue, source: Path = FACTS_FILE) -> FactVocabulary:
    """The vocabulary of facts.yaml with the catalogue's categories and signals as closed words."""
    categories = catalogue.categories.values()
    return load_vocabulary(
        source,
        {
            "categories": {category.code: category.name for category in categories},
            "first_levels": {category.code: category.name for category in categories if category.parent is None},
            "signals": {signal.code: signal.name for signal in catalogue.signals.values()},
            "sources": EVERYDAY_SOURCES,
        },
    )


def facts_of(snapshot: MatterSnapshot, unlisted: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every fact of facts.yaml for one matter; what is not known is MISSING.

    `unlisted` adds facts that a caller's own vocabulary has beyond these; it cannot replace one of them.
    """
    return {
        **(unlisted or {}),
        **_people(snapshot),
        **_reports(snapshot),
        **_duties(snapshot),
        **_project(snapshot.project),
        **_place(snapshot.place),
    }


def _people(snapshot: MatterSnapshot) -> dict[str, Any]:
    first, latest = snapshot.people_first, snapshot.people_latest
    return {
        "people_affected": _known(snapshot.people_max),
        "people_latest": _known(latest),
        "people_growth": latest / first if first and latest is not None else MISSING,
        "people_present": _known(snapshot.present_max),
    }


def _reports(snapshot: MatterSnapshot) -> dict[str, Any]:
    everyday = snapshot.sources & EVERYDAY_SOURCES.keys()
    return {
        "category": snapshot.category,
        "first_level": snapshot.first_level,
        "report_count": snapshot.report_count,
        "reports_72h": snapshot.reports_72h,
        "reports_prev_72h": snapshot.reports_prev_72h,
        "reports_7d": snapshot.reports_7d,
        "growing": snapshot.reports_72h > snapshot.reports_prev_72h,
        "settled_on_spot_count": snapshot.settled_on_spot_count,
        "all_settled_on_spot": 0 < snapshot.report_count == snapshot.settled_on_spot_count,
        "signals": snapshot.signals,
        "text_signals": snapshot.text_signals,
        "sources": frozenset(everyday),
        "source_count": len(everyday),
    }


def _duties(snapshot: MatterSnapshot) -> dict[str, Any]:
    replied = snapshot.replied_at
    return {
        "replied": replied is not None,
        "hours_since_reply": max((snapshot.at - replied) // _HOUR, 0) if replied else MISSING,
        "reports_after_reply": snapshot.reports_after_reply,
        "repeated_after_reply": snapshot.reports_after_reply > 0,
        "missed_clocks": snapshot.missed_clocks,
        "days_open": max((snapshot.at - snapshot.opened_at).days, 0),
    }


def _project(project: ProjectSnapshot | None) -> dict[str, Any]:
    return {
        "on_project": project is not None,
        "project_kind": project.kind if project else MISSING,
        "project_stage": project.stage if project else MISSING,
        "missing_legal_steps": _known(project.missing_legal_steps) if project else MISSING,
    }


def _place(place: PlaceHistory) -> dict[str, Any]:
    weekly = place.reports_28d_before / _WEEKS_BEFORE
    return {
        "place_reports_7d": place.reports_7d,
        "place_reports_ratio": place.reports_7d / weekly if weekly else MISSING,
        "place_open_matters": place.open_matters,
    }


def _known(count: int | None) -> Any:
    return MISSING if count is None else count
