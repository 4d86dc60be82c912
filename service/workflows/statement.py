"""The monthly delivery statement of a department: what it was owed, what arrived, what it signed in time.

It is about the department's duty. Nothing in it counts or names who was on duty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from service.domain.levels import Level
from service.domain.problems import FieldError, Problem
from service.domain.words import DutyRole
from service.store import proof
from service.store.engine import Row
from service.store.views import Sight
from service.workflows.files.report_document import Heading, Paragraph, Report, numbered, table
from service.workflows.files.table_out import csv_text
from service.workflows.telling import Work

HEADER = (
    "预警编号",
    "事项",
    "级别",
    "职责",
    "发出",
    "签收时限",
    "签收",
    "答复时限",
    "答复",
    "催办次数",
    "逐级报送次数",
)
DUTY_WORDS = {
    "leading": "牵头", "taking_part": "配合", "signed_in_time": "按时签收", "signed_late": "逾期签收",
    "unsigned_overdue": "逾期未签收", "answered_in_time": "按时答复", "answered_late": "逾期答复",
    "unanswered_overdue": "逾期未答复",
}  # fmt: skip
PUSH_WORDS = {
    "owed": "应送达", "delivered": "已送达", "pending": "在送", "given_up": "未能送达", "cancelled": "已取消",
    "attempts": "推送次数",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """One department, one month. Seconds are (median, p90, longest), None where nothing was."""

    department_id: UUID
    department: str
    month: str
    pushes: dict[str, int]
    first_attempt_s: tuple[float, float, float] | None
    delivered_s: tuple[float, float, float] | None
    duties: dict[str, int]
    lines: Sequence[Row]


async def statement_of(work: Work, department: Row, month: str, sight: Sight) -> Statement:
    """What can be proved of a department's month (YYYY-MM, in the service's zone), as far as the viewer sees."""
    span = _month(month, work.engines.zone)
    async with work.doors.engine.connect() as connection:
        pushed = await proof.pushes(connection, department["id"], span, sight)
        lines = await proof.duties(connection, department["id"], span, sight)
    return Statement(
        department_id=department["id"],
        department=department["name"],
        month=month,
        pushes={name: int(pushed[name]) for name in PUSH_WORDS},
        first_attempt_s=_seconds(pushed["tried_s"]),
        delivered_s=_seconds(pushed["delivered_s"]),
        duties=_counted(lines, work.now),
        lines=lines,
    )


def _month(month: str, zone: ZoneInfo) -> proof.Span:
    try:
        first = date.fromisoformat(f"{month}-01")
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    except ValueError:
        error = FieldError("month", "not_a_month", "应为年月，例如 2026-11。")
        raise Problem(422, "invalid_request", "月份有误。", (error,)) from None
    return datetime.combine(first, time(), zone), datetime.combine(after, time(), zone)


def _counted(lines: Sequence[Row], now: datetime) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for line in lines:
        counts["leading" if line["role"] == DutyRole.LEAD else "taking_part"] += 1
        for done, due, words in (
            (line["signed_at"], line["sign_due_at"], ("signed_in_time", "signed_late", "unsigned_overdue")),
            (line["answered_at"], line["answer_due_at"], ("answered_in_time", "answered_late", "unanswered_overdue")),
        ):
            word = _in_time(done, due, now, words)
            if word:
                counts[word] += 1
    return {name: counts[name] for name in DUTY_WORDS}


def _in_time(done: datetime | None, due: datetime | None, now: datetime, words: tuple[str, str, str]) -> str | None:
    if done is not None:
        return words[1] if due is not None and done >= due else words[0]
    return words[2] if due is not None and due <= now else None


def _seconds(found: Sequence[float | None] | None) -> tuple[float, float, float] | None:
    if not found or found[0] is None:
        return None
    median, p90, longest = (round(float(one or 0), 1) for one in found)
    return median, p90, longest


def statement_csv(statement: Statement, zone: ZoneInfo) -> str:
    """The lines of a statement as a CSV that Excel opens; the counts follow from them."""
    return csv_text(HEADER, [_line(line, zone) for line in statement.lines])


def statement_page(statement: Statement, zone: ZoneInfo) -> Report:
    """The statement to print and file."""
    counts = {PUSH_WORDS[name]: count for name, count in statement.pushes.items()}
    kept = {DUTY_WORDS[name]: count for name, count in statement.duties.items()}
    blocks = [
        Heading(1, "送达"),
        table("推送", dict.fromkeys(counts, 1), [[str(count) for count in counts.values()]], ""),
        Paragraph(f"首次推送：{_told(statement.first_attempt_s)}；送达：{_told(statement.delivered_s)}。"),
        Heading(1, "承办"),
        table("签收与答复", dict.fromkeys(kept, 1), [[str(count) for count in kept.values()]], ""),
        Heading(1, "逐件"),
        table("当月发出的预警", dict.fromkeys(HEADER, 2), [_line(one, zone) for one in statement.lines], "当月没有。"),
        Paragraph("本表反映单位履职时限，不用于评价任何个人。", note=True),
    ]
    cover = (("单位", statement.department), ("月份", statement.month))
    return Report("预警送达与签收月报", "", cover, "内部资料", draft=False, blocks=tuple(numbered(blocks)))


def _told(seconds: tuple[float, float, float] | None) -> str:
    if seconds is None:
        return "当月没有"
    return f"中位 {seconds[0]:g} 秒，九成在 {seconds[1]:g} 秒内，最长 {seconds[2]:g} 秒"


def _line(line: Row, zone: ZoneInfo) -> list[str]:
    instants = ("issued_at", "sign_due_at", "signed_at", "answer_due_at", "answered_at")
    shown = [line[name].astimezone(zone).strftime("%Y-%m-%d %H:%M") if line[name] else "" for name in instants]
    role = "牵头" if line["role"] == DutyRole.LEAD else "配合"
    known = [str(line["warning_id"]), line["headline"], Level(line["level"]).zh, role]
    return [*known, *shown, str(line["reminders"]), str(line["escalations"])]
