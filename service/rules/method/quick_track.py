"""前置排查: what must be settled before something starts, such as an election. Checked, not graded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from service.domain.assessing import LegalFinding
from service.domain.judging import Answer
from service.rules.method.grading import legal_blocks


class IssueState(StrEnum):
    """OPEN until it is cleared, or accepted with a reason."""

    OPEN = "open"
    CLEARED = "cleared"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing found before the start. `department`: who settles it; `note`: how it was cleared or why accepted."""

    issue_id: str
    text: str
    department: str | None
    due: date | None
    state: IssueState = IssueState.OPEN
    note: str | None = None


@dataclass(frozen=True, slots=True)
class QuickCheck:
    """Ids of issues and legal checks that stand in the way; `unanswered`: blocking checks whose facts are missing."""

    ready: bool
    open: tuple[str, ...]
    overdue: tuple[str, ...]
    unassigned: tuple[str, ...]  # open, without a department or a day
    blocks: tuple[str, ...]
    unanswered: tuple[str, ...]
    reasons: tuple[str, ...]  # Chinese


def quick_check(issues: Sequence[Issue], legal: Sequence[LegalFinding], on: date) -> QuickCheck:
    """Ready only when no issue is open and every blocking legal check is known to be clear.

    An issue accepted without a reason is still open.
    """
    still = [issue for issue in issues if _is_open(issue)]
    blocks = legal_blocks(legal)
    return QuickCheck(
        ready=not still and not blocks,
        open=tuple(issue.issue_id for issue in still),
        overdue=tuple(issue.issue_id for issue in still if issue.due and issue.due < on),
        unassigned=tuple(issue.issue_id for issue in still if not issue.department or not issue.due),
        blocks=tuple(each.check_id for each in blocks if each.answer is Answer.HIT),
        unanswered=tuple(each.check_id for each in blocks if each.answer is not Answer.HIT),
        reasons=(*(_told(issue, on) for issue in still), *map(_legal, blocks)),
    )


def _is_open(issue: Issue) -> bool:
    return issue.state is IssueState.OPEN or (issue.state is IssueState.ACCEPTED and not issue.note)


def _told(issue: Issue, on: date) -> str:
    if issue.state is IssueState.ACCEPTED:
        return f"{issue.text}：写明理由才能接受"
    who = f"由 {issue.department} 办理" if issue.department else "尚无责任单位"
    when = f"{issue.due} 前办结" if issue.due else "尚无期限"
    late = "，已逾期" if issue.due and issue.due < on else ""
    return f"{issue.text}：{who}，{when}{late}"


def _legal(finding: LegalFinding) -> str:
    said = "未满足" if finding.answer is Answer.HIT else "无法判断"
    return f"{finding.check_id} {finding.name}：{said}"
