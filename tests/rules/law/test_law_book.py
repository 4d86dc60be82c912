"""What the shipped checks cover, and that each has been seen to answer in all three ways."""

from __future__ import annotations

from datetime import date

import pytest

from service.domain.assessing import LegalFinding, Severity
from service.domain.judging import Answer
from service.domain.projects import ProjectKind, Track
from service.rules.law.book import LawBook, check, examples, failed_examples
from service.rules.law.page import article_number, page
from tests.rules.law.making import AREA, ON
from tests.source import ROOT

ROWS = [
    *(f"D{number:02d}" for number in range(1, 13)),
    *(f"H{number:02d}" for number in range(1, 19)),
    *(f"L{number:02d}" for number in range(1, 9)),
    *(f"E{number:02d}" for number in range(1, 11)),
    *(f"W{number:02d}" for number in range(1, 8)),
    *(f"V{number:02d}" for number in range(1, 17)),
]
"""The table of legal checks, row by row."""

HANGZHOU, QINGDAO, XIAN, LANZHOU, ANQING = (
    f"{prefix}{'0' * (12 - len(prefix))}" for prefix in ("330102", "370202", "610102", "620102", "340802")
)


def ids(law: LawBook, kind: ProjectKind, area: str = AREA, on: date = ON) -> set[str]:
    return {finding.check_id for finding in check(law, kind, {}, area, on)}


def test_every_row_of_the_table_has_its_check(law: LawBook) -> None:
    assert [row for row in ROWS if not law.found(row)] == []


def test_every_other_check_is_one_of_our_own_order_or_a_published_local_trigger(law: LawBook) -> None:
    others = {rule.part.row for rule in law.rules} - {*ROWS}
    assert others == {"O01", "O02", "O03", "W08", "W09"}


@pytest.mark.parametrize("row", [row for row in ROWS if row.startswith("V")])
def test_a_row_about_elections_has_a_check_for_each_of_the_two_laws(law: LawBook, row: str) -> None:
    kinds = {kind for rule in law.found(row) for kind in rule.kinds}
    assert kinds == {ProjectKind.VILLAGE_ELECTION, ProjectKind.COMMUNITY_ELECTION}


def test_every_check_passes_its_own_tests(law: LawBook) -> None:
    assert [failure for rule in law.rules for failure in failed_examples(law, rule)] == []


def test_every_check_has_been_seen_to_hit_to_clear_and_to_leave_open(law: LawBook) -> None:
    for rule in law.rules:
        got = {finding.answer for _, _, finding in examples(law, rule)}
        assert got == {*Answer}, rule.part.id


def test_a_project_of_which_nothing_is_known_is_neither_faulty_nor_faultless(law: LawBook) -> None:
    for kind in ProjectKind:
        found = check(law, kind, {}, AREA, ON)
        assert {each.answer for each in found if each.answer is not Answer.CLEAR} == {Answer.NOT_EVALUATED}, kind
        cleared = [each.check_id for each in found if each.answer is Answer.CLEAR]
        assert all("known" in {line.op for line in each.trace} for each in found if each.check_id in cleared), cleared


def test_what_is_missing_can_be_asked_of_the_kind(law: LawBook) -> None:
    for kind in ProjectKind:
        asked = {fact.name for fact in law.facts(kind)}
        missing = {name for finding in check(law, kind, {}, HANGZHOU, ON) for name in finding.missing}
        assert missing, kind
        assert missing <= asked, kind


def test_every_fact_but_one_is_asked_by_some_check(law: LawBook) -> None:
    read = {name for rule in law.rules for name in rule.names()}
    read |= {name for made in law.library.derived if made in read for name in law.library.derived[made].inputs}
    assert {*law.library.facts, *law.library.derived} - read == {"completion_on"}


def test_every_full_assessment_has_a_check_of_the_order_of_its_steps(law: LawBook) -> None:
    for kind in ProjectKind:
        assert any(each.startswith("O01") for each in ids(law, kind)) == (kind.track is Track.FULL), kind


