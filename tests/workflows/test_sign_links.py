"""The one-time link: bound to warning, department and clock; forged, old and used ones sign nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.levels import Level
from service.domain.problems import Problem
from service.store.engine import Row
from service.workflows.sign_by_link import offer_of, sign_by_link
from service.workflows.sign_links import SIGN_PATH, Grant, read_token, token_of
from tests.makers import NOON
from tests.workflows.conftest import House
from tests.workflows.town import Town

KEY = b"k" * 32
GRANT = Grant(UUID(int=7), UUID(int=9), 3, NOON + timedelta(hours=1), NOON + timedelta(hours=72))
RED = {"signals": ["road_blocked", "injury"], "people_affected": 45}
ORANGE = {"signals": ["road_blocked"], "people_affected": 45}


@pytest.fixture
async def town(house: House) -> Town:
    town = await Town(house.doors, house.engines, NOON).settle()
    await town.order(Level.ORANGE, Level.RED)
    return town


async def link_of(town: Town, warning: UUID, who: Row) -> str:
    """The token in the newest push to a department."""
    [row] = await town.rows(
        "SELECT o.body FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id"
        " WHERE o.warning_id = :id AND e.department_id = :whose ORDER BY o.revision DESC LIMIT 1",
        id=warning,
        whose=who["id"],
    )
    address = json.loads(bytes(row["body"]))["data"]["sign_link"]
    return str(address).rsplit(SIGN_PATH, 1)[1]


def test_a_grant_goes_through_its_token_whole() -> None:
    assert read_token(KEY, token_of(KEY, GRANT), NOON) == GRANT
    assert len(token_of(KEY, GRANT)) == 91


@given(st.integers(0, 90), st.characters(codec="ascii"))
def test_a_token_changed_anywhere_is_unknown(place: int, char: str) -> None:
    token = token_of(KEY, GRANT)
    forged = token[:place] + char + token[place + 1 :]
    if forged != token:
        with pytest.raises(Problem, match="unknown_link"):
            read_token(KEY, forged, NOON)


@given(st.text(max_size=200))
def test_any_other_text_is_unknown(text: str) -> None:
    with pytest.raises(Problem, match="unknown_link"):
        read_token(KEY, text, NOON)


def test_a_token_of_another_service_is_unknown_and_an_old_one_has_expired() -> None:
    with pytest.raises(Problem, match="unknown_link"):
        read_token(b"other" * 8, token_of(KEY, GRANT), NOON)
    with pytest.raises(Problem, match="link_expired"):
        read_token(KEY, token_of(KEY, GRANT), GRANT.until)


async def test_looking_signs_nothing_and_signing_is_good_once(town: Town) -> None:
    [warning] = (await town.report(**RED)).warnings
    token = await link_of(town, warning, town.lead)
    for _ in range(3):
        assert (await offer_of(town.work(), token)).signed_at is None
    assert (await town.duty(warning))["signed_at"] is None

    signed = await sign_by_link(town.work(), token)
    assert (signed.department, signed.signed_at) == ("牵头局", town.clock())
    assert (await town.duty(warning))["sign_note"] == "经一次性链接签收"
    with pytest.raises(Problem, match="link_used"):
        await sign_by_link(town.work(), token)
    assert (await town.changes(warning)).count("acknowledged") == 1


async def test_a_link_signs_for_its_own_department_only(town: Town) -> None:
    [warning] = (await town.report(**RED)).warnings
    await sign_by_link(town.work(), await link_of(town, warning, town.helper))

    assert (await town.duty(warning, town.helper))["signed_at"] is not None
    assert (await town.duty(warning))["signed_at"] is None
    assert (await town.warning(warning))["state"] == "issued"


async def test_a_link_from_before_the_level_rose_signs_nothing(town: Town) -> None:
    first = await town.report(**ORANGE)
    [warning] = first.warnings
    old = await link_of(town, warning, town.lead)
    town.clock.moment += timedelta(minutes=5)
    await town.report(**RED, matter_id=first.matter_id)

    for act in (offer_of, sign_by_link):
        with pytest.raises(Problem, match="link_outdated"):
            await act(town.work(), old)
    assert (await town.duty(warning))["signed_at"] is None
    await sign_by_link(town.work(), await link_of(town, warning, town.lead))
    assert (await town.duty(warning))["signed_at"] is not None


async def test_a_link_to_what_has_ended_or_to_no_duty_says_so(town: Town) -> None:
    [warning] = (await town.report(**RED)).warnings
    token = await link_of(town, warning, town.lead)
    grant = read_token(town.doors.mac_key, token, town.clock())
    stranger = token_of(town.doors.mac_key, replace(grant, department_id=uuid4()))
    with pytest.raises(Problem, match="unknown_link"):
        await sign_by_link(town.work(), stranger)
    await town.resolve(warning)
    with pytest.raises(Problem, match="already_ended"):
        await sign_by_link(town.work(), token)
