from __future__ import annotations

import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.routing import Directory, warnings_for, why
from service.domain.areas import contains
from service.domain.levels import Level
from service.domain.warnings import Department, Responsibility, Routed, Subscription, WarningSubject
from service.domain.words import DutyRole

COUNTRY, PROVINCE, CITY = "000000000000", "360000000000", "360100000000"
COUNTY, TOWN, OTHER_COUNTY = "360102000000", "360102001000", "360103000000"
HOUSING, POLICE, LABOUR, CENTRE, CITY_CENTRE = (UUID(int=number) for number in range(1, 6))
NAMES = {HOUSING: "住建局", POLICE: "信访局", LABOUR: "人社局"}
DEPARTMENTS = [Department(id, name) for id, name in NAMES.items()]
COORDINATORS = [
    Department(CENTRE, "区综治中心", is_coordinator=True, area=COUNTY),
    Department(CITY_CENTRE, "市综治中心", is_coordinator=True, area=CITY),
]
FINE, BROAD = "urban_rural.demolition", "urban_rural"


def subject(
    area: str = TOWN,
    category: str = FINE,
    level: Level = Level.ORANGE,
    restricted: bool = False,
) -> WarningSubject:
    return WarningSubject(area, category, category.split(".")[0], level, restricted)


def subscription(number: int, department: UUID, area: str | None = COUNTY, **wishes: object) -> Subscription:
    given: dict[str, object] = {"categories": None, "minimum_level": Level.BLUE} | wishes
    return Subscription(UUID(int=number), department, area, **given)  # type: ignore[arg-type]


def routed(
    *responsibilities: Responsibility,
    subscriptions: tuple[Subscription, ...] = (),
    coordinators: list[Department] = COORDINATORS,
    about: WarningSubject | None = None,
) -> Routed:
    return warnings_for(about or subject(), Directory(DEPARTMENTS + coordinators, responsibilities, subscriptions))


def roles(result: Routed) -> dict[UUID, DutyRole]:
    assert all(duty.reason for duty in result.duties)
    return {duty.department_id: duty.role for duty in result.duties}


def told(result: Routed) -> list[int]:
    assert all(push.reason for push in result.pushes)
    return [push.subscription_id.int for push in result.pushes]


def test_the_lead_leads_its_participants_take_part_and_the_nearest_centre_coordinates() -> None:
    result = routed(Responsibility(COUNTY, FINE, HOUSING, (LABOUR, POLICE)))
    assert [(duty.department_id, duty.role) for duty in result.duties] == [
        (HOUSING, DutyRole.LEAD),
        (POLICE, DutyRole.PARTICIPANT),
        (LABOUR, DutyRole.PARTICIPANT),
        (CENTRE, DutyRole.COORDINATOR),
    ]
    assert result.duties[0].reason == f"责任清单：县区 {COUNTY} 的“{FINE}”类事项由“住建局”牵头"


@pytest.mark.parametrize(
    ("entries", "lead"),
    [
        ([(COUNTRY, FINE, HOUSING), (TOWN, BROAD, POLICE), (TOWN, None, LABOUR)], HOUSING),
        ([(COUNTRY, BROAD, HOUSING), (TOWN, None, POLICE)], HOUSING),
        ([(CITY, FINE, HOUSING), (COUNTY, FINE, POLICE), (PROVINCE, FINE, LABOUR)], POLICE),
        ([(CITY, None, HOUSING), (TOWN, None, POLICE)], POLICE),
        ([(OTHER_COUNTY, FINE, HOUSING), (COUNTRY, None, POLICE)], POLICE),
        ([(COUNTY, "urban_rural.planning", HOUSING), (COUNTY, BROAD, POLICE)], POLICE),
        ([(OTHER_COUNTY, FINE, HOUSING), (COUNTY, "labour", POLICE)], CENTRE),
        ([(COUNTY, FINE, UUID(int=99)), (COUNTY, None, POLICE)], POLICE),
        ([(COUNTY, FINE, LABOUR), (COUNTY, FINE, HOUSING)], HOUSING),
    ],
    ids=[
        "second level beats first level and any, however near",
        "first level beats any",
        "nearer beats farther",
        "nearer beats farther for any category too",
        "another county has no say",
        "a sibling category has no say",
        "nothing fits: the centre leads",
        "a lead that is no longer there is passed over",
        "of two equal entries the lower id leads",
    ],
)
def test_exactly_one_leads(entries: list[tuple[str, str | None, UUID]], lead: UUID) -> None:
    result = routed(*(Responsibility(*entry) for entry in entries))
    assert [id for id, role in roles(result).items() if role is DutyRole.LEAD] == [lead]