def test_a_basis_of_a_single_source_or_of_our_own_is_unverified(law: LawBook) -> None:
    for rule in law.rules:
        for basis in rule.part.basis:
            if any(word in (basis.source or "") for word in ("单一来源", "本项目", "未核实", "新闻", "未规定")):
                assert basis.unverified, rule.part.id


def test_no_remedy_polices(law: LawBook) -> None:
    banned = ("劝返", "稳控", "拦截", "训诫", "拘留", "布控", "盯防", "监视", "约束", "打击", "截访", "重点人员")
    for rule in law.rules:
        assert not [word for word in banned if word in rule.part.remedy], rule.part.id


# ---- regions


def test_zhejiang_hears_at_half_and_the_country_above_half(law: LawBook) -> None:
    facts = {"old_town": True, "households": 100, "households_against_plan": 50, "hearing_held": False}
    hits = {
        area: {each.check_id for each in check(law, ProjectKind.HOUSE_EXPROPRIATION, facts, area, ON) if is_hit(each)}
        for area in (HANGZHOU, AREA)
    }
    assert "H05-33" in hits[HANGZHOU]
    assert "H05" not in hits[AREA]


def test_a_local_check_takes_the_place_of_the_national_one_only_where_it_holds(law: LawBook) -> None:
    house = ProjectKind.HOUSE_EXPROPRIATION
    assert {"H05-33", "H05"} & ids(law, house, HANGZHOU) == {"H05-33"}
    assert {"H05-3702", "H05"} & ids(law, house, QINGDAO) == {"H05-3702"}
    assert {"H05-33", "H05-3702", "H05"} & ids(law, house) == {"H05"}


@pytest.mark.parametrize(
    ("kind", "area", "local"),
    [
        (ProjectKind.HOUSE_EXPROPRIATION, HANGZHOU, {"H09-33", "H12-33", "H17-33", "H17-33-S"}),
        (ProjectKind.HOUSE_EXPROPRIATION, QINGDAO, {"H09-3702"}),
        (ProjectKind.HOUSE_EXPROPRIATION, XIAN, {"H18-6101"}),
        (ProjectKind.RESTRUCTURING, LANZHOU, {"E07-62"}),
        (ProjectKind.CONSTRUCTION, ANQING, {"W08-3408", "W09-3408"}),
        (ProjectKind.VILLAGE_ELECTION, HANGZHOU, {"V05-CZ", "V08-CZ", "V09-CZ", "V14-CZ"}),
    ],
)
def test_local_checks_add_to_the_national_ones(law: LawBook, kind: ProjectKind, area: str, local: set[str]) -> None:
    assert local <= ids(law, kind, area)
    assert not local & ids(law, kind)


# ---- spans


def test_the_election_laws_of_2025_take_over_on_new_years_day(law: LawBook) -> None:
    kind = ProjectKind.VILLAGE_ELECTION
    before, after = (ids(law, kind, on=day) for day in (date(2025, 12, 31), date(2026, 1, 1)))
    assert before == {"V01-C2018", "V03-C2018", "V07-C2018", "V12-C2018"}
    assert after.isdisjoint(before)
    assert {"V01-C", "V03-C", "V07-C", "V12-C"} <= after
    community = (ids(law, ProjectKind.COMMUNITY_ELECTION, on=day) for day in (date(2025, 12, 31), date(2026, 1, 1)))
    assert next(community) == {"V01-J2018"}
    assert "V01-J2018" not in next(community)


def test_what_held_before_the_revision_is_unverified(law: LawBook) -> None:
    assert all(each.unverified for each in check(law, ProjectKind.VILLAGE_ELECTION, {}, AREA, date(2025, 12, 31)))


