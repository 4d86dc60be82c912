"""Who must hear of a warning, and why. Pure: the same lists, in any order, give the same duties and pushes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from service.domain.areas import LEVEL_NAMES, chain_of, prefix_of
from service.domain.warnings import (
    Department,
    Duty,
    Push,
    Responsibility,
    Routed,
    Subscription,
    WarningSubject,
)
from service.domain.words import DutyRole

MOST_ROUTED = 2048  # subjects whose answer is kept; some 2 kB each
_ROLE_NAMES = {DutyRole.LEAD: "牵头", DutyRole.PARTICIPANT: "配合", DutyRole.COORDINATOR: "协调"}


class Directory:
    """The departments with what they answer for and what they want to hear, indexed by area prefix.

    Build it once per change of the lists, then route many subjects. A responsibility or subscription of a department
    that is not among `departments` is left out: no duty may fall to an office that is no longer there.
    Of two responsibilities for the same area and category, and of two coordinators of one area, the lower id counts.
    """

    def __init__(
        self,
        departments: Iterable[Department],
        responsibilities: Iterable[Responsibility],
        subscriptions: Iterable[Subscription],
    ) -> None:
        self._departments = {department.id: department for department in departments}
        self._coordinators = _coordinators_by_prefix(self._departments.values())
        self._responsibilities = _responsibilities_by_key(entry for entry in responsibilities if self.knows(entry.lead))
        self._subscriptions = _SubscriptionIndex(entry for entry in subscriptions if self.knows(entry.department_id))
        self.routed: dict[WarningSubject, Routed] = {}  # filled by warnings_for

    def knows(self, department_id: UUID) -> bool:
        return department_id in self._departments

    def name_of(self, department_id: UUID) -> str:
        return self._departments[department_id].name

    def responsibility_for(self, subject: WarningSubject) -> Responsibility | None:
        """The finest category first (second level, first level, any); within it the nearest area."""
        prefixes = _prefixes(subject.area)
        for category in (subject.category, subject.first_level, None):
            for prefix in prefixes:
                entry = self._responsibilities.get((prefix, category))
                if entry is not None:
                    return entry
        return None

    def coordinator_of(self, area: str) -> Department | None:
        """The coordinating department nearest above the area. One without an area of its own covers none."""
        found = (self._coordinators.get(prefix) for prefix in _prefixes(area))
        return next((department for department in found if department is not None), None)

    def pushes_for(self, subject: WarningSubject, duties: tuple[Duty, ...]) -> tuple[Push, ...]:
        """One push per fitting subscription; of a restricted subject only the lead and the coordinator hear."""
        if subject.restricted:
            duties = tuple(duty for duty in duties if duty.role is not DutyRole.PARTICIPANT)
        return self._subscriptions.pushes(subject, duties)


def warnings_for(subject: WarningSubject, directory: Directory) -> Routed:
    """Duties (lead, participants, coordinator; at most one per department) and pushes of one warning.

    Without a responsibility the coordinator leads; without a coordinator too nobody has a duty, and `why` says so.
    """
    routed = directory.routed.get(subject)
    if routed is None:
        duties = _duties(subject, directory)
        routed = Routed(duties=duties, pushes=directory.pushes_for(subject, duties))
        if len(directory.routed) < MOST_ROUTED:
            directory.routed[subject] = routed
    return routed


def why(subject: WarningSubject, routed: Routed) -> str:
    """One Chinese sentence for the decision trail: who leads by what, or that nobody does and what to do about it."""
    heard = f"按订阅推送 {len(routed.pushes)} 处。"
    if not routed.duties:
        gap = f"责任清单中没有{_place(subject.area)}“{subject.category}”类事项的牵头单位，也没有覆盖该区域的协调单位"
        return f"{gap}，本预警无承办单位；请补充责任清单或指定协调单位。{heard}"
    return "；".join(duty.reason for duty in routed.duties) + f"。{heard}"


def _duties(subject: WarningSubject, directory: Directory) -> tuple[Duty, ...]:
    entry = directory.responsibility_for(subject)
    coordinator = directory.coordinator_of(subject.area)
    if entry is None:
        return () if coordinator is None else (_leads_for_want_of_another(subject, coordinator),)
    duties = {entry.lead: _duty(entry, entry.lead, directory)}
    if coordinator is not None and coordinator.id not in duties:
        duties[coordinator.id] = _coordinates(coordinator)
    for participant in entry.participants:
        if participant not in duties and directory.knows(participant):
            duties[participant] = _duty(entry, participant, directory)
    return tuple(sorted(duties.values(), key=_place_in_list))


def _place_in_list(duty: Duty) -> tuple[int, int]:
    return list(_ROLE_NAMES).index(duty.role), duty.department_id.int


def _duty(entry: Responsibility, department_id: UUID, directory: Directory) -> Duty:
    role = DutyRole.LEAD if department_id == entry.lead else DutyRole.PARTICIPANT
    topic = "各类事项" if entry.category is None else f"“{entry.category}”类事项"
    name = directory.name_of(department_id)
    return Duty(department_id, role, f"责任清单：{_place(entry.area)}的{topic}由“{name}”{_ROLE_NAMES[role]}")


def _coordinates(coordinator: Department) -> Duty:
    reason = f"“{coordinator.name}”是{_place(coordinator.area or '')}的协调单位，是离事发区域最近的一级"
    return Duty(coordinator.id, DutyRole.COORDINATOR, reason)


def _leads_for_want_of_another(subject: WarningSubject, coordinator: Department) -> Duty:
    gap = f"责任清单中没有{_place(subject.area)}“{subject.category}”类事项的牵头单位"
    return Duty(coordinator.id, DutyRole.LEAD, f"{gap}，暂由协调单位“{coordinator.name}”牵头")


def _prefixes(area: str) -> list[str]:
    """The prefixes of the area and of all above it, nearest first, the whole country ('') last."""
    return [prefix_of(code) for code in chain_of(area)] + [""]


def _place(area: str) -> str:
    prefix = prefix_of(area)
    return f"{LEVEL_NAMES.get(len(prefix), '区域')} {area} " if prefix else "全国"


def _coordinators_by_prefix(departments: Iterable[Department]) -> dict[str, Department]:
    coordinators = [one for one in departments if one.is_coordinator and one.area is not None]
    coordinators.sort(key=lambda one: one.id.int, reverse=True)  # the lowest id is written last and stays
    return {prefix_of(one.area or ""): one for one in coordinators}


def _responsibilities_by_key(entries: Iterable[Responsibility]) -> dict[tuple[str, str | None], Responsibility]:
    ordered = sorted(entries, key=lambda entry: (entry.lead.int, entry.participants), reverse=True)
    return {(prefix_of(entry.area), entry.category): entry for entry in ordered}


class _SubscriptionIndex:
    """Subscriptions by (area prefix, category code, rank of the warning).

    A push says the same for every warning that only informs, so it is made once, here: routing then looks up and sorts
    small integers, and builds values only for the few departments with a duty.
    """

    def __init__(self, entries: Iterable[Subscription]) -> None:
        ordered = sorted(entries, key=lambda entry: (entry.department_id.int, entry.id.int))
        self._told = [Push(one.department_id, one.id, f"{_wish(one)}；仅知会，不需签收") for one in ordered]
        self._wishes = [_wish(one) for one in ordered]
        self._by_key: defaultdict[tuple[str, str | None, int], list[int]] = defaultdict(list)
        self._by_department: defaultdict[UUID, list[int]] = defaultdict(list)
        for place, entry in enumerate(ordered):
            self._by_department[entry.department_id].append(place)
            for key in _keys(entry):
                self._by_key[key].append(place)

    def pushes(self, subject: WarningSubject, duties: tuple[Duty, ...]) -> tuple[Push, ...]:
        places = self._fitting(subject)
        owing = {place: duty for duty in duties for place in self._by_department.get(duty.department_id, ())}
        if subject.restricted:
            places &= owing.keys()
        return tuple(
            [self._owed(place, owing[place]) if place in owing else self._told[place] for place in sorted(places)]
        )

    def _fitting(self, subject: WarningSubject) -> set[int]:
        rank = subject.level.rank
        keys = (
            (prefix, category, rank)
            for prefix in _prefixes(subject.area)
            for category in (subject.category, subject.first_level, None)
        )
        return set().union(*(self._by_key.get(key, ()) for key in keys))

    def _owed(self, place: int, duty: Duty) -> Push:
        told = self._told[place]
        reason = f"{self._wishes[place]}；本单位{_ROLE_NAMES[duty.role]}，需签收"
        return Push(told.department_id, told.subscription_id, reason)


def _keys(entry: Subscription) -> list[tuple[str, str | None, int]]:
    """All it wants. A missing area or list of categories means any; an empty list of categories wants nothing."""
    categories = (None,) if entry.categories is None else entry.categories
    prefix = prefix_of(entry.area or "")
    return [(prefix, category, rank) for category in categories for rank in range(entry.minimum_level.rank, 5)]


def _wish(entry: Subscription) -> str:
    topics = "全部类别" if entry.categories is None else "、".join(entry.categories)
    area = _place(entry.area or "").strip()
    return f"订阅：{area}及以下，类别 {topics}，{entry.minimum_level.zh}色及以上"
