"""Routing of one warning through 500 routes: as a county writes them, and the worst case: no index helps."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import product

from benchmarks.results import Row, middle
from service.delivery.labels import Told
from service.delivery.matchers import parse_matcher
from service.delivery.routes import Match, Route, Tree
from service.domain.catalogue import load_catalogue
from service.domain.levels import Level

ROUNDS, CALLS, ROUTES = 7, 2000, 500
GOAL_US = 200.0
VILLAGES = [f"990101{town:03}{village:03}" for town in range(1, 21) for village in range(1, 11)]


def measure() -> list[Row]:
    """Rounds in turn, in processor time; every call routes another warning."""
    subjects = _subjects()
    trees = {"by place and category": _county(), "by regular expressions alone": _expressions()}
    took: dict[str, list[float]] = {name: [] for name in trees}
    for number in range(ROUNDS):
        for name, tree in trees.items():
            took[name].append(_each(tree, subjects[number * CALLS : (number + 1) * CALLS]))
    return [
        Row(f"one warning through {ROUTES} routes, {name}", middle(times), GOAL_US, "µs, at most", {})
        for name, times in took.items()
    ]


def _each(tree: Tree, subjects: Sequence[Told]) -> float:
    """µs a warning."""
    began = time.process_time()
    for subject in subjects:
        tree.reached(subject)
    return (time.process_time() - began) / len(subjects) * 1e6


def _subjects() -> list[Told]:
    dice, catalogue = random.Random(7), load_catalogue()
    codes = [*catalogue.categories]
    found = []
    for number in range(ROUNDS * CALLS):
        code = dice.choice(codes)
        level, sources = dice.choice([*Level]), frozenset({dice.choice(("grid", "hotline", "online"))})
        told = Told(
            level, dice.choice(VILLAGES), code, catalogue.first_level(code), subject_id=str(number), sources=sources
        )
        found.append(told)
    return found


def _county() -> Tree:
    """A route per township and first-level category, each with children by level and source, and all that continue."""
    towns, first = sorted({village[:9] + "000" for village in VILLAGES}), load_catalogue().first_levels
    pairs = [*product(towns, first)][: ROUTES // 3]
    children = [
        Route(
            (f"{town} {code}",), Match(areas=(town,), categories=(code,)), continues=number % 2 == 0,
            children=(
                Route(("urgent",), Match(levels=frozenset({Level.ORANGE, Level.RED}))),
                Route(("hotline",), Match(sources=frozenset({"hotline"}))),
            ),
        )
        for number, (town, code) in enumerate(pairs)
    ]  # fmt: skip
    return Tree(Route(("root",), children=(*children, Route(("rest",), Match(levels=frozenset({Level.RED}))))))


def _expressions() -> Tree:
    """Every route continues and is told apart by a regular expression: each of them must be asked."""
    children = [
        Route((str(number),), Match(matchers=(parse_matcher(f'area=~".*{number:03}.*"'),)), continues=True)
        for number in range(ROUTES)
    ]
    return Tree(Route(("root",), children=tuple(children)))
