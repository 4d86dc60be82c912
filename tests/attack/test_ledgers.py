"""The comparison itself: each way in which the ledgers could differ is seen and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.attack.clients import Told
from tests.attack.ledgers import Heard, Stored, differences


@dataclass
class Books:
    """The three ledgers."""

    told: Told
    stored: Stored
    heard: Heard

    def differences(self) -> list[str]:
        return differences(self.told, self.stored, self.heard)


def books() -> Books:
    """Two reports of one event, one matter, one warning with two revisions, both pushed to the one endpoint."""
    told = Told(event_of={"r1": 0, "r2": 0}, answers={"r1": ["m"], "r2": ["m", "m"]}, warnings={"w"})
    stored = Stored(
        receipts=[{"client_id": f"r{n}", "revision": 1, "incident_id": f"i{n}"} for n in (1, 2)],
        incidents=[{"id": f"i{n}", "client_id": f"r{n}", "matter_id": "m", "warning_ids": ["w"]} for n in (1, 2)],
        matters=[{"id": "m", "report_count": 2}],
        warnings=[{"id": "w", "seq": 2, "revision": 2, "subject_id": "m", "state": "issued"}],
        events=[
            {"seq": n, "warning_id": "w", "revision": n, "type": kind, "state": "issued"}
            for n, kind in ((1, "issued"), (2, "updated"))
        ],
        outbox=[push(1), push(2)],
        counted=2,
        numbers_taken=2,
    )
    return Books(
        told, stored, Heard({"e": [("msg1", "w/1"), ("msg2", "w/2"), ("msg2", "w/2")]}, ("e",), [1, 2], {"w": 2})
    )


def push(revision: int, **changes: Any) -> dict[str, Any]:
    row = {"message_id": f"msg{revision}", "warning_id": "w", "revision": revision, "endpoint_id": "e"}
    return {**row, "state": "delivered", "attempts": 1, **changes}


def another_warning(stored: Stored) -> None:
    stored.warnings.append({**stored.warnings[0], "id": "w2"})


SPOILED: dict[str, tuple[Callable[[Books], Any], str]] = {
    "an answered report is not there": (lambda b: b.stored.incidents.pop(), "report r2: LOST"),
    "its receipt is not there": (lambda b: b.stored.receipts.pop(), "report r2: LOST"),
    "a report got no answer": (lambda b: b.told.answers.pop("r1"), "report r1: never answered"),
    "a report was told two matters": (lambda b: b.told.answers["r1"].append("m2"), "report r1: told matters"),
    "a report is stored twice": (
        lambda b: b.stored.incidents.append(b.stored.incidents[0]),
        "report r1: 2 rows in incident",
    ),
    "an event became two matters": (lambda b: b.stored.incidents[0].update(matter_id="m2"), "event 0: matters"),
    "a matter counts wrongly": (lambda b: b.stored.matters[0].update(report_count=3), "matter m: counts 3"),
    "the days count wrongly": (lambda b: setattr(b.stored, "counted", 3), "daily counts: 3"),
    "a matter has two warnings": (lambda b: another_warning(b.stored), "matter m: warnings"),
    "a told warning is not there": (lambda b: b.told.warnings.add("w9"), "warning w9: told"),
    "a feed number is missing": (lambda b: setattr(b.stored, "numbers_taken", 3), "feed numbers: 3 taken"),
    "a revision is missing": (lambda b: b.stored.events[0].update(revision=0), "warning w: revision 0 follows 0"),
    "the listener missed an event": (lambda b: b.heard.listened.pop(), "listener: saw 1 of 2"),
    "the listener saw one twice": (lambda b: b.heard.listened.append(2), "twice [2]"),
    "the listener saw them disordered": (lambda b: b.heard.listened.reverse(), "in another order"),
    "the poller missed the last state": (lambda b: b.heard.polled.update(w=1), "poller: warning w seen at 1"),
    "a push was never owed": (lambda b: b.stored.outbox.pop(), "warning w revision 2: never owed"),
    "a push was never received": (lambda b: b.heard.pushes["e"].pop(0), "push msg1: noted as delivered, never"),
    "a push is still waiting": (lambda b: b.stored.outbox[0].update(state="pending"), "push msg1: still pending"),
    "a repeat has another id": (lambda b: b.heard.pushes["e"].append(("msg9", "w/2")), "w/2 at e: ids"),
    "nobody owed a push": (lambda b: b.heard.pushes["e"].append(("msg9", "w/2")), "push msg9 of w/2"),
}


def test_ledgers_that_agree_show_no_difference_and_a_repeat_with_the_same_id_is_none() -> None:
    assert books().differences() == []


@pytest.mark.parametrize("what", SPOILED)
def test_a_difference_is_named(what: str) -> None:
    spoiled = books()
    spoil, named = SPOILED[what]
    spoil(spoiled)
    found = spoiled.differences()
    assert [line for line in found if named in line], found


def test_what_is_given_up_need_not_have_been_received() -> None:
    kept = books()
    kept.stored.outbox[0] = push(1, state="given_up")
    kept.heard.pushes["e"].pop(0)
    assert kept.differences() == []


def test_a_report_created_again_after_its_answer_is_told() -> None:
    told = Told()
    told.answered("r1", "created", "m", [])
    told.answered("r1", "duplicate", "m", [])
    assert not told.faults
    told.answered("r1", "created", "m", [])
    assert told.faults == ["report r1: created again after it had been answered"]
