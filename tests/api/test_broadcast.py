"""The ring of newest events: bounded, in order, and it knows from where on it is complete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api import broadcast
from service.api.broadcast import Ring, Told, in_sight
from service.store.engine import new_id
from service.store.views import Sight
from tests.makers import COUNTY, OTHER_COUNTY, VILLAGE


def told(seq: int, size: int = 1, area: str = VILLAGE, departments: tuple[object, ...] | None = None) -> Told:
    seen = {"area": area, "restricted": departments is not None, "department_ids": list(departments or ())}
    return Told(seq, seen, b"x" * size)


@given(st.lists(st.lists(st.integers(0, 30), max_size=30), max_size=20), st.integers(0, 400))
def test_after_a_number_come_the_next_events_in_order_whatever_left(batches: list[list[int]], asked: int) -> None:
    with pytest.MonkeyPatch.context() as bounds:
        bounds.setattr(broadcast, "RING_EVENTS", 25)
        bounds.setattr(broadcast, "RING_BYTES", 200)
        ring, added = Ring(7), list[int]()
        for sizes in batches:
            events = [told(ring.head + 1 + place, size) for place, size in enumerate(sizes)]
            ring.add(events)
            added += [event.seq for event in events]

        place = max(asked, ring.start)
        heard = list[int]()
        while events := ring.after(place):
            heard += [event.seq for event in events]
            place = heard[-1]
    assert heard == [seq for seq in added if seq > max(asked, ring.start)]
    assert len([seq for seq in added if seq > ring.start]) <= 25
    assert ring.head == (added[-1] if added else 7)


def test_one_event_is_shared_and_what_is_out_of_sight_is_left_out() -> None:
    office, other = new_id(), new_id()
    events = [told(1, 1), told(2, 2, OTHER_COUNTY), told(3, 4, VILLAGE, (office,))]

    assert in_sight(events[:1], Sight(None, None)) is events[0].data
    assert len(in_sight(events, Sight(COUNTY, None))) == 1
    assert len(in_sight(events, Sight(OTHER_COUNTY, other))) == 2
    assert len(in_sight(events, Sight(None, office))) == 7
    assert in_sight(events[1:2], Sight(COUNTY, office)) == b""
