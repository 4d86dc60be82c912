from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.domain.projects import ProjectStage
from service.scoring.features import Row, feature_hash
from service.scoring.labels import Label, is_settled
from service.scoring.replay import Example, replay
from service.scoring.replay import examples as examples_of
from service.scoring.seasons import CHINA
from service.scoring.simulate import SimulatedDistrict
from service.scoring.simulation.life import MatterTruth, SimulatedReport
from service.scoring.simulation.process import STEP


def cut_short(district: SimulatedDistrict, cut: datetime) -> SimulatedDistrict:
    """The same district with nothing in it that came to pass after `cut`."""
    return replace(
        district,
        stream=tuple(report for report in district.stream if report.received_at <= cut),
        replies=tuple(reply for reply in district.replies if reply.at <= cut),
        truth={
            key: replace(
                truth,
                missed_at=tuple(at for at in truth.missed_at if at <= cut),
                escalated_at=truth.escalated_at if truth.escalated_at and truth.escalated_at <= cut else None,
                closed_at=truth.closed_at if truth.closed_at and truth.closed_at <= cut else None,
            )
            for key, truth in district.truth.items()
        },
    )


def test_a_stream_that_is_cut_short_gives_the_same_rows_up_to_the_cut(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    cut = district.start + timedelta(days=60)
    shorter = examples_of(cut_short(district, cut))
    known, told = ([(e.matter, e.at, e.row) for e in some if e.at <= cut] for some in (examples, shorter))
    assert len(known) > 500
    assert known == told


def with_another_future(district: SimulatedDistrict, cut: datetime, dice: Random) -> SimulatedDistrict:
    """The same until `cut`; after it graver reports at other times, other replies, and every matter ends otherwise."""

    def later(at: datetime) -> datetime:
        return at if at <= cut else cut + timedelta(seconds=dice.randrange(1, 60 * 86_400))

    def graver(report: SimulatedReport) -> SimulatedReport:
        if report.received_at <= cut:
            return report
        body = report.body | {"signals": ["injury", "road_blocked"], "people_affected": dice.randrange(5, 5000)}
        return replace(report, received_at=later(report.received_at), body=body, text_signals=frozenset({"death"}))

    def otherwise(truth: MatterTruth) -> MatterTruth:
        escalated, closed = truth.escalated_at, truth.closed_at
        return replace(
            truth,
            missed_at=tuple(map(later, truth.missed_at)),
            escalated_at=escalated if escalated and escalated <= cut else later(district.end),
            closed_at=closed if closed and closed <= cut else later(district.end),
            history=replace(truth.history, endings=()),
        )

    return replace(
        district,
        stream=tuple(sorted(map(graver, district.stream), key=lambda report: report.received_at)),
        replies=tuple(replace(reply, at=later(reply.at)) for reply in district.replies),
        truth={key: otherwise(truth) for key, truth in district.truth.items()},
    )


def test_whatever_comes_later_the_rows_until_then_stay_to_the_last_bit(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    def rows(of: list[Example], cut: datetime) -> list[tuple[str, datetime, str, Row]]:
        return [(one.matter, one.at, feature_hash(one.row), one.row) for one in of if one.at <= cut]

    @settings(max_examples=5, deadline=None, phases=[Phase.generate])  # shrinking would live hundreds of times
    @given(part=st.floats(0.1, 0.95), seed=st.integers(0, 2**32))
    def stay(part: float, seed: int) -> None:
        cut = district.start + part * (district.end - district.start)
        other = examples_of(with_another_future(district, cut, Random(seed)))
        assert rows(examples, cut)
        assert rows(other, cut) == rows(examples, cut)
        assert rows(other, district.end) != rows(examples, district.end), "the future was really another one"

    stay()


def test_no_matter_is_looked_at_once_it_is_closed(district: SimulatedDistrict, examples: list[Example]) -> None:
    closed = [district.truth[example.matter].closed_at for example in examples]
    assert all(end is None or example.at < end for example, end in zip(examples, closed, strict=True))


def test_a_matter_goes_on_after_it_escalated(district: SimulatedDistrict, examples: list[Example]) -> None:
    ended = [district.truth[example.matter].escalated_at for example in examples]
    assert any(at is not None and example.at > at for example, at in zip(examples, ended, strict=True))


def test_only_matters_known_to_touch_five_people_are_looked_at(examples: list[Example]) -> None:
    known = [(e.snapshot.people_max or 0, e.snapshot.present_max or 0, e.snapshot.report_count) for e in examples]
    assert min(map(max, known)) == 5


def test_looks_at_smaller_matters_are_counted_and_give_no_row(district: SimulatedDistrict) -> None:
    assert replay(district).small > 100


def test_what_is_heard_for_the_first_time_is_in_the_labels_of_the_looks_before_it(
    district: SimulatedDistrict, settled: list[Example]
) -> None:
    codes, checked = district.parameters.label.anew_after.keys(), 0
    for example in settled:
        history, heard = district.truth[example.matter].history, set[str]()
        for one in history.told:
            new = (one.signals & codes) - heard
            heard |= (one.signals | one.text_signals) & codes
            for days, label in example.labels.items():
                if new and example.at < one.occurred_at <= example.at + timedelta(days=days):
                    checked += 1
                    assert label is Label.YES
    assert checked > 50


def test_a_window_that_is_not_settled_has_no_outcome_even_where_a_yes_is_known(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    definition = district.parameters.label
    for example in examples:
        for days in definition.horizons:
            over = is_settled(example.at, days, district.end, definition)
            assert (days in example.settled) == over
            assert over or example.outcome(days) is None
            assert over or example.labels[days] is not Label.NO
    assert any(e.labels[30] is Label.YES and e.outcome(30) is None for e in examples)
    assert any(e.labels[30] is Label.NOT_YET_KNOWN and e.outcome(7) is False for e in examples)


def test_looks_fall_on_half_days(district: SimulatedDistrict, examples: list[Example]) -> None:
    assert not any((example.at - district.start) % STEP for example in examples)


def test_a_matter_knows_its_project_once_a_report_names_it(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    named: dict[str, datetime] = {}
    for report in district.stream:
        if report.body["project_id"]:
            named.setdefault(report.matter, report.received_at)
    for example in examples:
        assert (example.snapshot.project is not None) == (
            example.matter in named and named[example.matter] <= example.at
        )
    stages = {example.snapshot.project.stage for example in examples if example.snapshot.project}
    assert ProjectStage.IMPLEMENTING in stages


def test_a_places_history_counts_the_reports_of_all_its_other_matters(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    for example in examples[::20]:
        today = example.at.astimezone(CHINA).date()
        week = [
            report.matter
            for report in district.stream
            if report.received_at <= example.at
            and 0 <= (today - occurred_on(report)).days < 7
            and district.truth[report.matter].category.startswith(example.snapshot.first_level)
        ]
        assert example.snapshot.place.reports_7d == len(week) - week.count(example.matter)


def occurred_on(report: SimulatedReport) -> date:
    return datetime.fromisoformat(report.body["occurred_at"]).astimezone(CHINA).date()


def test_a_place_counts_an_escalation_when_the_matter_is_filed_and_never_before(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    for example in examples[-300:]:
        filed = [
            truth
            for truth in district.truth.values()
            if truth.category.split(".")[0] == example.snapshot.first_level
            and truth.escalated_at is not None
            and truth.closed_at is not None
            and truth.closed_at <= example.at
            and any(one.received_at <= truth.closed_at for one in truth.history.told)
        ]
        assert example.snapshot.place.escalated_365d == len(filed)
