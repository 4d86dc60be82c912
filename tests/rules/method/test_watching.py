"""Which matters show which predicted factor: the shipped table, its faults, and the three answers."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from service.domain.catalogue import load_catalogue
from service.rules.method.watch_table import WATCH_FILE, WatchFileError, WatchTable, load_watch
from service.rules.method.watching import Predicted, Shown, TiedMatter, watch
from tests.rules.method.making import METHODS

CATALOGUE = load_catalogue()
TEXT = """\
watch: demo
version: 2026.11.1
source: 本项目约定
unverified: true
factors:
- factor: compensation
  shown_by:
  - {categories: [urban_rural.demolition]}
- factor: compensation.demolition
  shown_by:
  - {categories: [urban_rural], signals: [forced_eviction]}
- {factor: technique, shown_by: []}
"""


def table(text: str = TEXT) -> WatchTable:
    return load_watch(METHODS.checklist, CATALOGUE, text, "w.yaml")


def matter(number: int, category: str, *signals: str, **changes: Any) -> TiedMatter:
    days = changes.pop("days", {date(2026, 11, 23): 1})
    return TiedMatter(UUID(int=number), category, frozenset(signals), changes.pop("level", "yellow"), days)


def predicted(*names: str) -> list[Predicted]:
    return [Predicted(name, name.split(".")[0], name) for name in names]


def test_the_shipped_table_answers_for_every_category_of_the_checklist() -> None:
    shipped = load_watch(METHODS.checklist, CATALOGUE, WATCH_FILE)
    assert {category.category_id for category in METHODS.checklist.categories} <= set(shipped.by_factor)
    assert (shipped.origin, shipped.unverified) == ("本项目约定", True)


@pytest.mark.parametrize(
    ("factor", "category", "signals", "answer"),
    [
        ("compensation.standard", "urban_rural.demolition", (), Shown.SHOWED_UP),
        ("compensation.of_this_place", "urban_rural.demolition", (), Shown.SHOWED_UP),
        ("compensation.standard", "urban_rural.transport", ("forced_eviction",), Shown.DID_NOT),
        ("compensation.demolition", "urban_rural.demolition", (), Shown.DID_NOT),
        ("compensation.demolition", "urban_rural.transport", ("forced_eviction",), Shown.SHOWED_UP),
        ("technique.scheme", "urban_rural.demolition", (), Shown.NOT_WATCHABLE),
        ("opinion.guidance", "urban_rural.demolition", (), Shown.NOT_WATCHABLE),
    ],
)
def test_a_factor_is_shown_by_its_own_lines_or_else_by_those_of_its_category(
    factor: str, category: str, signals: tuple[str, ...], answer: Shown
) -> None:
    [found] = watch(table(), predicted(factor), [matter(1, category, *signals)]).factors
    assert (found.answer, found.counts.matters) == (answer, 1 if answer is Shown.SHOWED_UP else 0)


def test_one_matter_may_show_two_factors_and_what_shows_none_is_unforeseen() -> None:
    days = {date(2026, 11, 24): 2, date(2026, 11, 23): 1}
    both = matter(1, "urban_rural.demolition", "forced_eviction", level="orange", days=days)
    found = watch(table(), predicted("compensation.standard", "compensation.demolition"), [both, matter(2, "labour")])
    assert found.named(Shown.SHOWED_UP) == ["compensation.standard", "compensation.demolition"]
    assert [(one.day.day, one.reports) for one in found.factors[0].counts.days] == [(23, 1), (24, 2)]
    assert found.counts.levels == {"orange": 1, "yellow": 1}
    assert [(one.category, one.counts.matters) for one in found.unforeseen] == [("labour", 1)]


@pytest.mark.parametrize(
    ("written", "instead", "expected"),
    [
        ("factor: compensation\n", "factor: compensaton\n", "w.yaml:6:11: 因素表中没有 ‘compensaton’ (did you mean"),
        ("factor: technique,", "factor: compensation,", "w.yaml:12:12: ‘compensation’ 重复"),
        ("[urban_rural.demolition]", "[demolition]", "w.yaml:8:19: 目录中没有 ‘demolition’"),
        ("[forced_eviction]", "[evicted]", "w.yaml:11:43: 目录中没有 ‘evicted’"),
        ("{categories: [urban_rural.demolition]}", "{}", "shown_by"),
        ("source: 本项目约定\n", "", "缺少键 ‘source’"),
        ("signals:", "signal:", "不认识的键 ‘signal’ (did you mean ‘signals’?)"),
    ],
)  # fmt: skip
def test_a_fault_in_the_table_is_told_with_its_place(written: str, instead: str, expected: str) -> None:
    assert written in TEXT
    with pytest.raises(WatchFileError) as caught:
        table(TEXT.replace(written, instead))
    assert expected in str(caught.value)
