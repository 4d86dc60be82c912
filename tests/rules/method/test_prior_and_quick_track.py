from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from service.domain.assessing import Severity
from service.domain.judging import Answer
from service.rules.method.cuts import MethodError
from service.rules.method.prior import prior
from service.rules.method.quick_track import Issue, IssueState, quick_check
from tests.rules.method.making import ON, legal

ISSUE = Issue("i1", "账目未公开", "民政局", ON + timedelta(days=3))


@pytest.mark.parametrize(
    ("count", "escalated", "low", "high"),
    [(10, 0, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (10, 5, 0.2366, 0.7634), (1000, 50, 0.0381, 0.0653)],
)
def test_the_interval_is_wilsons(count: int, escalated: int, low: float, high: float) -> None:
    found = prior(count, escalated)
    assert found.share == escalated / count
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_without_cases_everything_is_possible() -> None:
    found = prior(0, 0)
    assert (found.share, found.low, found.high) == (None, 0, 1)


@pytest.mark.parametrize(("count", "escalated"), [(5, 6), (5, -1), (-1, 0)])
def test_impossible_counts_are_refused(count: int, escalated: int) -> None:
    with pytest.raises(MethodError):
        prior(count, escalated)


@pytest.mark.parametrize(
    ("changed", "ready"),
    [
        ({}, False),
        ({"state": IssueState.CLEARED}, True),
        ({"state": IssueState.ACCEPTED, "note": "村民会议同意会后公开"}, True),
        ({"state": IssueState.ACCEPTED}, False),
        ({"state": IssueState.ACCEPTED, "note": ""}, False),
    ],
)
def test_an_open_issue_keeps_from_starting(changed: dict[str, object], ready: bool) -> None:
    assert quick_check([replace(ISSUE, **changed)], (), ON).ready is ready  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "severity", "ready"),
    [
        (Answer.CLEAR, Severity.BLOCK, True),
        (Answer.HIT, Severity.BLOCK, False),
        (Answer.NOT_EVALUATED, Severity.BLOCK, False),
        (Answer.HIT, Severity.WARN, True),
        (Answer.HIT, Severity.CLOCK, True),
    ],
)
def test_a_legal_block_keeps_from_starting(answer: Answer, severity: Severity, ready: bool) -> None:
    assert quick_check([], [legal(answer, severity)], ON).ready is ready


def test_what_stands_in_the_way_is_told_apart() -> None:
    late = replace(ISSUE, issue_id="i2", due=ON - timedelta(days=1))
    nobodys = Issue("i3", "选民名单有异议", None, None)
    legal_findings = [legal(Answer.HIT), legal(Answer.NOT_EVALUATED, check_id="V03")]
    found = quick_check([ISSUE, late, nobodys], legal_findings, ON)
    assert (found.open, found.overdue, found.unassigned) == (("i1", "i2", "i3"), ("i2",), ("i3",))
    assert (found.blocks, found.unanswered) == (("D03",), ("V03",))
    assert found.reasons[1] == f"账目未公开：由 民政局 办理，{date(2026, 11, 17)} 前办结，已逾期"


def test_an_issue_due_today_is_not_late() -> None:
    assert quick_check([replace(ISSUE, due=ON)], (), ON).overdue == ()
