"""The proof of one warning: what was decided and why, who was told when by what, who signed, who was told next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from service.domain.escalation import Chain
from service.domain.levels import Level
from service.domain.problems import not_found
from service.domain.words import DutyRole, SubjectKind
from service.store import chains, feed, held, outbox, warnings
from service.store.engine import Row
from service.store.reference import Reference
from service.store.views import Sight
from service.workflows.files.report_document import Block, Heading, Paragraph, Report, numbered, table
from service.workflows.files.table_out import csv_text
from service.workflows.telling import Work

MOST_JUDGEMENTS = 1000
_KINDS = {
    "judged": "研判", "changed": "变动", "owed": "应送达", "held": "暂缓推送", "tried": "推送",
    "signed": "签收", "answered": "答复", "escalated": "逐级报送", "skipped": "逐级报送跳过",
}  # fmt: skip
_EVENTS = {
    "opened": "生成，待核实", "issued": "发出", "updated": "更新", "acknowledged": "签收", "reminded": "催办",
    "escalated": "逐级报送", "resolved": "办结", "cancelled": "撤销",
}  # fmt: skip
_ROLES = {DutyRole.LEAD: "牵头", DutyRole.PARTICIPANT: "配合", DutyRole.COORDINATOR: "协调"}
_ORDER = {kind: place for place, kind in enumerate(_KINDS)}
_OF_PUSH = ("endpoint_id", "message_id", "state", "attempts", "last_error", "done_at")
_OF_STEP = ("clock", "since", "step", "told", "rank", "due_at", "endpoint_ids", "policy")
HEADER = ("时间", "类型", "单位", "内容", "版本")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, with the department it happened to and what else is known of it."""

    at: datetime
    kind: str
    text: str
    department: str | None = None
    revision: int | None = None
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def kind_zh(self) -> str:
        return _KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All entries of one warning in order, with who owes what on it and the chains that still run."""

    warning: Row
    entries: tuple[Entry, ...]
    duties: Sequence[Row]
    chains: Sequence[Chain]


async def timeline_of(work: Work, warning_id: UUID, sight: Sight) -> Timeline:
    """Everything that is on record of a warning in sight. Raises Problem 404."""
    async with work.doors.engine.connect() as connection:
        row = await feed.warning_in_sight(connection, warning_id, sight)
        if row is None:
            raise not_found("预警", warning_id)
        reference = await work.doors.reference.get(connection)
        events = await warnings.events_of(connection, warning_id)
        pushes = await outbox.of_warning(connection, warning_id)
        waited = await held.of_warning(connection, warning_id)
        duties = (await warnings.duties_of(connection, [warning_id]))[warning_id]
        steps = await chains.steps_of(connection, warning_id)
        running = await chains.of_warning(connection, warning_id)
        judged = (
            await warnings.judgements_of(connection, UUID(row["subject_id"]), MOST_JUDGEMENTS)
            if row["subject_kind"] == SubjectKind.MATTER
            else []
        )
    found = [*_judged(judged, row), *_changed(events), *_told(pushes, reference), *_stepped(steps, reference)]
    found += [*_held(waited), *_done(duties, reference)]
    named = [{**duty, "department": reference.department_name(duty["department_id"]) or "?"} for duty in duties]
    entries = sorted(found, key=lambda entry: (entry.at, _ORDER[entry.kind], entry.revision or 0))
    return Timeline(row, tuple(entries), named, running)


def _judged(judgements: Iterable[Row], warning: Row) -> Iterator[Entry]:
    """What was judged from the one that opened the warning on, until it ended."""
    for row in judgements:
        if row["at"] < warning["opened_at"] or (warning["resolved_at"] and row["at"] > warning["resolved_at"]):
            continue
        reasons = "；".join(str(reason["text"]) for reason in row["reasons"])
        by = {name: row[name] for name in ("rulebook", "rulebook_hash", "thresholds_version", "model_version", "cause")}
        yield Entry(row["at"], "judged", f"研判为{Level(row['level']).zh}级：{reasons}", data={"id": row["id"], **by})


def _changed(events: Iterable[Row]) -> Iterator[Entry]:
    for row in events:
        if row["type"] == "escalated":
            continue  # each of its steps is an entry of its own, with the department that was silent
        said = f"{_EVENTS.get(row['type'], row['type'])}：{row['note'] or ''}"
        yield Entry(row["at"], "changed", said, revision=row["revision"], data={"type": row["type"], "seq": row["seq"]})


def _told(pushes: Iterable[Row], reference: Reference) -> Iterator[Entry]:
    for push in pushes:
        who = reference.department_name(push["department_id"]) or "?"
        known = {name: push[name] for name in _OF_PUSH}
        yield Entry(push["created_at"], "owed", push["why"] or "", who, push["revision"], known)
        for one in push["tries"]:
            how = f"HTTP {one['status']}" if one["status"] is not None else one["error"] or "没有回音"
            at = datetime.fromisoformat(one["started_at"])
            said = f"第 {one['number']} 次：{how}，{one['milliseconds']} 毫秒"
            yield Entry(at, "tried", said, who, push["revision"], {"message_id": push["message_id"], **one})


def _held(waited: Iterable[Row]) -> Iterator[Entry]:
    """Pushes that did not leave at once: what held them back, and what became of them."""
    for row in waited:
        known = {
            name: row[name]
            for name in ("type", "why", "state", "held_by", "settled_at", "carried_by", "carried_revision")
        }
        by = f"；随预警 {row['carried_by']} 第 {row['carried_revision']} 版推送" if row["carried_by"] else ""
        yield Entry(row["created_at"], "held", row["reason"] + by, row["department"], row["revision"], known)


def _stepped(steps: Iterable[Row], reference: Reference) -> Iterator[Entry]:
    for row in steps:
        kind = "escalated" if row["told_id"] else "skipped"
        known = {name: row[name] for name in _OF_STEP}
        who = reference.department_name(row["told_id"]) if row["told_id"] else None
        yield Entry(row["at"], kind, row["reason"], who, row["revision"], known)


def _done(duties: Iterable[Row], reference: Reference) -> Iterator[Entry]:
    for duty in duties:
        who = reference.department_name(duty["department_id"]) or "?"
        for name, due in (("signed", "sign_due_at"), ("answered", "answer_due_at")):
            at = duty[f"{name}_at"]
            if at is not None:
                late = duty[due] is not None and at >= duty[due]
                said = f"{_KINDS[name]}{'（逾期）' if late else ''}"
                note = {"due_at": duty[due], "note": duty["sign_note"] if name == "signed" else None}
                yield Entry(at, name, said, who, data=note)


def timeline_csv(timeline: Timeline, zone: ZoneInfo) -> str:
    """The entries as a CSV that Excel opens."""
    rows = [
        (_local(one.at, zone), one.kind_zh, one.department or "", one.text, one.revision or "")
        for one in timeline.entries
    ]
    return csv_text(HEADER, rows)


def timeline_page(timeline: Timeline, zone: ZoneInfo) -> Report:
    """The entries to print: 办理全程记录."""
    warning = timeline.warning
    cover = (
        ("事项", warning["headline"]),
        ("级别", Level(warning["level"]).zh),
        ("预警编号", str(warning["id"])),
        ("生成时间", _local(warning["opened_at"], zone)),
        ("是否核实", "未核实" if warning["unverified"] else warning["confirmed_by"] or "不需核实"),
    )
    blocks: list[Block] = [
        Heading(1, "承办单位"),
        _duties_table(timeline.duties, zone),
        Heading(1, "全程记录"),
        table(
            "何时、何单位、何事",
            {"时间": 3, "类型": 2, "单位": 2, "内容": 7},
            [(_local(one.at, zone), one.kind_zh, one.department or "", one.text) for one in timeline.entries],
            "尚无记录。",
        ),
        Paragraph("时间精确到秒；推送的每次尝试、逐级报送的每一步均在案。", note=True),
    ]
    return Report(
        title="预警办理全程记录", kind="", cover=cover, mark="内部资料", draft=False, blocks=tuple(numbered(blocks))
    )


def _duties_table(duties: Sequence[Row], zone: ZoneInfo) -> Block:
    rows = [
        (
            duty["department"], _ROLES[DutyRole(duty["role"])], _local(duty["sign_due_at"], zone),
            _local(duty["signed_at"], zone), _local(duty["answered_at"], zone),
        )
        for duty in duties
    ]  # fmt: skip
    columns = {"单位": 3, "职责": 1, "签收时限": 3, "签收": 3, "答复": 3}
    return table("承办单位与时限", columns, rows, "尚无承办单位。")


def _local(instant: datetime | None, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if instant else ""
