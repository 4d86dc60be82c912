from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.domain.areas import Area
from service.domain.catalogue import load_catalogue
from service.domain.words import Handling, ReportStage, Source
from service.workflows.files.area_names import AreaNames
from service.workflows.files.import_values import FIELDS, WORDS, Values
from service.workflows.files.table_rows import Broken, Cell

SHANGHAI = ZoneInfo("Asia/Shanghai")
AREAS = {
    "110000000000": "北京市", "110100000000": "市辖区", "110101000000": "东城区", "120000000000": "天津市",
    "120101000000": "东城区", "120101001000": "清河街道", "360000000000": "A市", "360102000000": "A3区",
}  # fmt: skip
CATALOGUE = load_catalogue()


def values() -> Values:
    areas = [Area(code, name, date(1900, 1, 1)) for code, name in AREAS.items()]
    return Values(CATALOGUE, AreaNames(areas), SHANGHAI)


def read(field: str, cell: Cell) -> Any:
    return values().reader(field)(cell)


def why_not(field: str, cell: Cell) -> Broken:
    found = read(field, cell)
    assert isinstance(found, Broken), found
    return found


@pytest.mark.parametrize(
    "cell",
    [
        "2019-02-28T11:25:05",
        "2019-02-28 11:25:05",
        "2019/2/28 11:25:05",
        "2019.02.28 11:25:05",
        "2019年2月28日 11:25:05",
        "2019年2月28日11时25分5秒",
        "2019-02-28T11:25:05+08:00",
        "2019-02-28T03:25:05Z",
        "2019-02-28 11:25:05.000",
        datetime(2019, 2, 28, 11, 25, 5),  # noqa: DTZ001  as a workbook gives it
    ],
)
def test_one_moment_in_every_usual_writing_is_one_instant(cell: Cell) -> None:
    assert read("occurred_at", cell) == datetime(2019, 2, 28, 3, 25, 5, tzinfo=UTC)


@pytest.mark.parametrize("cell", ["2019/2/28", "2019年2月28日", date(2019, 2, 28)])
def test_a_day_without_a_time_is_its_first_moment_in_the_zone(cell: Cell) -> None:
    assert read("occurred_at", cell) == datetime(2019, 2, 28, tzinfo=SHANGHAI)


@pytest.mark.parametrize("cell", ["2019-02-30", "28/2/2019", "昨天", "2019-02-28 25:00", 43524.47, "2019-02", "11:25"])
def test_a_time_that_is_not_clear_is_not_guessed(cell: Cell) -> None:
    assert why_not("occurred_at", cell).code == "bad_time"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("A3区", "360102000000"),
        ("A市A3区", "360102000000"),
        ("A市 A3区", "360102000000"),
        ("A市/A3区", "360102000000"),
        ("北京市东城区", "110101000000"),
        ("北京市市辖区东城区", "110101000000"),
        ("天津市东城区", "120101000000"),
        ("360102", "360102000000"),
        ("360102000000", "360102000000"),
        (360102, "360102000000"),
        (360102000000.0, "360102000000"),
    ],
)
def test_an_area_is_found_by_code_name_or_path(given: Cell, code: str) -> None:
    assert read("area", given) == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("东城区", "ambiguous_area"),
        ("B市A3区", "unknown_area"),
        ("A3区A市", "unknown_area"),
        ("区", "unknown_area"),
        ("A市A3区某小区3栋", "unknown_area"),
        ("13800138000", "unknown_area"),
        ("长" * 4000, "unknown_area"),
    ],
)
def test_an_area_that_is_not_one_area_is_not_guessed(given: str, code: str) -> None:
    assert why_not("area", given).code == code


@pytest.mark.parametrize(
    ("cell", "count"), [("35", 35), ("35人", 35), ("1,200 人", 1200), ("３５", 35), (35.0, 35), ("0", 0)]
)
def test_a_head_count_is_read_with_its_suffix(cell: Cell, count: int) -> None:
    assert read("people_affected", cell) == count


@pytest.mark.parametrize("cell", ["数十人", "35.5", "-3", "30-40人", True, "三十"])
def test_a_head_count_that_is_no_number_is_not_guessed(cell: Cell) -> None:
    assert why_not("people_affected", cell).code == "bad_number"


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("source", "来访", Source.VISIT),
        ("source", "visit", Source.VISIT),
        ("source", "110 联动", Source.POLICE_LINKAGE),
        ("handling", "当场办结", Handling.SETTLED_ON_SPOT),
        ("report_stage", "续报", ReportStage.FOLLOW_UP),
        ("category", "欠薪", "labour.wage_arrears"),
        ("category", "labour.wage_arrears", "labour.wage_arrears"),
        ("signals", "道路受阻；媒体到场、hazard,道路受阻", ["road_blocked", "media_present", "hazard"]),
    ],
)
def test_closed_words_are_read_by_chinese_name_and_by_code(field: str, cell: Cell, value: object) -> None:
    assert read(field, cell) == value


@pytest.mark.parametrize("field", ["source", "handling", "report_stage", "category", "signals"])
def test_an_unknown_word_is_refused_without_repeating_it(field: str) -> None:
    secret = "张某某的来信"
    assert secret not in why_not(field, secret).reason


@pytest.mark.parametrize(
    ("field", "words"), [("source", Source), ("handling", Handling), ("report_stage", ReportStage)]
)
def test_every_closed_word_has_a_chinese_name(field: str, words: type[Source]) -> None:
    assert set(WORDS[field].values()) == set(words)


def test_every_category_and_signal_is_read_by_its_chinese_name() -> None:
    reader = values()
    for category in CATALOGUE.categories.values():
        assert reader.reader("category")(category.name) == category.code
    for signal in CATALOGUE.signals.values():
        assert reader.reader("signals")(signal.name) == [signal.code]


@pytest.mark.parametrize("cell", ["WX-2019_0001.a", 188006, 188006.0])
def test_an_id_of_plain_signs_is_kept(cell: Cell) -> None:
    assert read("id", cell) in ("WX-2019_0001.a", "188006")


@pytest.mark.parametrize(
    ("cell", "says"),
    [("信访〔2019〕1号", "第 1 个字符"), ("WX 1", "第 3 个字符"), ("x" * 65, "最多 64"), (1.2345e17, "文本格式")],
)
def test_an_id_of_other_signs_is_refused_with_what_would_be_right(cell: Cell, says: str) -> None:
    assert says in why_not("id", cell).reason


@pytest.mark.parametrize("field", FIELDS)
def test_a_broken_cell_stays_broken_in_every_field(field: str) -> None:
    broken = Broken("formula", "是公式")
    assert read(field, broken) is broken
