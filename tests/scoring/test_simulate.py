from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from itertools import pairwise
from random import Random
from statistics import mean

from service.domain.catalogue import load_catalogue
from service.domain.incidents import IncidentReport
from service.domain.matters import ProjectSnapshot
from service.domain.projects import ProjectStage
from service.scoring.labels import escalated_at
from service.scoring.simulate import SimulatedDistrict, department_for, simulate
from service.scoring.simulation.life import MatterTruth, is_season, state_at
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.simulation.process import STEP, hazard_of, step
from service.scoring.simulation.wording import load_vocabulary
from tests.scoring.makers import NOON


def test_the_same_seed_gives_the_same_district(parameters: SimulationParameters) -> None:
    assert simulate(parameters, 3, NOON, 20) == simulate(parameters, 3, NOON, 20)


def test_another_seed_gives_another_district(parameters: SimulationParameters) -> None:
    assert simulate(parameters, 3, NOON, 20).reports != simulate(parameters, 4, NOON, 20).reports


def test_a_longer_run_begins_with_the_shorter_one(parameters: SimulationParameters) -> None:
    shorter, longer = (simulate(parameters, 3, NOON, days) for days in (20, 40))
    assert longer.stream[: len(shorter.stream)] == shorter.stream
    assert longer.replies[: len(shorter.replies)] == shorter.replies
    assert longer.projects[: len(shorter.projects)] == shorter.projects


def test_every_report_is_valid_and_speaks_the_catalogue(district: SimulatedDistrict) -> None:
    catalogue, codes = load_catalogue(), {code for code, _ in district.areas}
    for body in district.reports:
        told = IncidentReport.model_validate(body)
        assert told.area in codes
        assert told.category is None or told.category in catalogue.categories
        assert set(told.signals) <= set(catalogue.signals)


def test_report_ids_are_unique_and_reports_come_in_order_of_receipt(district: SimulatedDistrict) -> None:
    assert len({body["id"] for body in district.reports}) == len(district.reports)
    received = [report.received_at for report in district.stream]
    assert received == sorted(received)
    assert district.start <= received[0] <= received[-1] < district.end


def test_nothing_is_received_before_it_happened(district: SimulatedDistrict) -> None:
    happened = [IncidentReport.model_validate(report.body).occurred_at for report in district.stream]
    assert all(report.received_at > at for report, at in zip(district.stream, happened, strict=True))


def test_a_small_district_reports_twenty_to_thirty_times_a_day(district: SimulatedDistrict) -> None:
    assert 20 <= len(district.reports) / 120 <= 32


def test_a_project_leads_to_matters_in_its_place_and_not_after_its_completion(district: SimulatedDistrict) -> None:
    born = [truth for truth in district.truth.values() if truth.project]
    assert len(born) >= 20
    for truth in born:
        assert truth.project is not None
        assert truth.area == truth.project.area
        assert truth.category in dict(truth.project.matters)
        assert truth.project.taken_up <= truth.first_step < truth.project.completed + STEP


def test_a_project_that_left_out_steps_makes_more_matters_and_bitterer_ones(
    district: SimulatedDistrict, parameters: SimulationParameters
) -> None:
    sound = replace(district.projects[0], assessed=True, missing_legal_steps=0)
    careless = replace(sound, assessed=False, missing_legal_steps=3)
    day = sound.carried_out
    assert careless.matters_a_day(day, parameters) > 2 * sound.matters_a_day(day, parameters)
    assert careless.strain(day, parameters) > sound.strain(day, parameters) + 0.3
    assert careless.pressure(parameters) > sound.pressure(parameters)
    assert sound.matters_a_day(day - STEP, parameters) < sound.matters_a_day(day, parameters)
    assert sound.matters_a_day(sound.completed, parameters) == 0


def test_what_the_service_knows_of_a_project_is_its_stage_and_only_if_checked_its_missing_steps(
    district: SimulatedDistrict,
) -> None:
    one = replace(district.projects[0], missing_legal_steps=2, checked=False)
    assert one.snapshot(one.carried_out - STEP) == ProjectSnapshot(one.kind, ProjectStage.PRE_DECISION, None)
    known = replace(one, checked=True).snapshot(one.completed)
    assert known == ProjectSnapshot(one.kind, ProjectStage.COMPLETED, 2)


def test_few_matters_escalate(district: SimulatedDistrict) -> None:
    share = mean(truth.escalated_at is not None for truth in district.truth.values())
    assert 0.02 <= share <= 0.12


def test_every_escalation_is_reported_with_its_signal_or_its_growth(district: SimulatedDistrict) -> None:
    escalations = {(t.key, t.escalated_at.isoformat()) for t in district.truth.values() if t.escalated_at}
    bodies = [r.body for r in district.stream if (r.matter, r.body["occurred_at"]) in escalations]
    codes = district.parameters.label.anew_after.keys()
    by_signal = [not codes.isdisjoint(body["signals"]) for body in bodies]
    assert 0.3 < mean(by_signal) < 1
    assert all(body["people_affected"] >= 30 for body, told in zip(bodies, by_signal, strict=True) if not told)