def test_a_participant_that_is_no_longer_there_is_passed_over() -> None:
    result = routed(Responsibility(COUNTY, None, HOUSING, (UUID(int=99), LABOUR)), coordinators=[])
    assert roles(result) == {HOUSING: DutyRole.LEAD, LABOUR: DutyRole.PARTICIPANT}


def test_a_department_of_the_area_that_is_no_coordinator_does_not_coordinate() -> None:
    assert routed(coordinators=[Department(CENTRE, "档案局", area=COUNTY)]).duties == ()


def test_the_nearest_coordinator_is_taken() -> None:
    result = routed(Responsibility(CITY, None, HOUSING), about=subject(area=OTHER_COUNTY))
    assert roles(result) == {HOUSING: DutyRole.LEAD, CITY_CENTRE: DutyRole.COORDINATOR}


def test_without_a_responsibility_the_coordinator_leads_and_says_so() -> None:
    result = routed()
    assert roles(result) == {CENTRE: DutyRole.LEAD}
    assert "责任清单中没有" in result.duties[0].reason
    assert "暂由协调单位“区综治中心”牵头" in result.duties[0].reason


def test_without_a_coordinator_too_nobody_has_a_duty_and_the_trail_says_what_to_do() -> None:
    result = routed(coordinators=[], subscriptions=(subscription(1, POLICE),))
    assert result.duties == ()
    assert why(subject(), result) == (
        f"责任清单中没有乡镇街道 {TOWN} “{FINE}”类事项的牵头单位，也没有覆盖该区域的协调单位，本预警无承办单位；"
        "请补充责任清单或指定协调单位。按订阅推送 1 处。"
    )


def test_a_coordinator_without_an_area_covers_none() -> None:
    assert routed(coordinators=[Department(CENTRE, "中心", is_coordinator=True)]).duties == ()


def test_the_trail_names_every_duty() -> None:
    result = routed(Responsibility(COUNTY, BROAD, HOUSING, (LABOUR,)))
    for name in ("住建局", "人社局", "区综治中心"):
        assert name in why(subject(), result)


def test_one_department_has_one_duty_the_weightiest() -> None:
    result = routed(Responsibility(COUNTY, None, HOUSING, (HOUSING, CENTRE, LABOUR, LABOUR)))
    assert roles(result) == {HOUSING: DutyRole.LEAD, CENTRE: DutyRole.COORDINATOR, LABOUR: DutyRole.PARTICIPANT}
    assert len(result.duties) == 3


def test_a_coordinator_that_leads_by_the_list_is_not_named_twice() -> None:
    assert roles(routed(Responsibility(COUNTY, None, CENTRE))) == {CENTRE: DutyRole.LEAD}


@pytest.mark.parametrize(
    ("wishes", "hears"),
    [
        ({"area": TOWN}, True),
        ({"area": COUNTRY}, True),
        ({"area": None}, True),
        ({"area": OTHER_COUNTY}, False),
        ({"area": "360102001001"}, False),
        ({"categories": (FINE,)}, True),
        ({"categories": (BROAD,)}, True),
        ({"categories": ("labour", BROAD)}, True),
        ({"categories": ("labour",)}, False),
        ({"categories": ("urban_rural.planning",)}, False),
        ({"categories": ()}, False),
        ({"minimum_level": Level.ORANGE}, True),
        ({"minimum_level": Level.RED}, False),
    ],
)
def test_a_subscription_hears_what_it_asked_for(wishes: dict[str, object], hears: bool) -> None:
    area = wishes.pop("area", COUNTY)
    asked = Subscription(
        UUID(int=1),
        HOUSING,
        area,  # type: ignore[arg-type]
        **({"categories": None, "minimum_level": Level.BLUE} | wishes),  # type: ignore[arg-type]
    )
    assert told(routed(subscriptions=(asked,))) == ([1] if hears else [])


def test_a_subscription_to_both_levels_of_a_category_hears_once() -> None:
    assert told(routed(subscriptions=(subscription(1, HOUSING, categories=(FINE, BROAD)),))) == [1]


def test_a_first_level_subject_is_not_pushed_to_who_wants_one_second_level_only() -> None:
    wishes = (subscription(1, HOUSING, categories=(FINE,)), subscription(2, HOUSING, categories=(BROAD,)))
    assert told(routed(subscriptions=wishes, about=subject(category=BROAD))) == [2]


