"""Every number of the simulated process, with its reason. None is measured on real districts: all [unverified]."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from service.scoring.label_definition import LabelDefinition, load_definition

FIRST_COUNTY = 990101  # no real county begins with 99
STEPS_PER_DAY = 2  # 00–12 and 12–24 local time: fine enough for 72-hour windows, coarse enough to be quick


@dataclass(frozen=True, slots=True)
class SimulationParameters:
    """The district and the process. Rates are per day; `log_` values are natural logarithms.

    `label`, what counts as an escalation, belongs to it: the process makes what the label takes for one, and no other.
    """

    county: str = str(FIRST_COUNTY)
    name: str = "示例区（虚构）"

    # How much comes in. With these 20 to 30 reports a day: the disputes of a small district, not its potholes.
    new_matters: float = 6.6  # a day, those of projects apart
    weekend_share: float = 0.6  # of a working day's new matters: offices that register are closed; long holidays alike
    artefacts_month_end: float = (
        6.0  # a day in the last two days of a month: counts are filled up then (quota artefacts)
    )
    trivial_share: float = 0.2  # settled on the spot, no grievance left

    # Projects (重大事项): tens a year in a district, so that some twenty are under way at a time.
    new_projects: float = 0.06  # a day
    project_decided_days: tuple[int, int] = (30, 150)  # from taking up to decision: two notices of a month fit in
    project_built_days: tuple[int, int] = (120, 500)  # from start to completion
    project_legal_steps: int = 6  # notice, hearing, survey, agreement, payment, assessment
    project_assessed_share: float = 0.6  # the others go ahead without 稳评
    step_missing: float = 0.35  # each step of a project that was not assessed
    step_missing_assessed: float = 0.1  # an assessment finds most of them
    project_matters: float = 0.02  # new matters a day while it is carried out: one in seven weeks
    project_matters_step: float = 0.3  # more of them per missing step, as a share
    project_matters_assessed: float = 0.6  # times as many where it was assessed: some quarrels were settled before
    project_matters_planned: float = 0.25  # times as many before the decision: there is only a notice yet
    strain_carried_out: float = 0.2  # log grievance of a matter born while it is carried out: machines do not wait
    strain_step: float = 0.12  # log grievance per missing step
    strain_assessed: float = -0.15
    pressure_step: float = 0.12  # more growth of unanswered grievance per missing step: the wrong goes on
    project_named_share: float = 0.6  # of the reports of its matters say which project it is
    project_checked_share: float = 0.7  # of projects whose missing steps are known to the service

    # The hidden grievance, 1 = an ordinary matter.
    log_grievance_spread: float = 0.6  # matters differ by a factor of two either way
    log_grievance_top: float = 1.6  # five times an ordinary matter: anger does not grow for ever
    grievance_growth: float = 0.04  # unanswered it doubles in two and a half weeks
    grievance_noise: float = 0.12  # per square root of a day: what nobody sees happens too
    hollow_growth: float = 1.6  # times the growth, after an answer that changed nothing: disappointment
    healing: float = 0.25  # after a real answer it halves in three days
    people_spread: float = 0.9  # log: head-counts of one kind differ by a factor of 2.5
    people_growth: float = 0.004  # times the grievance: word goes round, a bitter matter grows by half in a month

    # Departments. Each draws its own diligence; a slow department stays slow.
    answer_rate: float = 0.14  # an answer after a week, typically
    answer_rate_spread: float = 0.6  # log, between departments
    answer_real_share: float = 0.6  # the others "are being handled"
    weekend_answers: float = 0.15  # of a working day's rate; long holidays alike
    close_rate: float = 0.2  # after a real answer
    fade_rate: float = 0.02  # an unanswered matter is given up or solved elsewhere
    clock_shortest: float = 3.0  # days; a matter draws its time limit, and each such span without
    clock_longest: float = 15.0  # an answer is one missed clock: duties differ in their limits
    longest_days: int = 75  # then it is filed

    # Reports, a self-exciting process: each report makes more reports for a while.
    report_rate: float = 0.07  # per unit of grievance and per 10 people to the power 0.3
    report_excitement: float = 0.2  # added to the rate by each report; below `excitement_decay`, so bursts end
    excitement_decay: float = 0.5
    answered_share: float = 0.3  # of the rate that remains after a real answer

    # Signs that are no escalation.
    announced_rate: float = 0.007  # times grievance: somebody calls for a gathering; many are called, few come about
    danger_rate: float = 0.002  # times grievance: a site left open, a wall that gives way

    # Escalation (disruption or harm, by the label), the known hazard: base * exp(sum of the terms below).
    hazard_base: float = 0.0003
    hazard_grievance: float = 1.1  # per log unit of grievance
    hazard_people: float = 0.55  # per log unit of people above 10
    hazard_fact: float = 0.6  # per disruption, harm or cut-off, two at most
    hazard_duty: float = 0.45  # payment overdue, promise broken: each
    hazard_missed: float = 0.35  # per missed clock, three at most
    hazard_season: float = 0.6  # labour in the month before Spring Festival
    hazard_flood: float = 0.3  # land, homes and roads in June to September: water shows what was built badly
    hazard_prone: float = 1.0  # times `prone` of the kind and `log` of the district's own unrest
    district_spread: float = 0.4  # log: districts differ, and nothing but their history shows it
    # Which: gatherings come first in field reports, harm is rare; shares are ours.
    escalations: tuple[tuple[str, float], ...] = (
        *(("gathering_under_way", 0.42), ("site_blocked", 0.14), ("road_blocked", 0.1), ("work_stopped", 0.08)),
        *(("violence", 0.09), ("property_damaged", 0.07), ("injury", 0.05), ("self_harm_threatened", 0.05)),
    )
    escalation_attention: float = 2.0  # times the rate of answers afterwards: it gets somebody's attention
    escalation_excitement: float = 0.3  # added to the rate of reports: everybody who saw it calls
    season_arrivals: float = 2.0  # times the new labour matters in that month

    # Noise in what is reported.
    late_share: float = 0.05  # received three to eight days after it happened
    lost_share: float = 0.08  # of reports never arrive; those of an escalation always do
    twin_share: float = 0.06  # of reports: a second source reports the same
    no_count_share: float = 0.35  # reports without a head-count
    no_category_share: float = 0.15  # reports that leave the category to the service
    no_title_share: float = 0.4
    count_error: float = 0.2  # log: heads are estimated
    fact_written: float = 0.7  # a known fact is in the text
    fact_stated: float = 0.7  # a known fact is in the list of signals; one that the label counts always is
    text_found: float = 0.8  # a fact in the text is found by the reader
    text_false: float = 0.02  # a signal read from a text that does not say so
    restated_share: float = 0.4  # later reports that quote what was reported first
    copied_share: float = 0.06  # the text of the matter's last report, pasted again

    label: LabelDefinition = field(default_factory=load_definition)


def numbered(number: int) -> SimulationParameters:
    """The parameters of the n-th simulated district, counted from 0; they differ in code and name only."""
    return replace(SimulationParameters(), county=str(FIRST_COUNTY + number), name=f"示例{number + 1}区（虚构）")


def plain(p: SimulationParameters) -> dict[str, Any]:
    """The parameters as JSON values; of the label its name, version and hash."""
    values = {name: value for name, value in asdict(p).items() if name != "label"}
    return values | {"label": {"name": p.label.name, "version": p.label.version, "sha256": p.label.sha256}}
