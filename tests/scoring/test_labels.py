from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.words import Outcome, Source
from service.scoring.label_definition import load_definition
from service.scoring.labels import Ending, History, Label, Told, is_at_risk, is_settled, label, labels
from tests.scoring.makers import NOON, report

DEFINITION = load_definition()
AREA = "990101001001"
HORIZONS = DEFINITION.horizons
LONG_AFTER = NOON + timedelta(days=200)
SIGNALS = sorted({*DEFINITION.disruption, *DEFINITION.harm, "sensitive_place", "payment_overdue", "hazard"})


def told(day: float, *signals: str, people: int | None = None, **changes: Any) -> Told:
    """A report of something that happened `day` days after NOON, received an hour later."""
    at = NOON + timedelta(days=day)
    return replace(Told(at, at + timedelta(hours=1), frozenset(signals), people=people), **changes)


def history(*reports: Told, **changes: Any) -> History:
    """A matter of twelve people, reported ten days before NOON."""
    return replace(History(AREA, (told(-10, people=12), *reports)), **changes)


def came(known: History, horizon: int = 30, until: datetime = LONG_AFTER) -> Label:
    return label(known, NOON, horizon, until, DEFINITION)


@pytest.mark.parametrize("signal", sorted(DEFINITION.disruption | DEFINITION.harm))
def test_a_disruption_or_harm_that_was_not_there_is_an_escalation(signal: str) -> None:
    assert came(history(told(3, signal))) is Label.YES


@pytest.mark.parametrize("signal", ["sensitive_place", "media_present", "spreading_online", "gathering_announced"])
def test_a_place_speech_or_a_mere_announcement_is_none(signal: str) -> None:
    assert came(history(told(3, signal))) is Label.NO


def test_what_was_there_before_and_is_told_again_is_no_new_escalation() -> None:
    assert came(history(told(-2, "site_blocked"), told(3, "site_blocked"))) is Label.NO
    assert came(history(told(-2, "injury"), told(25, "injury"))) is Label.NO


def test_what_begins_anew_after_a_pause_is_a_new_escalation() -> None:
    assert came(history(told(-2, "site_blocked"), told(6, "site_blocked"))) is Label.YES


def test_a_further_kind_of_disruption_is_a_new_escalation() -> None:
    assert came(history(told(-2, "work_stopped"), told(1, "work_stopped", "gathering_under_way"))) is Label.YES


def test_what_only_the_text_says_was_there_before_but_makes_no_escalation() -> None:
    read = told(3, text_signals=frozenset({"injury"}))
    assert came(history(read)) is Label.NO
    assert came(history(replace(read, occurred_at=NOON - timedelta(days=1)), told(4, "injury"))) is Label.NO
    by_text = replace(DEFINITION, text_makes_an_escalation=True)
    assert label(history(read), NOON, 30, LONG_AFTER, by_text) is Label.YES


def test_growth_past_the_number_is_an_escalation_while_it_is_unanswered() -> None:
    grown = told(5, people=31)
    assert came(history(grown)) is Label.YES
    assert came(history(grown, replies=(NOON + timedelta(days=4),))) is Label.NO
    # it had been reported again after the reply, so the reply was no answer
    assert came(history(told(4.5), grown, replies=(NOON + timedelta(days=4),))) is Label.YES


def test_growth_must_pass_the_number_and_double() -> None:
    assert came(history(told(5, people=29))) is Label.NO
    assert came(history(told(-5, people=20), told(5, people=39))) is Label.NO
    assert came(history(told(-5, people=20), told(5, people=40))) is Label.YES


def test_the_first_head_count_ever_given_is_no_growth() -> None:
    bare = History(AREA, (told(-10), told(2, people=80)))
    assert came(bare) is Label.NO
    assert came(replace(bare, told=(*bare.told, told(3, people=160)))) is Label.YES


def test_silence_is_not_yet_known_until_the_window_and_the_time_for_late_reports_are_over() -> None:
    end = NOON + timedelta(days=30 + DEFINITION.settling_days)
    assert came(history(), until=end - timedelta(seconds=1)) is Label.NOT_YET_KNOWN
    assert came(history(), until=end) is Label.NO


def test_an_escalation_that_is_known_counts_at_once() -> None:
    event = told(3, "violence")
    assert came(history(event), until=event.received_at) is Label.YES
    assert came(history(event), until=event.received_at - timedelta(seconds=1)) is Label.NOT_YET_KNOWN


def test_a_matter_closed_with_its_outcome_unknown_stays_not_yet_known() -> None:
    closed = NOON + timedelta(days=10)
    ending = Ending(closed, closed, Outcome.UNKNOWN)
    assert came(history(endings=(ending,))) is Label.NOT_YET_KNOWN
    assert came(history(endings=(ending,)), horizon=7) is Label.NO
    assert came(history(endings=(replace(ending, outcome=Outcome.SETTLED),))) is Label.NO
    later = Ending(NOON + timedelta(days=12), NOON + timedelta(days=90), Outcome.SETTLED)
    assert came(history(endings=(ending, later))) is Label.NO


