"""The facts of a matter: what is known, what is missing, what is nobody's business."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.domain.matters import PlaceHistory, ProjectSnapshot
from service.rules.facts import facts_of
from service.rules.positions import LoadFailure
from service.rules.vocabulary import MISSING, FactVocabulary, load_vocabulary
from tests.rules.making import NOW, snapshot


def test_the_facts_of_a_matter_are_exactly_those_of_the_vocabulary(vocabulary: FactVocabulary) -> None:
    assert set(facts_of(snapshot())) == set(vocabulary.facts)


def test_the_facts_of_a_matter_have_the_types_the_vocabulary_says(vocabulary: FactVocabulary) -> None:
    full = snapshot(
        people_first=2, people_max=9, people_latest=8, present_max=3, replied_at=NOW - timedelta(hours=5, minutes=59),
        project=ProjectSnapshot("demolition", "signing", 0), place=PlaceHistory(6, 8, 2, 0, 0),
    )  # fmt: skip
    facts = facts_of(full)
    read = vocabulary.reader(vocabulary.facts).read(facts)
    assert MISSING not in read.values()
    assert vocabulary.checked(facts) == []
    assert read["people_growth"] == 4.0
    assert read["hours_since_reply"] == 5
    assert read["place_reports_ratio"] == 3.0


def test_what_was_never_reported_is_missing_and_not_zero() -> None:
    facts = facts_of(snapshot())
    lacking = {name for name, value in facts.items() if value is MISSING}
    assert lacking == {
        "people_affected", "people_latest", "people_growth", "people_present", "hours_since_reply",
        "project_kind", "project_stage", "missing_legal_steps", "place_reports_ratio",
    }  # fmt: skip


@pytest.mark.parametrize(("now", "before", "growing"), [(2, 1, True), (1, 1, False), (0, 3, False)])
def test_growing_compares_the_two_last_windows(now: int, before: int, growing: bool) -> None:
    assert facts_of(snapshot(reports_72h=now, reports_prev_72h=before))["growing"] is growing


def test_petition_channels_do_not_reach_the_rules() -> None:
    facts = facts_of(snapshot(sources=frozenset({"grid", "visit", "superior", "letter", "leader_mailbox"})))
    assert facts["sources"] == {"grid"}
    assert facts["source_count"] == 1


def test_a_known_project_whose_steps_were_not_checked_has_missing_steps() -> None:
    facts = facts_of(snapshot(project=ProjectSnapshot("demolition", "signing")))
    assert facts["on_project"] is True
    assert facts["missing_legal_steps"] is MISSING


def test_facts_beside_the_snapshot_can_be_added_but_not_replaced() -> None:
    facts = facts_of(snapshot(), {"rain_mm": 80, "report_count": 99})
    assert facts["rain_mm"] == 80
    assert facts["report_count"] == 1


def test_a_vocabulary_with_faults_tells_them_with_their_place() -> None:
    text = (
        "vocabulary: demo\nversion: a\nfacts:\n"
        "- {name: a, type: int, label: 甲, question: 问, source: 源}\n"
        "- {name: a, type: text, vocabulary: colour, label: 乙, question: 问, source: 源}\n"
    )
    with pytest.raises(LoadFailure) as caught:
        load_vocabulary(text, {"colours": {"red": "红"}})
    assert [str(error) for error in caught.value.errors] == [
        "<text>:5:10: 事实 ‘a’ 重复",
        "<text>:5:37: 没有词表 ‘colour’ (did you mean ‘colours’?)",
    ]