def test_the_wage_regulation_starts_in_may_2020(law: LawBook) -> None:
    before, after = (ids(law, ProjectKind.CONSTRUCTION, on=day) for day in (date(2020, 4, 30), date(2020, 5, 1)))
    assert {each for each in after if each.startswith("W")} == {f"W0{number}" for number in range(1, 8)}
    assert not {each for each in before if each.startswith("W")}


# ---- single checks


@pytest.mark.parametrize(
    ("mode", "entitled", "valid", "short"),
    [
        ("all_voters", "voters_registered", 451, 450),
        ("households", "households_entitled", 451, 450),
        ("representatives", "deputies_entitled", 601, 600),
    ],
)
def test_each_way_of_voting_has_its_own_threshold(
    law: LawBook, mode: str, entitled: str, valid: int, short: int
) -> None:
    for votes, answer in ((valid, Answer.CLEAR), (short, Answer.HIT)):
        facts = {"mode": mode, entitled: 900, "votes_cast": votes}
        found = check(law, ProjectKind.COMMUNITY_ELECTION, facts, AREA, ON)
        answers = {each.check_id: each.answer for each in found if each.check_id.startswith("V07")}
        own = {"all_voters": "V07-JA", "households": "V07-JH", "representatives": "V07-JR"}[mode]
        assert answers == {"V07-JA": Answer.CLEAR, "V07-JH": Answer.CLEAR, "V07-JR": Answer.CLEAR, own: answer}


def test_what_is_unknown_is_named_by_the_question_that_was_asked_and_not_by_what_is_made_of_it(law: LawBook) -> None:
    facts = {"comment_from": date(2026, 6, 20)}
    found = {each.check_id: each for each in check(law, ProjectKind.HOUSE_EXPROPRIATION, facts, AREA, ON)}
    assert found["H03"].answer is Answer.NOT_EVALUATED
    assert found["H03"].missing == ("comment_to",)
    assert found["H03"].due == date(2026, 7, 20)
    assert [line.fact for line in found["H03"].trace] == ["comment_days"]


def test_what_a_kind_fixes_is_neither_asked_nor_changed(law: LawBook) -> None:
    assert "major_decision" not in {fact.name for fact in law.facts(ProjectKind.POLICY)}
    assert "major_decision" in {fact.name for fact in law.facts(ProjectKind.CONSTRUCTION)}
    bad = {"major_decision": False, "expert_interest": True}
    hits = {each.check_id for each in check(law, ProjectKind.POLICY, bad, AREA, ON) if is_hit(each)}
    assert hits == {"D08"}
    assert not [each for each in check(law, ProjectKind.CONSTRUCTION, bad, AREA, ON) if is_hit(each)]


def test_holidays_do_not_count_as_working_days(law: LawBook) -> None:
    # National Day 2025: 1 to 8 October are off, Saturday 11 October is worked.
    facts = {"approved_on": date(2025, 9, 30)}
    found = {each.check_id: each for each in check(law, ProjectKind.LAND_EXPROPRIATION, facts, AREA, date(2025, 10, 9))}
    assert found["L08"].due == date(2025, 10, 28)
    assert found["L08"].severity is Severity.CLOCK


def test_the_committed_page_is_what_the_book_says(law: LawBook) -> None:
    assert (ROOT / "docs/legal-checks.md").read_text("utf-8") == page(law), (
        "weiyu rules laws --out docs/legal-checks.md"
    )


def test_the_page_lists_every_check_under_every_article_it_rests_on(law: LawBook) -> None:
    text = page(law)
    for rule in law.rules:
        assert text.count(f"\n| {rule.part.id} |") == len(rule.part.basis), rule.part.id


@pytest.mark.parametrize(
    ("article", "number"), [("第八条", 8), ("第十条", 10), ("第二十一条", 21), ("第一百零三条", 103), (None, 0)]
)
def test_articles_are_put_in_order_by_their_numbers(article: str | None, number: int) -> None:
    assert article_number(article) == number


def is_hit(finding: LegalFinding) -> bool:
    return finding.answer is Answer.HIT