def test_a_department_without_duty_is_informed_and_one_with_a_duty_is_told_to_sign() -> None:
    result = routed(
        Responsibility(COUNTY, None, HOUSING),
        subscriptions=(subscription(1, POLICE), subscription(2, HOUSING)),
    )
    assert {push.department_id: push.reason[-10:] for push in result.pushes} == {
        HOUSING: "；本单位牵头，需签收",
        POLICE: "色及以上；仅知会，不需签收"[-10:],
    }
    assert POLICE not in roles(result)


def test_of_a_restricted_subject_only_lead_and_coordinator_are_pushed_to() -> None:
    everyone = tuple(subscription(10 + id.int, id) for id in (HOUSING, POLICE, LABOUR, CENTRE, CITY_CENTRE))
    entry = Responsibility(COUNTY, FINE, HOUSING, (LABOUR,))
    open_to_all = routed(entry, subscriptions=everyone)
    restricted = routed(entry, subscriptions=everyone, about=subject(restricted=True))
    assert told(open_to_all) == [11, 12, 13, 14, 15]
    assert told(restricted) == [11, 14]
    assert roles(restricted) == roles(open_to_all)


def test_a_subject_routed_again_goes_where_it_went_and_no_other_goes_there() -> None:
    directory = Directory(DEPARTMENTS + COORDINATORS, [Responsibility(COUNTY, FINE, HOUSING)], [])
    subjects = [subject(), subject(restricted=True), subject(level=Level.BLUE), subject(area=CITY), subject()]
    again = [warnings_for(about, directory) for about in subjects]
    assert again == [routed(Responsibility(COUNTY, FINE, HOUSING), about=about) for about in subjects]


def test_a_restricted_subject_without_duties_is_pushed_to_nobody() -> None:
    result = routed(coordinators=[], subscriptions=(subscription(1, POLICE),), about=subject(restricted=True))
    assert result.pushes == ()


AREAS = st.sampled_from([COUNTRY, PROVINCE, CITY, COUNTY, TOWN, OTHER_COUNTY, "360102001001", "110000000000"])
CATEGORIES = st.sampled_from([FINE, BROAD, "urban_rural.planning", "labour", "labour.dismissal"])
SUBSCRIPTIONS = st.lists(
    st.builds(
        Subscription,
        st.uuids(),
        st.sampled_from([*NAMES, CENTRE, CITY_CENTRE]),
        st.none() | AREAS,
        st.none() | st.lists(CATEGORIES, max_size=3).map(tuple),
        st.sampled_from(Level),
    ),
    unique_by=lambda one: one.id,
)
RESPONSIBILITIES = st.lists(
    st.builds(
        Responsibility,
        AREAS,
        st.none() | CATEGORIES,
        st.sampled_from(list(NAMES)),
        st.lists(st.sampled_from(list(NAMES))).map(tuple),
    )
)
SUBJECTS = st.builds(subject, AREAS, CATEGORIES, st.sampled_from(Level), st.booleans())


def wants(one: Subscription, about: WarningSubject) -> bool:
    """The rule of a subscription, spelled out without any index."""
    near = one.area is None or contains(one.area, about.area)
    fits = one.categories is None or bool({about.category, about.first_level} & set(one.categories))
    return near and fits and one.minimum_level.rank <= about.level.rank


@given(SUBSCRIPTIONS, RESPONSIBILITIES, SUBJECTS)
def test_the_index_finds_what_the_plain_rule_finds(
    subscriptions: list[Subscription], entries: list[Responsibility], about: WarningSubject
) -> None:
    result = routed(*entries, subscriptions=tuple(subscriptions), about=about)
    may = {id for id, role in roles(result).items() if role is not DutyRole.PARTICIPANT}
    expected = {
        one.id for one in subscriptions if wants(one, about) and (not about.restricted or one.department_id in may)
    }
    assert {push.subscription_id for push in result.pushes} == expected
    assert len(result.pushes) == len(expected)


@given(SUBSCRIPTIONS, RESPONSIBILITIES, SUBJECTS, st.randoms(use_true_random=False))
def test_the_order_of_the_lists_changes_nothing(
    subscriptions: list[Subscription], entries: list[Responsibility], about: WarningSubject, dice: random.Random
) -> None:
    first = routed(*entries, subscriptions=tuple(subscriptions), about=about)
    dice.shuffle(subscriptions)
    dice.shuffle(entries)
    assert routed(*entries, subscriptions=tuple(subscriptions), about=about) == first


@given(RESPONSIBILITIES, SUBJECTS)
def test_there_is_one_lead_or_no_duty_at_all(entries: list[Responsibility], about: WarningSubject) -> None:
    result = routed(*entries, about=about)
    leads = [duty for duty in result.duties if duty.role is DutyRole.LEAD]
    assert len(leads) == (1 if result.duties else 0)
    assert len(roles(result)) == len(result.duties)
