"""The body of a push: it names the warning and links to it. No text of any report ever leaves this way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from service.domain.warnings import Warning, WarningEventType
from service.domain.words import DutyRole

MAX_BYTES = 20_000  # whole body; source: Standard Webhooks 1.0.0, "keep under 20 kB"
HEADLINE_CHARACTERS = 160  # source: advice of CAP 1.2 for headlines
EXAMPLE_ID = "00000000-0000-7000-8000-000000000000"
MOST_TOGETHER = 15  # warnings named in one push besides its own; some 900 bytes each
INFORMED = "informed"  # 知会: subscribed, owes no signature


@dataclass(frozen=True, slots=True)
class Envelope:
    """The names and the link that go with a warning, and what this receiver owes on it."""

    area_name: str
    category_name: str
    link: str
    role: DutyRole | None = None  # None: only informed
    sign_due_at: datetime | None = None
    sign_link: str | None = None  # one click and one confirmation sign for the receiver's department
    note: str | None = None  # why it is told again: Chinese, of offices and deadlines only
    together: tuple[Companion, ...] = ()  # other warnings that this push tells of


@dataclass(frozen=True, slots=True)
class Companion:
    """Another warning that goes out in the same push (汇总发送)."""

    warning: Warning
    area_name: str
    link: str
    sign_link: str | None = None  # each warning is signed for by its own


def body(event: WarningEventType, at: datetime, warning: Warning, envelope: Envelope) -> bytes:
    """`{"type", "timestamp", "data"}` in compact UTF-8 JSON with sorted keys, under 20 kB; equal input, equal bytes.

    `at` is when the event happened, with an offset. Measures that do not fit are left out from the end and counted in
    `measures_left_out`, then what goes out together in `together_left_out`. Raises ValueError for an instant without
    offset, or when even the rest does not fit.
    """
    data = _data(warning, envelope)
    packed = _pack(f"warning.{event.value}", at, data)
    while len(packed) >= MAX_BYTES and data["measures"]:
        data["measures"] = data["measures"][:-1]
        data["measures_left_out"] += 1
        packed = _pack(f"warning.{event.value}", at, data)
    while len(packed) >= MAX_BYTES and data.get("together"):
        data["together"] = data["together"][:-1]
        data["together_left_out"] += 1
        packed = _pack(f"warning.{event.value}", at, data)
    if len(packed) >= MAX_BYTES:
        raise ValueError(f"warning {warning.id}: names or link too long for a push of {MAX_BYTES} bytes")
    return packed


def test_body(at: datetime) -> bytes:
    """The body of a trial push: lets a department check address and key without any warning."""
    note = "这是一次推送连通性测试，不是预警，无需处置。"
    return _pack("warning.test", at, {"test": True, "note": note})


def example_body(at: datetime, link_base: str) -> bytes:
    """A body as warnings have it, of nothing that happened: lets a department try what it makes of one."""
    data = {
        "id": EXAMPLE_ID, "revision": 1, "level": "yellow", "level_zh": "黄", "test": True,
        "headline": "示例预警，不是真实事件，无需处置", "area": "000000000000", "area_name": "示例街道",
        "category": "other", "category_name": "示例类别", "subject": {"kind": "matter", "id": EXAMPLE_ID},
        "state": "issued", "unverified": False, "statutory_report_required": False, "sign_due_at": None,
        "your_role": INFORMED, "measures": [], "measures_left_out": 0, "link": f"{link_base}/v1/warnings/{EXAMPLE_ID}",
    }  # fmt: skip
    return _pack("warning.example", at, data)


def challenge_body(now_unix: int, challenge: str) -> bytes:
    """What a receiver answers with the same challenge, as JSON `{"challenge": …}` or as plain text."""
    at = datetime.fromtimestamp(now_unix, UTC)
    return _pack("endpoint.challenge", at, {"challenge": challenge, "note": "请原样返回 challenge，以确认本推送地址。"})


def code_body(at: datetime, code: str) -> bytes:
    """A code that somebody there reads and tells the administrator."""
    note = "未雨预警服务：请将验证码告知管理员，以启用本地址接收预警。"
    return _pack("endpoint.code", at, {"code": code, "note": note})


def switched_off_body(at: datetime, who: Mapping[str, Any], link: str) -> bytes:
    """Says through another address that one was switched off. `who`: department, kind, reason, given_up, endpoint."""
    headline = f"{who['department']}的推送地址（{who['kind']}）已停用：{who['reason']}；未送达 {who['given_up']} 条"
    return _pack("endpoint.disabled", at, {**who, "headline": _clipped(headline), "link": link})


def notice_body(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    """The body of a notice that is about no single warning, such as `silence.made`."""
    return _pack(kind, at, data)


def _data(warning: Warning, envelope: Envelope) -> dict[str, Any]:
    return {
        "id": str(warning.id),
        "revision": warning.revision,
        "level": warning.level.value,
        "level_zh": warning.level.zh,
        "headline": _clipped(warning.headline),
        "area": warning.area,
        "area_name": envelope.area_name,
        "category": warning.category,
        "category_name": envelope.category_name,
        "subject": {"kind": warning.subject_kind.value, "id": warning.subject_id},
        "state": warning.state.value,
        "unverified": warning.unverified,
        "statutory_report_required": warning.statutory_report_required,
        "sign_due_at": None if envelope.sign_due_at is None else _instant(envelope.sign_due_at),
        "your_role": INFORMED if envelope.role is None else envelope.role.value,
        "measures": list(warning.measures),
        "measures_left_out": 0,
        "link": envelope.link,
        "sign_link": envelope.sign_link,
        "note": envelope.note,
        **(_together(envelope.together) if envelope.together else {}),
    }


def _together(companions: tuple[Companion, ...]) -> dict[str, Any]:
    told = [
        {"id": str(one.warning.id), "level": one.warning.level.value, "level_zh": one.warning.level.zh,
         "headline": _clipped(one.warning.headline), "area": one.warning.area, "area_name": one.area_name,
         "category": one.warning.category, "state": one.warning.state.value, "link": one.link,
         "sign_link": one.sign_link}
        for one in companions[:MOST_TOGETHER]
    ]  # fmt: skip
    return {"together": told, "together_left_out": len(companions) - len(told)}


def _pack(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    content = {"type": kind, "timestamp": _instant(at), "data": data}
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("an instant on the wire carries its offset")
    return at.isoformat()


def _clipped(headline: str) -> str:
    return headline if len(headline) <= HEADLINE_CHARACTERS else headline[: HEADLINE_CHARACTERS - 1] + "…"
