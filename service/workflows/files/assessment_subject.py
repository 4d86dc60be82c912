"""What the report of an assessment is made of, and the words in which it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from service.rules.method.preset import MethodPreset
from service.store.engine import Row
from service.workflows.files.report_document import told

DRAFTS = ("draft", "returned")
UNVERIFIED = "（未核实）"
CHANGED_METHOD = "评估提交之后评估方法已经修订，本报告不以新方法的分档和来源解释当时的结果；当时的版本见附件。"


@dataclass(frozen=True, slots=True)
class Reported:
    """An assessment with all that is told of it.

    `assessment` has its `result`, frozen or as of `today`; `preset` is None when the method has changed since
    submission. `department` names an office by its id, `label` a fact, `method` one of a plan; `day` gives an
    instant's local day.
    """

    project: Row
    assessment: Row
    evidence: Sequence[Row]
    participation: Sequence[Row]  # each with its `doubts` and `survey`, the counts of a questionnaire or None
    emergency: Row | None
    issues: Sequence[Row]
    preset: MethodPreset | None
    versions: Mapping[str, str]
    area: str
    open_matters: Mapping[str, int]  # Level value → how many are open in the area
    today: date
    department: Callable[[Any], str]
    label: Callable[[str], str]
    method: Callable[[str], str]
    day: Callable[[Any], date]

    @property
    def draft(self) -> bool:
        return self.assessment["state"] in DRAFTS

    @property
    def result(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.assessment["result"]
        return found

    @property
    def graded(self) -> bool:
        """An election is checked, not graded."""
        return "after" in self.result

    @property
    def given(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.assessment["given"]
        return found

    @property
    def counting(self) -> frozenset[str]:
        """Ids of the evidence on which the result rests: as frozen, or what is filed now."""
        if not self.draft:
            return frozenset(self.assessment["facts"]["evidence"])
        return frozenset(str(row["id"]) for row in self.evidence if row["withdrawn_at"] is None)

    def of_project(self, name: str) -> Any:
        """`name`, `kind`, `area`, `stage` … as the assessment saw it; what was not frozen then, as it is now."""
        return self.project[name] if self.draft else self.assessment["facts"].get(name, self.project[name])

    def settled(self) -> Sequence[Mapping[str, Any]]:
        """The open issues of a quick check as the assessment saw them."""
        found: Sequence[Mapping[str, Any]] = self.issues if self.draft else self.assessment["facts"]["issues"]
        return found

    def place(self, factor: Mapping[str, Any]) -> int:
        """The number of a factor in all tables and figures: its place among those entered, from 1."""
        return [one["factor_id"] for one in self.given["factors"]].index(factor["factor_id"]) + 1

    def category(self, category_id: str) -> str:
        known = self.preset.checklist.category(category_id) if self.preset else None
        return known.name if known else told(category_id)

    def event(self, code: str) -> str:
        kinds = self.preset.events.kinds if self.preset else ()
        return next((kind.name for kind in kinds if kind.code == code), told(code))


def number(value: float) -> str:
    """At most six digits that count, so that a figure reads as it was reckoned."""
    return f"{value:.6g}"


def share(value: float) -> str:
    """A weight, 0–1, at four digits that count: as many as a column holds."""
    return f"{value:.4g}"


def counted(value: int | None, unit: str = "") -> str:
    return "未填" if value is None else f"{value}{unit}"


def dated(day: date | str | None) -> str:
    """2026年11月22日; also from JSON."""
    if day is None:
        return "未填"
    known = date.fromisoformat(day[:10]) if isinstance(day, str) else day
    return f"{known.year}年{known.month}月{known.day}日"
