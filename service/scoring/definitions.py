"""What each feature means: the ordered list that training, serving, the model card and the reasons all read.

Nothing here is about a person. Where a report came from (petition, visit, higher level) is a right that was used and
no feature. Five signals are kept out on purpose: `sensitive_place` (a visit to an office would count), `media_present`
and `spreading_online` (speech), `self_harm_threatened` (a person in need: a rule answers at once, nothing is estimated)
and `children_elderly_affected` / `several_matters_together` (they say who or how we group, not how it develops).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the row. `sign` is the direction risk may move when it grows: 1, -1, or 0 for either."""

    name: str
    group: str
    sign: int
    meaning: str
    unit: str


@dataclass(frozen=True, slots=True)
class Group:
    """Features that are explained together; `sentence` begins a reason in Chinese (“若…”)."""

    title: str
    sentence: str


GROUPS: dict[str, Group] = {
    "people": Group("涉及人数", "若涉及人数处于常见水平"),
    "momentum": Group("来势", "若近期反映次数处于常见水平"),
    "age": Group("持续时间", "若持续时间处于常见水平"),
    "answering": Group("答复办理", "若答复办理情况处于常见水平（已计入答复后再反映、超时未办）"),
    "harm": Group("伤害与安全", "若无人员伤害、财物受损或安全隐患等情况"),
    "disruption": Group("秩序受阻", "若无聚集、道路场所受阻或停工停业等情况"),
    "payment": Group("款项逾期", "若无“款项逾期”等履约情况"),
    "promise": Group("答复承诺", "若无“承诺未兑现”“逾期未答复”等履责情况"),
    "living": Group("基本生活", "若无断水断电或强行搬迁等情况"),
    "text": Group("文字线索", "若不计从文字中读出的线索（证据较弱）"),
    "settled": Group("当场办结", "若不计当场办结的情况"),
    "history": Group("当地同类历史", "若当地同类事项的以往情况处于常见水平"),
    "project": Group("重大事项", "若所属重大事项未在实施、法定程序齐全，或与重大事项无关"),
    "season": Group("时令", "若不在工资结算期（春节前一个月）、长假前后或汛期"),
}

_PEOPLE = "ln(1 + people)"
_REPORTS = "ln(1 + reports)"
_KINDS = "distinct signals, at most 2"

FEATURES: tuple[Feature, ...] = (
    Feature("people_log", "people", 1, "largest head-count given so far; missing when none was given", _PEOPLE),
    Feature("people_first_log", "people", 1, "first head-count given; missing when none was given", _PEOPLE),
    Feature("people_latest_log", "people", 1, "latest head-count given; missing when none was given", _PEOPLE),
    Feature("present_log", "people", 1, "most people present at once; missing when never given", _PEOPLE),
    Feature("people_growth", "people", 1, "largest head-count against the first one given", "difference of ln(1 + n)"),
    Feature("reports_log", "momentum", 1, "reports so far", _REPORTS),
    Feature("reports_72h_log", "momentum", 1, "reports of the last 72 hours", _REPORTS),
    Feature("reports_7d_log", "momentum", 1, "reports of the last seven days", _REPORTS),
    Feature(
        "acceleration",
        "momentum",
        1,
        "last 72 hours against the 72 hours before; missing while the matter is younger than 72 hours",
        "difference of ln(1 + n)",
    ),
    Feature("age_log", "age", 0, "time since the first occurrence", "ln(1 + days)"),
    Feature("answered_quiet", "answering", -1, "a department replied and nobody has reported since", "0 or 1"),
    Feature(
        "unanswered_days_log",
        "answering",
        1,
        "days without an answer: since the first occurrence, or since the reply if it was reported again; else 0",
        "ln(1 + days)",
    ),
    Feature("repeats_after_reply_log", "answering", 1, "reports after a department's reply", _REPORTS),
    Feature("missed_clocks_log", "answering", 1, "duties of departments whose time ran out", "ln(1 + duties)"),
    Feature("signal_harm", "harm", 1, "stated signals of harm or danger", _KINDS),
    Feature("signal_disruption", "disruption", 1, "stated signals of gathering, blocking or stopped work", _KINDS),
    Feature("signal_payment", "payment", 1, "stated: a payment is overdue", "0 or 1"),
    Feature("signal_promise", "promise", 1, "stated: a promise was broken or the answer is overdue", _KINDS),
    Feature("signal_living", "living", 1, "stated: utilities cut or forced eviction", _KINDS),
    Feature("text_danger", "text", 1, "harm or disruption read from the text", _KINDS),
    Feature("text_duty", "text", 1, "payment, promise or living conditions read from the text", _KINDS),
    Feature("settled_share", "settled", -1, "share of reports settled on the spot; missing without reports", "0–1"),
    Feature(
        "history_escalated",
        "history",
        1,
        "share of the area's matters of this first-level category that escalated within a year, smoothed",
        "log-odds of (escalated + 1) / (closed + 20)",
    ),
    Feature(
        "place_load",
        "history",
        0,
        "other matters' reports of the area and first-level category in the last 7 local days of occurrence, against a "
        "week of the four weeks before",
        "difference of ln(1 + n)",
    ),
    Feature("project_under_way", "project", 1, "of a project being carried out; 0 when none is known", "0 or 1"),
    Feature(
        "project_missing_steps",
        "project",
        1,
        "legal steps its project lacks; 0 without a project, missing when they were not checked",
        "ln(1 + steps)",
    ),
    Feature(
        "wage_season",
        "season",
        1,
        "labour matters in the 30 days before Spring Festival; missing outside the table of festivals",
        "0 or 1",
    ),
    Feature(
        "long_holiday",
        "season",
        1,
        "offices are closed for a week, or will be within seven days; missing outside the table of years",
        "0 or 1",
    ),
    Feature(
        "flood_season",
        "season",
        1,
        "matters of land, homes and roads from June to September; missing outside the table of years",
        "0 or 1",
    ),
)

HARM = frozenset({"injury", "death", "violence", "property_damaged", "hazard", "flood_or_disaster"})
DISRUPTION = frozenset({"gathering_announced", "gathering_under_way", "road_blocked", "site_blocked", "work_stopped"})
PAYMENT = frozenset({"payment_overdue"})
PROMISE = frozenset({"promise_broken", "no_answer"})
LIVING = frozenset({"utilities_cut", "forced_eviction"})
