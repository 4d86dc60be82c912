from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from service.scoring.features import features
from service.scoring.replay import HORIZON, Example, replay
from service.scoring.simulate import SimulatedDistrict


def test_a_stream_that_is_cut_short_gives_the_same_rows_up_to_the_cut(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    cut = district.start + timedelta(days=60)
    shorter = replace(
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
    known, told = ([e for e in some if e.snapshot.at <= cut] for some in (examples, replay(shorter).examples))
    assert len(known) > 500
    assert [features(e.snapshot) for e in known] == [features(e.snapshot) for e in told]


def test_no_matter_is_looked_at_after_it_escalated_or_closed(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    for example in examples:
        truth = district.truth[example.matter]
        assert all(end is None or example.snapshot.at <= end for end in (truth.escalated_at, truth.closed_at))


def test_a_label_is_true_exactly_when_it_escalates_within_the_horizon(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    assert any(example.escalates for example in examples)
    for example in examples:
        escalated = district.truth[example.matter].escalated_at
        soon = escalated is not None and escalated - example.snapshot.at <= HORIZON
        assert example.escalates == soon


def test_looks_whose_horizon_reaches_past_the_end_are_dropped_and_counted(
    district: SimulatedDistrict, examples: list[Example]
) -> None:
    assert all(example.snapshot.at + HORIZON <= district.end for example in examples)
    assert replay(district).censored > 0


def test_a_places_history_leaves_out_the_matter_itself(examples: list[Example]) -> None:
    first = examples[0].snapshot
    assert (first.report_count, first.place.reports_7d, first.place.open_matters) == (1, 0, 0)
