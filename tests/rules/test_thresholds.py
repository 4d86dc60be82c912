"""The most specific region wins, then the latest date; faults name their place."""

from __future__ import annotations

from datetime import date

import pytest

from service.rules.thresholds import ThresholdError, ThresholdFileError, Thresholds, load_thresholds
from tests.rules.making import AREA, ON

TEXT = """\
thresholds: demo
version: 2026.11.1
values:
- name: linking.window_days
  meaning: 并入期限
  unit: 天
  minimum: 1
  entries:
  - {value: 90, source: 全国}
  - {value: 60, from: 2026-07-01, source: 全国新规}
  - {value: 30, region: ['36'], from: 2026-01-01, source: 江西}
  - {value: 45, region: ['3601', '3602'], from: 2026-01-01, to: 2026-06-30, source: 两市, unverified: true}
"""


@pytest.mark.parametrize(
    ("area", "on", "expected", "why"),
    [
        ("110101000000", "2026-06-30", 90, "the national value"),
        ("110101000000", "2026-07-01", 60, "the later national value from its first day"),
        ("360700000000", "2026-07-01", 30, "a province before the country, however new"),
        ("360102000000", "2026-06-30", 45, "a city before its province, to its last day"),
        ("360102000000", "2026-07-01", 30, "after that the province again"),
        ("360200000000", "2026-03-01", 45, "either of two regions"),
        ("360102000000", "2025-12-31", 90, "before any region's date the country"),
    ],
)
def test_the_value_in_force_depends_on_place_and_day(area: str, on: str, expected: float, why: str) -> None:
    found = load_thresholds(TEXT).value("linking.window_days", area, date.fromisoformat(on))
    assert found == expected, why


def test_an_entry_carries_its_source_and_whether_it_is_verified() -> None:
    entry = load_thresholds(TEXT).entry("linking.window_days", "360102000000", date(2026, 3, 1))
    assert (entry.region, entry.source, entry.unverified) == ("3601", "两市", True)


def test_what_is_made_of_thresholds_is_made_once_for_each_area_and_day() -> None:
    asked: list[tuple[str, date]] = []

    def window(thresholds: Thresholds, area: str, on: date) -> float:
        asked.append((area, on))
        return thresholds.value("linking.window_days", area, on)

    thresholds, other = load_thresholds(TEXT), "110000000000"
    wanted = [(AREA, ON), (other, ON), (other, date(2026, 8, 1)), (AREA, ON), (other, ON)]
    made = [thresholds.made(window, *place) for place in wanted]
    assert made == [thresholds.value("linking.window_days", *place) for place in wanted]
    assert asked == wanted[:3]


def test_an_unknown_name_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(
        ThresholdError, match=r"没有名为 ‘linking.window_day’ 的阈值 \(did you mean ‘linking.window_days’\?\)"
    ):
        load_thresholds(TEXT).value("linking.window_day", AREA, ON)


def test_a_day_on_which_nothing_is_in_force_is_told() -> None:
    late = TEXT.replace("  - {value: 90, source: 全国}\n", "")
    with pytest.raises(ThresholdError, match="110000000000 于 2026-01-01 没有生效的值"):
        load_thresholds(late).value("linking.window_days", "110000000000", date(2026, 1, 1))


@pytest.mark.parametrize(
    ("written", "instead", "expected"),
    [
        ("value: 90", "value: 九十", "t.yaml:9:13: ‘value’ 要写数字，得到 ‘九十’"),
        ("value: 90", "value: 0.5", "t.yaml:9:13: ‘linking.window_days’ 不能小于 1，得到 0.5"),
        ("value: 90, source: 全国", "value: 90", "t.yaml:9:5: 缺少键 ‘source’"),
        ("value: 90, source", "value: 90, soruce", "t.yaml:9:17: 不认识的键 ‘soruce’ (did you mean ‘source’?)"),
        ("region: ['36']", "region: 江西", "t.yaml:11:25: ‘region’ 要写 national 或区划代码前缀列表，得到 ‘江西’"),
        ("to: 2026-06-30", "to: 2025-06-30", "t.yaml:12:65: 失效日期 2025-06-30 早于生效日期 2026-01-01"),
        ("from: 2026-07-01, ", "", "t.yaml:10:5: 全国 有两个同日生效的值"),
        ("  unit: 天\n", "", "t.yaml:4:3: 缺少键 ‘unit’"),
        ("values:", "values: []\nolder:", "t.yaml:4:1: 不认识的键 ‘older’"),
        ("version: 2026.11.1", "version: {", "t.yaml:"),
    ],
)
def test_a_fault_is_told_with_its_place(written: str, instead: str, expected: str) -> None:
    assert written in TEXT
    with pytest.raises(ThresholdFileError) as caught:
        load_thresholds(TEXT.replace(written, instead), "t.yaml")
    assert any(str(error).startswith(expected) for error in caught.value.errors), str(caught.value)


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(ThresholdFileError, match=r":13:9: 阈值 ‘linking\.window_days’ 重复"):
        load_thresholds(TEXT + TEXT.split("values:\n")[1])


def test_the_shipped_file_has_every_number_the_service_asks_for() -> None:
    shipped = load_thresholds()
    expected = {
        "model.minimum_people": 5,
        "warning.confirm_minutes.orange": 15,
        "warning.confirm_minutes.red": 5,
        "warning.sign_hours.orange": 2,
        "warning.sign_hours.yellow": 24,
        "warning.sign_link_hours": 72,
        "warning.growth_factor": 2,
        "duty.plan_hours.orange": 24,
        "duty.plan_hours.yellow": 120,
        "duty.unsettled_hours": 168,
        "reports.late_hours": 72,
        "reports.future_minutes": 5,
        "statutory_report.written_minutes": 60,
        "duty.decide_days": 60,
        "project.unassessed_level": 2,
        "project.unassessed_days": 2,
        "project.condition_level": 2,
        "project.reopened_level": 2,
        "project.reopen_at.low": 3,
        "project.reopen_at.middle": 4,
        "project.reopen_at.high": 3,
        "project.reopen_at.ungraded": 3,
        "project.prior_assessments": 10,
    }
    assert {name: shipped.value(name, AREA, ON) for name in expected} == expected
    assert 20 <= shipped.value("statutory_report.telephone_minutes", AREA, ON) <= 30


def test_whatever_the_shipped_file_made_up_says_it_is_unverified() -> None:
    for threshold in load_thresholds().by_name.values():
        for entry in threshold.entries:
            assert entry.unverified or "条例第" in entry.source, threshold.name
