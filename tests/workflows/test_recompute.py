"""Assessments of every kind, frozen, kept, read back and computed anew: the same result to the last digit."""

from __future__ import annotations

import random
from typing import Any

from service.api.assessment_shapes import GivenIn
from service.domain.projects import ProjectKind
from service.rules.vocabulary import Fact, FactType
from service.store import projects
from service.store.engine import Row, insert_rows, new_id
from service.store.tables_project import AssessmentTable, ProjectTable
from service.workflows.assess_project import frozen_facts, recompute, result_hash
from service.workflows.assessing import Subject, assess, plain, versions
from tests.makers import NOON, VILLAGE
from tests.workflows.conftest import House
from tests.workflows.town import Town

COUNT = 1_000
AREAS = (VILLAGE, "330102001000", "610102001000", "320102001000", "310101001000")


def answer(dice: random.Random, fact: Fact) -> Any:
    """Something of the fact's type, or nothing: a third of all facts are not known."""
    if dice.random() < 1 / 3:
        return None
    if fact.words:
        return dice.choice(sorted(fact.words))
    return {
        FactType.BOOL: dice.random() < 0.7,
        FactType.INT: dice.randrange(1000),
        FactType.FLOAT: dice.random(),
        FactType.DATE: f"2026-{dice.randrange(1, 13):02d}-{dice.randrange(1, 29):02d}",
    }.get(fact.type)


def given(dice: random.Random) -> Row:
    names = ("compensation.standard", "society.traffic", "environment.air", "technique.funding")
    factors = [
        {"factor_id": name, "category": name.split(".")[0], "name": name, "p": dice.random(), "q": dice.random()}
        for name in names[: dice.randrange(1, 5)]
    ]
    survey = {"asked": 300, "answered": 250, "opposed": dice.randrange(250)} if dice.random() < 0.8 else None
    expected = {"events": [], "participants": dice.randrange(300)}
    return GivenIn.model_validate({"factors": factors, "survey": survey, "expected": expected}).model_dump(mode="json")


async def test_a_thousand_kept_assessments_are_computed_anew_to_the_same_result_and_hash(house: House) -> None:
    dice, engines, day = random.Random(7), house.engines, house.engines.day(NOON)
    town = await Town(house.doors, engines, NOON).settle()
    made: list[tuple[Row, Row]] = []
    for _ in range(COUNT):
        kind, area = dice.choice(list(ProjectKind)), dice.choice(AREAS)
        raw = {fact.name: answer(dice, fact) for fact in engines.law.facts(kind)}
        project = {
            "id": new_id(), "name": "示例", "kind": kind, "area": area, "stage": "pre_decision", "scale": {},
            "department_id": town.lead["id"], "facts": plain(engines.law.typed(kind, raw)), "revision": 1,
            "created_at": NOON, "updated_at": NOON,
        }  # fmt: skip
        entered = {"preset": None, "given": given(dice)}
        said = assess(engines.law, engines.methods, Subject(project), entered, day)
        row = dict.fromkeys(AssessmentTable.model_fields) | {
            "id": new_id(), "project_id": project["id"], "number": 1, "track": kind.track, "form": "ordinary",
            "state": "submitted", "bodies": {}, **entered, "facts": frozen_facts(Subject(project)),
            "result": plain(said.whole),
            "versions": versions(engines.law, engines.methods), "assessed_on": day, "created_at": NOON,
            "updated_at": NOON,
        }  # fmt: skip
        made.append((project, row | {"result_hash": result_hash(row)}))
    async with house.doors.transaction() as connection:
        await insert_rows(connection, ProjectTable, [project for project, _ in made])
        await insert_rows(connection, AssessmentTable, [row for _, row in made])
        kept = [(await projects.belonging(connection, AssessmentTable, project["id"]))[0] for project, _ in made]

    for row in kept:
        again = recompute(engines, row)
        assert (again.same, again.result_hash) == (True, row["result_hash"]), again.differences
    assert len({row["result"]["grade"] for row in kept}) == 4, "low, middle, high, and none of an election"