def test_the_label_finds_every_escalation_of_the_process_and_no_other(district: SimulatedDistrict) -> None:
    """Hazards are drawn by the process, labels read from reports: they must speak of the same events."""
    p, labelled, drawn, common = district.parameters, 0, 0, 0
    for truth in list(district.truth.values())[:400]:
        began = _eruptions(truth, p)
        found = _onsets(truth, p)
        labelled, drawn, common = labelled + len(found), drawn + len(began), common + len(found & began)
    assert drawn > 10
    assert common >= 0.97 * max(drawn, labelled)  # a signal wrongly read from an earlier text hides one now and then


def _eruptions(truth: MatterTruth, p: SimulationParameters) -> set[datetime]:
    """The half days in which the process escalated, found by throwing its dice again."""
    dice, hidden, halves = Random(truth.process_seed), truth.start.copy(), set[datetime]()
    for place in range(len(truth.hazards)):
        when = truth.first_step + place * STEP
        if step(hidden, when, is_season(hidden, when), p, dice).event is not None:
            halves.add(when)
    return halves


def _onsets(truth: MatterTruth, p: SimulationParameters) -> set[datetime]:
    """The half days in which a report tells a disruption or harm that the label takes for new."""
    halves, far = set[datetime](), replace(truth.history, endings=())
    heads_left_out = replace(far, told=tuple(replace(one, people=None) for one in far.told))
    at = min((one.occurred_at for one in far.told), default=None)
    while at is not None:
        at = escalated_at(heads_left_out, at, far.told[-1].received_at + timedelta(days=99), p.label)
        if at is not None:
            halves.add(truth.first_step + (at - truth.first_step) // STEP * STEP)
    return halves


def test_some_reports_are_lost_and_some_come_twice(parameters: SimulationParameters) -> None:
    quiet, noisy = (
        simulate(replace(parameters, twin_share=twins, lost_share=lost), 3, NOON, 30).reports
        for twins, lost in ((0.0, 0.0), (0.5, 0.0))
    )
    lossy = simulate(replace(parameters, twin_share=0.0, lost_share=0.5), 3, NOON, 30).reports
    assert len(noisy) > 1.3 * len(quiet)
    assert len(lossy) < 0.7 * len(quiet)


def test_each_matter_has_a_name_of_its_own_that_its_reports_bear(district: SimulatedDistrict) -> None:
    subjects = Counter(truth.subject for truth in district.truth.values())
    assert max(subjects.values()) == 1
    assert all(district.truth[report.matter].subject in report.body["text"] for report in district.stream)


def test_texts_of_one_matter_are_more_alike_than_texts_of_two(district: SimulatedDistrict) -> None:
    kind = "labour.wage_arrears"
    matters = [truth.key for truth in district.truth.values() if truth.category == kind]
    texts = {key: [r.body["text"] for r in district.stream if r.matter == key] for key in matters}
    several = [told for told in texts.values() if len(told) >= 2]
    own = mean(likeness(told[0], told[1]) for told in several)
    other = mean(likeness(a[0], b[0]) for a, b in pairwise(several))
    assert own > other + 0.1


def test_the_noise_of_the_field_is_there(district: SimulatedDistrict) -> None:
    told = [IncidentReport.model_validate(report.body) for report in district.stream]
    late = mean((r.received_at - t.occurred_at).days >= 3 for r, t in zip(district.stream, told, strict=True))
    assert 0.02 < late < 0.09
    assert 0.2 < mean(t.people_affected is None for t in told) < 0.5
    assert len({t.text for t in told}) < len(told)  # pasted again


def test_month_end_brings_reports_settled_on_the_spot(district: SimulatedDistrict) -> None:
    bodies = [body for body in district.reports if body["category"] == "urban_rural.environment"]
    days = {datetime.fromisoformat(body["occurred_at"]).day for body in bodies}
    assert days
    assert min(days) >= 27
    assert all(body["handling"] == "settled_on_spot" for body in bodies)


def test_every_category_has_a_department() -> None:
    words = load_vocabulary()
    departments = simulate(SimulationParameters(), 1, NOON, 1).departments
    assert all(department_for(kind.code, departments).name for kind in words.kinds)


def test_replayed_dice_give_the_hazards_that_were_written_down(district: SimulatedDistrict) -> None:
    truth = max(district.truth.values(), key=lambda t: len(t.hazards))
    for steps in (0, 5, len(truth.hazards) - 1):
        hidden = state_at(truth, steps, district.parameters)
        assert truth.first_step + steps * STEP < district.end
        season = is_season(hidden, truth.first_step + steps * STEP)
        assert hazard_of(hidden, season, district.parameters) == truth.hazards[steps]


def likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
