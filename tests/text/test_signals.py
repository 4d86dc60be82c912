import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from service.domain.catalogue import load_catalogue
from service.text.numerals import NUMBER, at_least
from service.text.signals import LEXICON, READABLE, people_in, read_signals


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("工地已经停工三个月", "work_stopped"),
        ("村民用石头堵住了路口", "road_blocked"),
        ("几十人围堵工地大门，车辆进不去", "site_blocked"),
        ("包工头拖欠农民工工资三十万元", "payment_overdue"),
        ("补偿款至今没有到位", "payment_overdue"),
        ("镇里承诺年底交房，至今没有兑现", "promise_broken"),
        ("小区停水三天了", "utilities_cut"),
        ("电梯多次突然下坠", "hazard"),
        ("房屋墙体开裂", "hazard"),
        ("有人扬言要跳楼", "self_harm_threatened"),
        ("两名工人受伤送医", "injury"),
        ("井下一名矿工遇难", "death"),
        ("双方发生肢体冲突", "violence"),
        ("业主聚集在售楼部门口", "gathering_under_way"),
        ("有人号召周六在广场聚集", "gathering_announced"),
        ("夜里来人强拆", "forced_eviction"),
        ("反映多次，一直没有答复", "no_answer"),
        ("电视台报道过此事", "media_present"),
        ("视频在抖音上刷屏", "spreading_online"),
        ("车被砸坏了", "property_damaged"),
        ("事情发生在县政府大门口", "sensitive_place"),
        ("台风过后全村房屋被洪水冲毁", "flood_or_disaster"),
        ("幼儿园停电，孩子们无法上课", "children_elderly_affected"),
    ],
)
def test_a_signal_is_read_where_the_text_states_it(text: str, code: str) -> None:
    assert code in read_signals(text)


@pytest.mark.parametrize(
    "text",
    [
        "没有堵路",
        "现场没有发生肢体冲突",
        "没有人受伤",
        "未造成人员死亡",
        "工地不停工",
        "是否停水",
        "小区会不会停电",
        "明天停水吗？",
        "有没有拖欠工资",
        "补偿款是否没有到位",
        "如果再不解决就要堵路",
        "一旦坍塌，后果严重",
        "要求立即停工",
        "责令停业整顿",
        "不得拖欠农民工工资",
        "发布了停水通知",
        "价格高得像跳楼价",
        "业主将静坐",
        "车辆在拥堵路段缓行",
        "严重伤害了感情",
    ],
)
def test_what_is_denied_asked_feared_or_demanded_is_no_signal(text: str) -> None:
    assert read_signals(text) == frozenset()


@pytest.mark.parametrize(
    "text",
    ["村民准备明天去市里上访", "居民聚集在信访局", "多人到信访局走访", "我要越级上访", "业主集体进京", "多次信访"],
)
def test_going_to_a_higher_level_is_never_a_signal(text: str) -> None:
    assert read_signals(text) == frozenset()


def test_a_guard_does_not_reach_into_the_next_clause() -> None:
    assert read_signals("没有人管，停水三天") == {"utilities_cut"}


def test_one_statement_is_enough_when_the_same_thing_is_also_denied() -> None:
    assert read_signals("昨天没有停电。今天停电一整天") == {"utilities_cut"}


def test_every_code_read_is_in_the_catalogue() -> None:
    assert set(load_catalogue().signals) >= READABLE
    assert set(load_catalogue().signals) - READABLE == {"several_matters_together"}


def test_every_guard_a_signal_names_exists() -> None:
    content = yaml.safe_load(LEXICON.read_text("utf-8"))
    named = {guard for entry in content["signals"].values() for guard in entry["guards"]}
    assert named == {"negation", "question", "condition", "norm", "right_to_petition"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("100多名工人", 100),
        ("三百余户居民", 300),
        ("几十人", 20),
        ("全村两千人", 2000),
        ("1.2万人", 12000),
        ("3,000人", 3000),
        ("１００余人", 100),
        ("十几户", 10),
        ("近百户", 90),
        ("上千业主", 1000),
        ("数百户居民", 200),
        ("两三百人", 200),
        ("三四十人", 30),
        ("一千四百多户业主", 1400),
        ("50-100人", 50),
        ("200多个家庭", 200),
        ("来了二十多人，后来有一百多名村民", 100),
    ],
)
def test_a_head_count_is_read_carefully(text: str, count: int) -> None:
    assert people_in(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "没有数字",
        "我一个人",
        "夫妻两人",
        "全家八个人",
        "第三人民医院",
        "15栋302业主",
        "912司机",
        "12345市民热线",
        "万老师",
        "133、138户型",
        "不足100人",
        "容纳5000人",
        "每100人",
        "全国14亿人",
        "千家万户",
        "成千上万人",
        "20余名民警",
        "100人以下",
        "100元人民币",
        "补助2万一户",
        "20来人到区信访局等消息",
    ],
)
def test_what_is_no_head_count_of_the_event_gives_none(text: str) -> None:
    assert people_in(text) is None


@given(st.integers(5, 100_000))
def test_every_plain_count_is_read_as_written(count: int) -> None:
    assert people_in(f"现场有{count}人") == count


@given(st.integers(1, 9), st.integers(0, 9), st.integers(1, 9))
def test_chinese_numbers_are_read_as_written(thousands: int, hundreds: int, tens: int) -> None:
    digits = "零一二三四五六七八九"
    middle = f"{digits[hundreds]}百" if hundreds else "零"
    written = f"{digits[thousands]}千{middle}{digits[tens]}十"
    assert at_least(written, some=2, nearly=0.9) == thousands * 1000 + hundreds * 100 + tens * 10


@given(st.text(alphabet="0123456789零一二两三四五六七八九十百千万近上几数多余来,.+", min_size=1, max_size=20))
def test_whatever_counts_as_a_number_has_a_value(written: str) -> None:
    for match in re.finditer(NUMBER, written):
        assert at_least(match.group(), some=2, nearly=0.9) >= 0


@pytest.mark.parametrize("unit", ["千", "1", "几", "10", "1,000,", "上千", "拖欠", "承诺", "1000-", "停"])
def test_long_runs_are_read_to_the_end(unit: str) -> None:
    text = unit * 20_000  # a reading that backtracks over such a run would not come back
    assert people_in(text) is None
    assert read_signals(text) == frozenset()
