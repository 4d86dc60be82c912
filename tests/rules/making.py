"""Valid things by default; a test shows the one difference."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from service.domain.judging import Answer, Finding, Score
from service.domain.levels import Level
from service.domain.matters import MatterSnapshot, PlaceHistory

AREA = "360102000000"
ON = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

RULEBOOK = """\
ruleset: demo
version: 2026.11.1
rules:
- id: DM-001
  name: 现场三十人以上
  basis: [{source: 示例}]
  when: {field: people_present, op: '>=', value: 30}
  then: {level_floor: orange, advice: 到场听取诉求}
  tests:
  - {given: {people_present: 30}, expect: hit}
  - {given: {people_present: 29}, expect: clear}
"""


def rulebook_text(*rules: dict[str, Any], **head: Any) -> str:
    """A rulebook in JSON, which is YAML; a rule that brings no tests of its own gets ones that always pass."""
    return json.dumps({"ruleset": "demo", "version": "1", "rules": list(rules), **head}, ensure_ascii=False)


def rule(rule_id: str = "DM-001", **changes: Any) -> dict[str, Any]:
    plain = {
        "id": rule_id,
        "name": "现场三十人以上",
        "basis": [{"source": "示例"}],
        "when": {"field": "people_present", "op": ">=", "value": 30},
        "then": {"level_floor": "orange", "advice": ["到场听取诉求"]},
        "tests": [
            {"given": {"people_present": 30}, "expect": "hit"},
            {"given": {"people_present": 29}, "expect": "clear"},
        ],
    }
    return plain | changes


def snapshot(**changes: Any) -> MatterSnapshot:
    plain: dict[str, Any] = {
        "at": NOW,
        "area": AREA,
        "category": "labour.wage_arrears",
        "first_level": "labour",
        "opened_at": NOW - timedelta(days=3),
        "first_occurred_at": NOW - timedelta(days=3),
        "last_occurred_at": NOW - timedelta(hours=1),
        "report_count": 1,
        "reports_72h": 1,
        "reports_prev_72h": 0,
        "reports_7d": 1,
        "settled_on_spot_count": 0,
        "people_first": None,
        "people_max": None,
        "people_latest": None,
        "present_max": None,
        "signals": frozenset(),
        "text_signals": frozenset(),
        "sources": frozenset({"grid"}),
        "replied_at": None,
        "reports_after_reply": 0,
        "missed_clocks": 0,
        "project": None,
        "place": PlaceHistory(),
    }
    return MatterSnapshot(**(plain | changes))


def hit(floor: Level | None = None, rule_id: str = "DM-001", **changes: Any) -> Finding:
    plain: dict[str, Any] = {"advice": ("听取诉求",), "basis": ("示例",)}
    return Finding(rule_id, "示例规则", Answer.HIT, level_floor=floor, **(plain | changes))


def score(probability: float | None) -> Score:
    return Score(probability, None if probability is not None else "涉及人数不足五人")
