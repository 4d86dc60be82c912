"""The escalation policy as data: what is refused and where, and which plan is in force where and when."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from service.delivery.kinds import KINDS
from service.domain.escalation import Clock, Rank
from service.domain.levels import Level
from service.rules.escalation import ESCALATION_FILE, EscalationFileError, EscalationHolder, load_escalation
from tests.served import ROOT

HEAD = "escalation: 测试\nversion: 1\nchains:\n".replace("version: 1", 'version: "1"')
VILLAGE = "360102001001"
DAY = date(2027, 3, 1)


def chain(**changes: str) -> str:
    """A chain of one step, as a line of YAML."""
    keys = {"level": "red", "clock": "sign", "source": "测试", "steps": "[{to: duty, wait_minutes: 5}]"} | changes
    return "- {" + ", ".join(f"{name}: {value}" for name, value in keys.items()) + "}\n"


def faults(text: str) -> list[str]:
    with pytest.raises(EscalationFileError) as refused:
        load_escalation(text, "e.yaml")
    return [str(error) for error in refused.value.errors]


def test_what_ships_says_where_each_number_is_from_and_that_none_was_verified() -> None:
    policy = load_escalation()
    assert {(plan.level, plan.clock) for plan in policy.plans} == {
        (Level.RED, Clock.SIGN), (Level.ORANGE, Clock.SIGN), (Level.YELLOW, Clock.SIGN), (Level.RED, Clock.DIRECT),
        (Level.RED, Clock.CONFIRM), (Level.ORANGE, Clock.CONFIRM),
    }  # fmt: skip
    assert all(plan.source and plan.unverified for plan in policy.plans)
    assert all(one.source and one.unverified for one in policy.cover)


def test_what_the_page_on_escalation_shows_can_be_put_in_force() -> None:
    page = (ROOT / "docs" / "escalation.md").read_text("utf-8")
    [shown] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    plan = load_escalation(shown).plan(Clock.SIGN, Level.RED, VILLAGE, DAY)
    assert plan is not None
    assert [step.to for step in plan.steps] == [Rank.DUTY, Rank.SECOND, Rank.SUPERVISOR, Rank.LEADER]


def test_a_red_reaches_a_leader_within_the_twenty_minutes_of_the_level_table() -> None:
    plan = load_escalation().plan(Clock.SIGN, Level.RED, VILLAGE, DAY)
    assert plan is not None
    before = [step for step in plan.steps if step.to is not Rank.LEADER]
    assert sum((step.wait * (step.repeat + 1) for step in before), timedelta()) == timedelta(minutes=20)


def test_the_nearest_region_counts_and_then_the_latest_day() -> None:
    text = HEAD + chain() + chain(region='["36"]') + chain(region='["360102"]', to="2027-02-28")
    text += chain(region='["36"]', steps="[{to: duty, wait_minutes: 9}]", **{"from": "2027-02-01"})
    policy = load_escalation(text)

    def region(area: str, on: date) -> tuple[str, int]:
        plan = policy.plan(Clock.SIGN, Level.RED, area, on)
        assert plan is not None
        return plan.region, int(plan.steps[0].wait.total_seconds() // 60)

    assert region(VILLAGE, DAY) == ("36", 9)
    assert region(VILLAGE, date(2027, 1, 1)) == ("360102", 5)
    assert region("360200000000", date(2027, 1, 1)) == ("36", 5)
    assert region("110101000000", DAY) == ("", 5)
    assert policy.plan(Clock.SIGN, Level.BLUE, VILLAGE, DAY) is None


def test_a_region_may_have_no_steps_at_all() -> None:
    policy = load_escalation(HEAD + chain() + chain(region='["36"]', steps="[]"))
    assert policy.plan(Clock.SIGN, Level.RED, VILLAGE, DAY) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            HEAD + chain(steps="[{to: second, wait_minutes: 5}]"),
            "e.yaml:4:54: 签收时限的第一步",
        ),
        (HEAD + chain() + chain(), "e.yaml:5:3: red 级的 sign 在同一区域、同一生效日写了两次"),
        (HEAD + chain(clock="confirm", idle_minutes="5"), "只有 clock: sign 可以写 idle_minutes"),
        (HEAD + chain(only_statutory="true"), "只有 clock: direct 可以写 only_statutory"),
        (HEAD + chain(**{"from": "2027-02-01", "to": "2027-01-01"}), "失效日期 2027-01-01 早于生效日期 2027-02-01"),
        (HEAD + chain(steps="[{to: duty, wait_minutes: 0}]"), "不能小于 1"),
        (HEAD + chain(steps="[{to: duty, wait_minutes: 5, repeat: 1000}]"), "不能大于 100"),
        (HEAD + chain(levl="red"), "不认识的键 ‘levl’ (did you mean ‘level’?)"),
        (HEAD + chain(level="rot"), "只能是 blue、yellow、orange、red"),
        (HEAD + chain(region='["3"]'), "e.yaml:4:"),
        ("", "文件是空的"),
        ("escalation: [", "不是合法的 YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str, said: str) -> None:
    assert any(said in fault for fault in faults(text)), faults(text)


def test_a_channel_that_is_not_there_is_refused() -> None:
    text = HEAD + chain(steps="[{to: duty, wait_minutes: 5, channel: smss}]")
    with pytest.raises(EscalationFileError, match=r"没有推送渠道 ‘smss’ \(did you mean ‘sms’\?\)"):
        load_escalation(text, "e.yaml", KINDS)


def test_every_fault_is_told_at_once() -> None:
    assert len(faults(HEAD + chain(level="rot") + chain(clock="clok") + chain(wait="1"))) == 3


def test_a_faulty_policy_leaves_the_last_good_one() -> None:
    holder = EscalationHolder(load_escalation())
    good = holder.current
    assert holder.reload(b"escalation: [") != ()
    assert holder.current is good
    assert holder.reload((HEAD + chain()).encode()) == ()
    assert holder.current.name == "测试"


def test_the_hash_is_of_what_it_says_not_of_how_it_is_written() -> None:
    text = ESCALATION_FILE.read_text("utf-8")
    assert load_escalation(text + "\n# a remark\n").sha256 == load_escalation().sha256
    assert load_escalation(text.replace("wait_minutes: 5", "wait_minutes: 6")).sha256 != load_escalation().sha256
