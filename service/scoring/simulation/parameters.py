"""Every number of the simulated process, with its reason. None is measured on real districts: all [unverified]."""

from __future__ import annotations

from dataclasses import dataclass

STEPS_PER_DAY = 2  # 00–12 and 12–24 local time: fine enough for 72-hour windows, coarse enough to be quick


@dataclass(frozen=True, slots=True)
class SimulationParameters:
    """The district and the process. Rates are per day; `log_` values are natural logarithms."""

    county: str = "990101"  # no real county begins with 99
    name: str = "示例区（虚构）"

    # How much comes in. With these 20 to 30 reports a day: the disputes of a small district, not its potholes.
    new_matters: float = 7.0  # a day
    weekend_share: float = 0.6  # of a working day's new matters: offices that register are closed
    artefacts_month_end: float = (
        6.0  # a day in the last two days of a month: counts are filled up then (quota artefacts)
    )
    trivial_share: float = 0.2  # settled on the spot, no grievance left

    # The hidden grievance, 1 = an ordinary matter.
    log_grievance_spread: float = 0.6  # matters differ by a factor of two either way
    log_grievance_top: float = 1.6  # five times an ordinary matter: anger does not grow for ever
    grievance_growth: float = 0.04  # unanswered it doubles in two and a half weeks
    grievance_noise: float = 0.12  # per square root of a day: what nobody sees happens too
    hollow_growth: float = 1.6  # times the growth, after an answer that changed nothing: disappointment
    healing: float = 0.25  # after a real answer it halves in three days
    people_spread: float = 0.9  # log: head-counts of one kind differ by a factor of 2.5
    people_growth: float = 0.015  # times the grievance: word goes round

    # Departments. Each draws its own diligence; a slow department stays slow.
    answer_rate: float = 0.14  # an answer after a week, typically
    answer_rate_spread: float = 0.6  # log, between departments
    answer_real_share: float = 0.6  # the others "are being handled"
    weekend_answers: float = 0.15  # of a working day's rate
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

    # What happens to an unanswered matter.
    disruption_rate: float = 0.012  # times grievance: gathering announced, work stopped, entrances blocked
    harm_rate: float = 0.003  # times grievance: shoving, an injury

    # Escalation, the known hazard: base * exp(sum of the terms below).
    hazard_base: float = 0.0003
    hazard_grievance: float = 1.1  # per log unit of grievance
    hazard_people: float = 0.55  # per log unit of people above 10
    hazard_fact: float = 0.6  # per disruption, harm or cut-off, two at most
    hazard_duty: float = 0.45  # payment overdue, promise broken: each
    hazard_missed: float = 0.35  # per missed clock, three at most
    hazard_season: float = 0.6  # labour in the month before Spring Festival
    hazard_prone: float = 1.0  # times `prone` of the kind and `log` of the district's own unrest
    district_spread: float = 0.4  # log: districts differ, and nothing but their history shows it
    season_arrivals: float = 2.0  # times the new labour matters in that month

    # Noise in what is reported.
    late_share: float = 0.05  # received three to eight days after it happened
    no_count_share: float = 0.35  # reports without a head-count
    no_category_share: float = 0.15  # reports that leave the category to the service
    no_title_share: float = 0.4
    count_error: float = 0.25  # log: heads are estimated
    fact_written: float = 0.7  # a known fact is in the text
    fact_stated: float = 0.7  # a known fact is in the list of signals
    text_found: float = 0.8  # a fact in the text is found by the reader
    text_false: float = 0.02  # a signal read from a text that does not say so
    restated_share: float = 0.4  # later reports that quote what was reported first
    copied_share: float = 0.06  # the text of the matter's last report, pasted again
