"""The same history read for training and lived through by the service gives the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from service.scoring.features import Row, features
from service.scoring.replay import _LOOK, _STEPS, Event, _events, _Known
from service.scoring.simulate import SimulatedDistrict
from service.scoring.simulation.export import export
from service.workflows.backtest.simulated_folder import read_simulated
from tests.workflows.backtest.playing import district, said

DAYS = 50
OF_REPORTS = ("reports_log", "age_log", "people_log")  # alike where the service linked as the history says


def test_the_load_of_a_place_is_counted_in_service_as_in_training(cluster: str, tmp_path: Path) -> None:
    lived = with_categories(district(DAYS))
    export(lived, tmp_path / "district", rollouts=1)
    served = [
        (name, row["at"], row["features"])
        for name, row in said(cluster, read_simulated(tmp_path / "district"), tmp_path / "play").rows
        if row["cause"] == "report" and row["features"]
    ]
    learned = rows_at(lived, [(name, at) for name, at, _ in served])
    alike = [
        (row, learned[name, at])
        for name, at, row in served
        if (name, at) in learned and all(row[each] == learned[name, at][each] for each in OF_REPORTS)
    ]
    assert len(alike) > len(served) / 2
    assert [row["place_load"] for row, _ in alike] == [other["place_load"] for _, other in alike]
    assert len({row["place_load"] for row, _ in alike}) > 20


def with_categories(lived: SimulatedDistrict) -> SimulatedDistrict:
    """Every report states its category: what the service reads from texts is not compared here."""
    stream = [replace(one, body=one.body | {"category": lived.truth[one.matter].category}) for one in lived.stream]
    return replace(lived, stream=tuple(stream))


def rows_at(lived: SimulatedDistrict, moments: list[tuple[str, datetime]]) -> dict[tuple[str, datetime], Row]:
    """What training would have read of matters, named by their first report, at these moments."""
    first = {}
    for report in lived.stream:
        first.setdefault(report.matter, str(report.body["id"]))
    matter_of = {name: matter for matter, name in first.items()}
    known, told = _Known(lived), dict[tuple[str, datetime], Row]()
    for at, rank, key, thing in with_looks(lived, [(matter_of[name], at) for name, at in moments if name in matter_of]):
        before = len(known.replay.examples)
        _STEPS[rank](known, lived.truth[key], at, thing)
        for one in known.replay.examples[before:]:
            told[first[key], at] = features(one.snapshot)
    return told


def with_looks(lived: SimulatedDistrict, looks: list[tuple[str, datetime]]) -> Iterator[Event]:
    """The events of the history with looks at these moments in place of those at half days."""
    events = [event for event in _events(lived) if event[1] != _LOOK]
    yield from sorted([*events, *((at, _LOOK, key, None) for key, at in looks)], key=lambda event: event[:3])