def test_an_outcome_recorded_as_escalated_counts_on_its_day_unless_a_report_explains_it() -> None:
    day = NOON + timedelta(days=9)
    ending = Ending(day, day, Outcome.ESCALATED)
    assert came(history(endings=(ending,))) is Label.YES
    assert came(history(endings=(ending,)), horizon=7) is Label.NO
    assert came(history(told(-3, "violence"), endings=(ending,))) is Label.NO


def test_a_matter_under_five_people_is_not_at_risk() -> None:
    assert not is_at_risk(4, AREA, NOON, DEFINITION)
    assert is_at_risk(5, AREA, NOON, DEFINITION)


@pytest.mark.parametrize("source", list(Source))
def test_where_a_report_came_from_never_matters(source: Source) -> None:
    by_source = Told.of(report(-3, source=source, signals=frozenset({"sensitive_place"})), LONG_AFTER)
    assert by_source == Told.of(report(-3, source=Source.GRID, signals=frozenset({"sensitive_place"})), LONG_AFTER)
    assert came(history(by_source)) is Label.NO


DAYS = st.floats(-30, 60, allow_nan=False)


@st.composite
def reports(draw: st.DrawFn) -> Told:
    delay = timedelta(hours=draw(st.integers(0, 24 * DEFINITION.settling_days)))
    made = told(draw(DAYS), *draw(st.frozensets(st.sampled_from(SIGNALS), max_size=2)))
    people, read = draw(st.none() | st.integers(1, 90)), draw(st.frozensets(st.sampled_from(SIGNALS), max_size=1))
    return replace(made, people=people, received_at=made.occurred_at + delay, text_signals=read)


@st.composite
def histories(draw: st.DrawFn) -> History:
    instants = [NOON + timedelta(days=day) for day in draw(st.lists(DAYS, max_size=3))]
    outcomes = draw(st.lists(st.tuples(DAYS, st.sampled_from(list(Outcome))), max_size=2))
    endings = [Ending(NOON + timedelta(days=day), NOON + timedelta(days=day), outcome) for day, outcome in outcomes]
    return History(AREA, tuple(draw(st.lists(reports(), max_size=8))), tuple(instants), tuple(endings))


@given(known=histories(), day=DAYS)
@settings(max_examples=100, deadline=None)
def test_a_longer_horizon_never_takes_a_yes_back(known: History, day: float) -> None:
    answers = list(labels(known, NOON, NOON + timedelta(days=day), DEFINITION).values())
    assert answers == [Label.YES if Label.YES in answers[:n] else answer for n, answer in enumerate(answers)]


@given(known=histories(), horizon=st.sampled_from(HORIZONS))
@settings(max_examples=100, deadline=None)
def test_what_happens_after_the_window_never_matters(known: History, horizon: int) -> None:
    end = NOON + timedelta(days=horizon)
    earlier = History(
        AREA,
        tuple(one for one in known.told if one.occurred_at <= end),
        tuple(at for at in known.replies if at <= end),
        tuple(one for one in known.endings if one.recorded_at <= end),
    )
    assert came(known, horizon) is came(earlier, horizon)


@given(known=histories(), first=DAYS, later=DAYS, horizon=st.sampled_from(HORIZONS))
@settings(max_examples=100, deadline=None)
def test_a_settled_answer_is_final(known: History, first: float, later: float, horizon: int) -> None:
    over = NOON + timedelta(days=horizon + DEFINITION.settling_days)
    until, longer = (over + timedelta(days=day + 30) for day in sorted((first, later)))
    assert is_settled(NOON, horizon, until, DEFINITION)
    assert came(known, horizon, until) is came(known, horizon, longer)


@given(known=histories(), first=DAYS, later=DAYS, horizon=st.sampled_from(HORIZONS))
@settings(max_examples=100, deadline=None)
def test_more_knowledge_never_makes_an_answer_unknown_and_no_only_comes_when_settled(
    known: History, first: float, later: float, horizon: int
) -> None:
    """But for a late report that shows it had been there before: then a yes waits for its window again."""
    until, longer = (NOON + timedelta(days=day) for day in sorted((first, later)))
    before, after = came(known, horizon, until), came(known, horizon, longer)
    if before is Label.NO:
        assert after is Label.NO
        assert is_settled(NOON, horizon, until, DEFINITION)
    prompt = replace(known, told=tuple(replace(one, received_at=one.occurred_at) for one in known.told))
    if came(prompt, horizon, until) is Label.YES:
        assert came(prompt, horizon, longer) is Label.YES


@given(known=histories(), order=st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_of_a_history_never_matters(known: History, order: Any) -> None:
    mixed = [list(known.told), list(known.replies), list(known.endings)]
    for part in mixed:
        order.shuffle(part)
    assert came(known) is came(History(AREA, *map(tuple, mixed)))  # type: ignore[arg-type]
