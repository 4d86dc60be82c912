from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery import message
from service.delivery.message import MAX_BYTES, MOST_TOGETHER, Companion, Envelope
from service.delivery.reading import read
from service.domain.levels import Level
from service.domain.warnings import Warning, WarningEventType
from service.domain.words import DutyRole, SubjectKind, WarningState

AT = datetime(2026, 11, 22, 16, 27, 7, tzinfo=timezone(timedelta(hours=8)))
ENVELOPE = Envelope("南昌市东湖区", "拆迁", "https://weiyu.example/warnings/1", DutyRole.LEAD, AT + timedelta(hours=1))
WARNING = Warning(
    id=UUID(int=7),
    revision=2,
    level=Level.ORANGE,
    subject_kind=SubjectKind.MATTER,
    subject_id="m-1",
    area="360102000000",
    category="urban_rural.demolition",
    headline="东湖区拆迁事项：三家单位未答复",
    reasons=[{"text": "报告原文：村民张三电话 13800000000"}],
    measures=["二十四小时内答复", "组织听证"],
    state=WarningState.ISSUED,
    statutory_report_required=False,
    unverified=True,
    restricted=False,
    opened_at=AT,
    updated_at=AT,
)


def sent(warning: Warning = WARNING, envelope: Envelope = ENVELOPE) -> dict[str, object]:
    content: dict[str, object] = json.loads(message.body(WarningEventType.ISSUED, AT, warning, envelope))
    return content


def data(warning: Warning = WARNING, envelope: Envelope = ENVELOPE) -> dict[str, object]:
    inner = sent(warning, envelope)["data"]
    assert isinstance(inner, dict)
    return inner


def test_a_push_says_exactly_this_and_nothing_of_the_reasons() -> None:
    assert sent() == {
        "type": "warning.issued",
        "timestamp": "2026-11-22T16:27:07+08:00",
        "data": {
            "id": "00000000-0000-0000-0000-000000000007",
            "revision": 2,
            "level": "orange",
            "level_zh": "橙",
            "headline": "东湖区拆迁事项：三家单位未答复",
            "area": "360102000000",
            "area_name": "南昌市东湖区",
            "category": "urban_rural.demolition",
            "category_name": "拆迁",
            "subject": {"kind": "matter", "id": "m-1"},
            "state": "issued",
            "unverified": True,
            "statutory_report_required": False,
            "sign_due_at": "2026-11-22T17:27:07+08:00",
            "your_role": "lead",
            "measures": ["二十四小时内答复", "组织听证"],
            "measures_left_out": 0,
            "link": "https://weiyu.example/warnings/1",
            "sign_link": None,
            "note": None,
        },
    }


def test_the_bytes_are_compact_sorted_utf8() -> None:
    packed = message.body(WarningEventType.ISSUED, AT, WARNING, ENVELOPE)
    again = json.dumps(json.loads(packed), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert packed == again.encode()


def test_a_department_without_a_duty_is_informed_and_has_no_deadline() -> None:
    told = data(envelope=replace(ENVELOPE, role=None, sign_due_at=None))
    assert (told["your_role"], told["sign_due_at"]) == ("informed", None)


@pytest.mark.parametrize("event", WarningEventType)
def test_the_type_names_the_event(event: WarningEventType) -> None:
    assert json.loads(message.body(event, AT, WARNING, ENVELOPE))["type"] == f"warning.{event.value}"


def test_a_long_headline_is_clipped() -> None:
    headline = data(replace(WARNING, headline="长" * 161))["headline"]
    assert headline == "长" * 159 + "…"


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=3000), max_size=30))
def test_measures_that_do_not_fit_are_counted_and_never_cut_in_the_middle(measures: list[str]) -> None:
    packed = message.body(WarningEventType.ISSUED, AT, replace(WARNING, measures=measures), ENVELOPE)
    inner = json.loads(packed)["data"]
    assert len(packed) < MAX_BYTES
    assert inner["measures"] == measures[: len(inner["measures"])]
    assert len(inner["measures"]) + inner["measures_left_out"] == len(measures)


def test_as_many_measures_as_fit_are_sent_from_the_first_on() -> None:
    measures = [f"措施{number:04}" for number in range(1500)]  # 13 bytes each with quotes and comma
    packed = message.body(WarningEventType.ISSUED, AT, replace(WARNING, measures=measures), ENVELOPE)
    inner = json.loads(packed)["data"]
    assert MAX_BYTES - 20 < len(packed) < MAX_BYTES
    assert inner["measures"] == measures[: len(inner["measures"])]
    assert inner["measures_left_out"] == 1500 - len(inner["measures"])


def test_a_body_that_cannot_be_made_to_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        message.body(WarningEventType.ISSUED, AT, WARNING, replace(ENVELOPE, link="x" * MAX_BYTES))


def test_an_instant_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        message.body(WarningEventType.ISSUED, AT.replace(tzinfo=None), WARNING, ENVELOPE)


def test_a_trial_push_says_that_it_is_no_warning() -> None:
    trial = json.loads(message.test_body(datetime(2026, 11, 22, tzinfo=UTC)))
    assert (trial["type"], trial["data"]["test"]) == ("warning.test", True)
    assert "不是预警" in trial["data"]["note"]


def test_warnings_that_go_out_together_are_named_and_the_rest_counted() -> None:
    others = tuple(
        Companion(replace(WARNING, id=UUID(int=n), headline="长" * 300), "南昌市东湖区", f"https://weiyu.example/{n}")
        for n in range(100, 100 + MOST_TOGETHER + 3)
    )
    packed = message.body(WarningEventType.ISSUED, AT, WARNING, replace(ENVELOPE, together=others))
    told = json.loads(packed)["data"]
    assert len(packed) < MAX_BYTES
    assert [one["id"] for one in told["together"]] == [str(one.warning.id) for one in others[:MOST_TOGETHER]]
    assert told["together_left_out"] == 3
    lines = read(packed).lines
    assert f"同组另有 {len(others)} 件：" in lines
    assert "……未列出 3 件" in lines
    assert "together" not in data()


def test_what_goes_out_together_is_left_out_from_the_end_before_a_push_is_refused() -> None:
    wide = tuple(
        Companion(
            WARNING, "长" * 100, f"https://weiyu.example/{'x' * 600}{n}", "https://weiyu.example/sign/" + "s" * 91
        )
        for n in range(MOST_TOGETHER)
    )
    packed = message.body(WarningEventType.ISSUED, AT, WARNING, replace(ENVELOPE, together=wide))
    told = json.loads(packed)["data"]
    assert len(packed) < MAX_BYTES
    assert 0 < len(told["together"]) == MOST_TOGETHER - told["together_left_out"] < MOST_TOGETHER
    assert told["together"][0]["sign_link"] == wide[0].sign_link
