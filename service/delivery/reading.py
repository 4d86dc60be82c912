"""A push as people read it: a line to see at once, and a few below it. Made of the thin body and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_ROLES = {"lead": "牵头单位", "participant": "配合单位", "coordinator": "协调单位", "informed": "知会"}
_EVENTS = {
    "warning.updated": "更新", "warning.reminded": "催办", "warning.escalated": "逐级报送",
    "warning.resolved": "办结", "warning.cancelled": "撤销",
    "warning.test": "测试", "warning.example": "示例",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """`level` is its code (blue … red) or None; `subject_id` names the warning that a thread is about."""

    event: str
    title: str
    lines: tuple[str, ...]
    link: str | None
    level: str | None
    subject_id: str | None
    at: datetime
    sign_link: str | None = None  # signs for the department: for its people, not for its logs

    @property
    def text(self) -> str:
        """Title, lines and links, one below the other."""
        links = [*([self.link] if self.link else []), *([f"签收：{self.sign_link}"] if self.sign_link else [])]
        return "\n".join([self.title, *self.lines, *links])


def read(body: bytes) -> Reading:
    """What `message` packed, for people."""
    packed: dict[str, Any] = json.loads(body)
    data: dict[str, Any] = packed["data"]
    return Reading(
        event=packed["type"],
        title=_title(packed["type"], data),
        lines=tuple(_lines(data)),
        link=data.get("link"),
        level=data.get("level"),
        subject_id=data.get("id"),
        at=datetime.fromisoformat(packed["timestamp"]),
        sign_link=data.get("sign_link"),
    )


def _title(event: str, data: dict[str, Any]) -> str:
    said = data.get("headline") or data.get("note") or event
    marks = [f"{data['level_zh']}色预警" if data.get("level_zh") else "", _EVENTS.get(event, "")]
    mark = "·".join(part for part in marks if part)
    return f"【{mark}】{said}" if mark else str(said)


def _lines(data: dict[str, Any]) -> list[str]:
    lines = []
    if data.get("area_name"):
        lines.append(f"地点：{data['area_name']}　类别：{data.get('category_name', '')}")
    if data.get("headline") and data.get("note"):
        lines.append(data["note"])
    if data.get("unverified"):
        lines.append("未经核实")
    if data.get("sign_due_at"):
        due = datetime.fromisoformat(data["sign_due_at"])
        role = _ROLES.get(data.get("your_role", ""), "")
        lines.append(f"本单位：{role}，请于 {due:%m月%d日 %H:%M} 前签收")
    together = [f"【{one['level_zh']}】{one['headline']}" for one in data.get("together", ())]
    if together:
        more = data["together_left_out"]
        lines += [f"同组另有 {len(together) + more} 件：", *together, *([f"……未列出 {more} 件"] if more else [])]
    if data.get("code"):
        lines.append(f"验证码：{data['code']}")
    return lines
