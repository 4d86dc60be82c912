"""值班日志: a week of a department to print and sign: shifts, hand-overs, and what came in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from service.domain.levels import Level
from service.domain.rosters import Gap, ShiftRole
from service.store import feed, proof, shifts
from service.store.engine import Row
from service.store.views import Sight
from service.workflows.files.report_document import Block, Heading, Report, numbered, table
from service.workflows.rosters import Week, gaps_of
from service.workflows.telling import Work


async def shift_log(work: Work, week: Week, name: str, sight: Sight) -> Report:
    """The week as a page; of warnings only what the viewer may see."""
    async with work.doors.engine.connect() as connection:
        reference = await work.doors.reference.get(connection)
        rows = await shifts.between(connection, week.department_id, week.begin, week.end)
        handed = await shifts.hand_overs(connection, [row["id"] for row in rows])
        listed = {UUID(one["warning_id"]) for row in handed for one in row["open_warnings"]}
        seen = await feed.in_sight(connection, listed, sight)
        changes = await proof.changes(connection, week.department_id, (week.begin, week.end), sight)
    gaps = await gaps_of(work.doors, work.engines, week.department_id, (week.first, week.last))
    department = reference.department_name(week.department_id) or "?"
    posts = {row["id"]: f"{row['post']}（{ShiftRole(row['role']).zh}）" for row in rows}
    blocks: list[Block] = [
        Heading(1, "值班安排"), _shifts(rows, week.zone), _gaps(gaps),
        Heading(1, "交接班"), _hand_overs(handed, posts, seen, week.zone),
        Heading(1, "本周预警"), _changes(changes, week.zone),
        Heading(1, "签名"), _signatures(),
    ]  # fmt: skip
    cover = (("单位", department), ("周次", f"{name}（{week.first} 至 {week.last}）"))
    return Report("值班日志", "", cover, "内部资料", draft=False, blocks=tuple(numbered(blocks)))


def _shifts(rows: Sequence[Row], zone: ZoneInfo) -> Block:
    shown = [
        (ShiftRole(row["role"]).zh, row["post"], _local(row["starts_at"], zone), _local(row["ends_at"], zone))
        for row in rows
    ]
    return table("班次", {"班别": 2, "岗位": 4, "起": 3, "止": 3}, shown, "本周没有排班。")


def _gaps(gaps: Sequence[Gap]) -> Block:
    shown = [
        (gap.role.zh, f"{gap.starts_at:%m-%d %H:%M}", f"{gap.ends_at:%m-%d %H:%M}", "是" if gap.day_off else "")
        for gap in gaps
    ]
    return table("缺岗时段", {"班别": 2, "起": 3, "止": 3, "节假日或休息日": 2}, shown, "没有缺岗时段。")


def _hand_overs(rows: Sequence[Row], posts: Mapping[UUID, str], seen: Collection[UUID], zone: ZoneInfo) -> Block:
    shown = [
        (
            posts.get(row["shift_id"], "上周的班"), posts.get(row["to_shift_id"], "下周的班"),
            _local(row["handed_at"], zone), _local(row["taken_at"], zone) if row["taken_at"] else "未接班",
            _unfinished(row["open_warnings"], seen),
            "；".join(note for note in (row["handed_note"], row["taken_note"]) if note),
        )
        for row in rows
    ]  # fmt: skip
    columns = {"交班": 2, "接班": 2, "交班时间": 2, "接班时间": 2, "未了事项": 5, "备注": 3}
    return table("交接班", columns, shown, "本周没有交接班记录。")


def _unfinished(listed: Sequence[Row], seen: Collection[UUID]) -> str:
    """What was handed over, as far as whoever reads the log may see it."""
    told = [f"{one['headline']}（{one['owed']}）" for one in listed if UUID(one["warning_id"]) in seen]
    if len(told) < len(listed):
        told.append(f"另有 {len(listed) - len(told)} 件不在可见范围")
    return "；".join(told) or "无未了事项"


def _changes(rows: Sequence[Row], zone: ZoneInfo) -> Block:
    shown = [(_local(row["at"], zone), Level(row["level"]).zh, row["headline"], row["note"] or "") for row in rows]
    return table("预警及办理", {"时间": 2, "级别": 1, "事项": 4, "情况": 6}, shown, "本周没有涉及本单位的预警。")


def _signatures() -> Block:
    return table("签名", {"值班员": 3, "副班": 3, "带班领导": 3, "日期": 2}, [("　", "　", "　", "　")] * 3, "")


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%m-%d %H:%M")
