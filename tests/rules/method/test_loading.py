from __future__ import annotations

from datetime import date

import pytest

from service.domain.projects import ProjectKind
from service.rules.method.cuts import MethodError
from service.rules.method.loading import METHODS_FILE, MethodsFileError, load_methods
from tests.rules.method.making import METHODS, ON

TEXT = METHODS_FILE.read_text("utf-8")


@pytest.mark.parametrize(
    ("area", "kind", "expected"),
    [
        ("990101000000", None, "GENERAL"),
        ("990101000000", ProjectKind.CONSTRUCTION, "GENERAL"),
        ("990101000000", ProjectKind.POLICY, "POLICY_713"),
        ("310101000000", None, "SH_HZ"),
        ("310101000000", ProjectKind.POLICY, "SH_HZ_713"),
        ("610702000000", None, "SH_HZ"),
        ("610102000000", ProjectKind.HOUSE_EXPROPRIATION, "XIAN_HOUSE"),
        ("610102000000", ProjectKind.CONSTRUCTION, "GENERAL"),
        ("320102000000", ProjectKind.LAND_EXPROPRIATION, "JS_DB32"),
        ("320102000000", ProjectKind.POLICY, "JS_DB32_713"),
    ],
)
def test_the_method_in_force_depends_on_place_and_kind(area: str, kind: ProjectKind | None, expected: str) -> None:
    assert METHODS.preset(area, ON, kind=kind).name == expected


def test_a_method_may_be_chosen_by_name_anywhere() -> None:
    assert METHODS.preset("990101000000", ON, "JS_DB32").name == "JS_DB32"


def test_before_its_first_day_a_method_is_not_in_force() -> None:
    before = date(2019, 8, 31)
    assert METHODS.preset("990101000000", before, kind=ProjectKind.POLICY).name == "GENERAL"
    with pytest.raises(MethodError, match="于 2019-08-31 生效"):
        METHODS.preset("990101000000", before, "POLICY_713")


def test_an_unknown_name_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(MethodError, match="did you mean ‘XIAN_HOUSE’"):
        METHODS.preset("990101000000", ON, "XIAN_HOUSES")


def test_a_place_without_any_method_is_told() -> None:
    only = load_methods(TEXT.replace("region: national", "region: ['11']"))
    with pytest.raises(MethodError, match="990101000000 于 2026-11-18 没有生效的评估方法"):
        only.preset("990101000000", ON)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("mid: 0.1}", "mid: 0.3}", "代表值 0.3 不在 0 与 0.2 之间"),
        ("high: 0.20, mid: 0.1}", "high: 0.25, mid: 0.1}", "要从 0 起逐档升高到 1"),
        ("{risk: large, above: 0.36}", "{risk: large, above: 0.7}", "分界要逐级降低"),
        ("{risk: large, above: 0.36}", "{risk: large}", "分界要写 from（含）或 above（不含）"),
        ("{risk: large, above: 0.36}", "{risk: large, above: 0.36, from: 0.36}", "只写一个"),
        ("high: {above: 0.64}", "high: {above: 0.34}", "‘index’ 的中档分界高于高档分界"),
        ("opposition: SH_HZ", "opposition: SH_HX", "没有名为 ‘SH_HX’ 的表 (did you mean ‘SH_HZ’?)"),
        ("cuts: hundred_js", "cuts: hundred", "没有名为 ‘hundred’ 的表"),
        ("hundred: JS_DB32\n", "\n", "要求百分表这一栏，却没有写 hundred"),
        ("- name: POLICY_713", "- name: GENERAL", "‘GENERAL’ 重复"),
        ("  kinds: [policy]\n  effective: {from: 2019-09-01}\n", "", "同地、同类、同日生效"),
        ("id: policy.siting", "id: policy.planning", "‘policy.planning’ 重复"),
        ("code: smashing", "code: storming", "‘storming’ 重复"),
        ("id: L2", "id: L1", "‘L1’ 重复"),
        ("most: 5, options", "most: 4, options", "得分要在 0 与满分 4 之间"),
        ("controllability: 49", "controllability: 55", "各项满分合计 49，不是 55"),
        ("weight: 0.26", "wieght: 0.26", "不认识的键 ‘wieght’ (did you mean ‘weight’?)"),
        ("grade: high, risk: major, least: 2", "grade: highest, risk: major, least: 2", "只能是 low、middle、high"),
        ("  source: 发改投资〔2012〕2492号\n", "", "缺少键 ‘source’"),
    ],
)
def test_a_fault_is_told_with_its_place(written: str, instead: str, said: str) -> None:
    assert written in TEXT
    with pytest.raises(MethodsFileError) as caught:
        load_methods(TEXT.replace(written, instead, 1), "m.yaml")
    assert any(said in str(error) for error in caught.value.errors), str(caught.value)
    assert all(error.line > 1 and str(error).startswith("m.yaml:") for error in caught.value.errors)


def test_the_hash_is_of_the_content_and_not_of_its_layout() -> None:
    assert load_methods(TEXT + "# a remark\n").sha256 == METHODS.sha256
    assert load_methods(TEXT.replace("weight: 0.26", "weight: 0.27")).sha256 != METHODS.sha256


def test_only_what_a_statute_says_is_verified() -> None:
    for preset in METHODS.presets:
        tables = (preset.probability, preset.impact, preset.classes, preset.counts, preset.index, preset.participants)
        others = (
            preset.opposition,
            preset.events,
            preset.ahp,
            preset.checklist,
            *([preset.hundred] if preset.hundred else []),
        )
        assert all(table.origin.unverified and table.origin.source for table in (*tables, *others))
        assert preset.decision.origin.unverified is ("713号" not in preset.decision.origin.source)


def test_the_checklist_is_whole() -> None:
    categories = METHODS.presets[0].checklist.categories
    assert [len(category.items) for category in categories] == [5, 10, 3, 12, 5, 10, 3, 2]
    assert sum(category.weight for category in categories) == pytest.approx(1.01)
