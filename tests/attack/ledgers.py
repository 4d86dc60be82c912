"""Three ledgers: what the client was told, what is stored, what the receivers got. And where they differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from service.domain.warnings import PUSHED_EVENTS
from tests.attack.clients import Told

Row = dict[str, Any]
Received = list[tuple[str, str]]  # (webhook-id, "warning/revision") of each push answered with 200


@dataclass
class Stored:
    """What the database holds at the end."""

    receipts: list[Row] = field(default_factory=list)
    incidents: list[Row] = field(default_factory=list)
    matters: list[Row] = field(default_factory=list)
    warnings: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)
    counted: int = 0  # reports in the daily counts
    numbers_taken: int = 0
    claims: int = 0
    tries_noted: int = 0


@dataclass
class Heard:
    """What came out: pushes by endpoint, and what listener and poller saw. `subscribed`: endpoints that hear all."""

    pushes: dict[str, Received] = field(default_factory=dict)
    subscribed: tuple[str, ...] = ()
    listened: list[int] = field(default_factory=list)
    polled: dict[str, int] = field(default_factory=dict)


_ROWS = {
    "receipts": "SELECT client_id, revision, incident_id::text FROM receipt",
    "incidents": "SELECT id::text, client_id, matter_id::text, warning_ids::text[] FROM incident",
    "matters": "SELECT id::text, report_count FROM matter",
    "warnings": "SELECT id::text, seq, revision, subject_id, state FROM warning",
    "events": "SELECT seq, warning_id::text, revision, type, body->>'state' AS state FROM warning_event ORDER BY seq",
    "outbox": "SELECT message_id, warning_id::text, revision, endpoint_id::text, state, attempts FROM outbox",
}
_NUMBERS = {
    "counted": "SELECT coalesce(sum(reports), 0)::int FROM place_day",
    "numbers_taken": "SELECT seq FROM feed_counter",
    "claims": "SELECT coalesce(sum(attempts), 0)::int FROM outbox",
    "tries_noted": "SELECT count(*) FROM attempt",
}


def read_stored(url: str) -> Stored:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows: dict[str, Any] = {name: connection.execute(query).fetchall() for name, query in _ROWS.items()}
        for name, query in _NUMBERS.items():
            found = connection.execute(query).fetchone()
            rows[name] = next(iter(found.values())) if found else 0
    return Stored(**rows)


def differences(told: Told, stored: Stored, heard: Heard) -> list[str]:
    """Everything in which the ledgers do not agree, with ids; empty when nothing was lost and nothing doubled."""
    checks = (
        _lost(told, stored), _stored_twice(stored), _one_matter(told, stored), _counts(stored),
        _one_warning(told, stored), _numbers(stored), _seen(stored, heard), _owed(stored, heard),
        _pushed(stored, heard),
    )  # fmt: skip
    return [*told.faults, *(line for check in checks for line in check)]


def _lost(told: Told, stored: Stored) -> Iterator[str]:
    receipts = {row["client_id"] for row in stored.receipts}
    kept = {row["client_id"]: row["matter_id"] for row in stored.incidents}
    for report in told.event_of.keys() - told.answers.keys():
        yield f"report {report}: never answered"
    for report, answers in told.answers.items():
        if report not in receipts or report not in kept:
            yield f"report {report}: LOST, answered with matter {answers[0]}"
        elif set(answers) != {kept[report]}:
            yield f"report {report}: told matters {answers}, kept in {kept[report]}"
    for report in kept.keys() - told.event_of.keys():
        yield f"report {report}: kept but never sent"


def _stored_twice(stored: Stored) -> Iterator[str]:
    for name, rows in (("receipt", stored.receipts), ("incident", stored.incidents)):
        times = Counter(row["client_id"] for row in rows)
        yield from (f"report {report}: {count} rows in {name}" for report, count in times.items() if count > 1)
    incidents = {row["id"] for row in stored.incidents}
    for row in stored.receipts:
        if row["incident_id"] not in incidents:
            yield f"report {row['client_id']}: a receipt without an incident"


def _one_matter(told: Told, stored: Stored) -> Iterator[str]:
    """All reports of an event say the same in the same place: one matter, whoever wrote it."""
    matters = defaultdict(set)
    for row in stored.incidents:
        if row["client_id"] in told.event_of:
            matters[told.event_of[row["client_id"]]].add(row["matter_id"])
    yield from (f"event {event}: matters {sorted(found)}" for event, found in matters.items() if len(found) > 1)


def _counts(stored: Stored) -> Iterator[str]:
    reports = Counter(row["matter_id"] for row in stored.incidents)
    for row in stored.matters:
        if row["report_count"] != reports[row["id"]]:
            yield f"matter {row['id']}: counts {row['report_count']} reports, has {reports[row['id']]}"
    for missing in reports.keys() - {row["id"] for row in stored.matters}:
        yield f"matter {missing}: has reports but no row"
    if stored.counted != len(stored.incidents):
        yield f"daily counts: {stored.counted} reports, {len(stored.incidents)} kept"


def _one_warning(told: Told, stored: Stored) -> Iterator[str]:
    """Nothing is closed in an attack, so a matter has one warning, from its first report on."""
    of_matter = defaultdict(set)
    for row in stored.warnings:
        of_matter[row["subject_id"]].add(row["id"])
    yield from (f"matter {matter}: warnings {sorted(ids)}" for matter, ids in of_matter.items() if len(ids) > 1)
    for row in stored.incidents:
        if set(row["warning_ids"]) != of_matter[row["matter_id"]]:
            yield f"report {row['client_id']}: names {row['warning_ids']}, not {sorted(of_matter[row['matter_id']])}"
    for warning in told.warnings - {row["id"] for row in stored.warnings}:
        yield f"warning {warning}: told to the client but not kept"


def _numbers(stored: Stored) -> Iterator[str]:
    """Feed numbers without a hole; each revision of each warning once; the warning at its last event."""
    numbers = [row["seq"] for row in stored.events]
    if numbers != list(range(1, stored.numbers_taken + 1)):
        odd = sorted(set(numbers) ^ set(range(1, stored.numbers_taken + 1)))
        yield f"feed numbers: {stored.numbers_taken} taken, {len(numbers)} kept; missing or too many: {odd[:20]}"
    last: dict[str, tuple[int, int]] = {}
    for row in stored.events:
        before = last.get(row["warning_id"], (0, 0))[1]
        if row["revision"] != before + 1:
            yield f"warning {row['warning_id']}: revision {row['revision']} follows {before} at number {row['seq']}"
        last[row["warning_id"]] = (row["seq"], row["revision"])
    for row in stored.warnings:
        if last.get(row["id"]) != (row["seq"], row["revision"]):
            yield f"warning {row['id']}: at {(row['seq'], row['revision'])}, its last event {last.get(row['id'])}"


def _seen(stored: Stored, heard: Heard) -> Iterator[str]:
    numbers = [row["seq"] for row in stored.events]
    if heard.listened != numbers:
        times = Counter(heard.listened)
        twice = sorted(number for number, count in times.items() if count > 1)
        missed = sorted(set(numbers) - times.keys())
        seen = f"{len(heard.listened)} of {len(numbers)}"
        yield f"listener: saw {seen} in another order; missed {missed[:20]}, twice {twice[:20]}"
    for row in stored.warnings:
        if heard.polled.get(row["id"]) != row["seq"]:
            yield f"poller: warning {row['id']} seen at {heard.polled.get(row['id'])}, is at {row['seq']}"


def _owed(stored: Stored, heard: Heard) -> Iterator[str]:
    """Each change that departments hear of is owed to each endpoint that hears all, in the same transaction."""
    owed = {(row["warning_id"], row["revision"], row["endpoint_id"]) for row in stored.outbox}
    for row in stored.events:
        if row["type"] in PUSHED_EVENTS and row["state"] != "pending_confirmation":
            for endpoint in heard.subscribed:
                if (row["warning_id"], row["revision"], endpoint) not in owed:
                    yield f"warning {row['warning_id']} revision {row['revision']}: never owed to endpoint {endpoint}"


def _pushed(stored: Stored, heard: Heard) -> Iterator[str]:
    """At least once or visibly given up; whatever is repeated is repeated under the same webhook-id."""
    about = {row["message_id"]: row for row in stored.outbox}
    for row in stored.outbox:
        got = {webhook for webhook, _ in heard.pushes.get(row["endpoint_id"], [])}
        if row["state"] not in ("delivered", "given_up"):
            yield f"push {row['message_id']}: still {row['state']} after {row['attempts']} tries"
        if row["state"] == "delivered" and row["message_id"] not in got:
            yield f"push {row['message_id']}: noted as delivered, never received"
    for endpoint, received in heard.pushes.items():
        ids = defaultdict(set)
        for webhook, subject in received:
            ids[subject].add(webhook)
            row = about.get(webhook, {})
            if row.get("endpoint_id") != endpoint or f"{row['warning_id']}/{row['revision']}" != subject:
                yield f"push {webhook} of {subject} at endpoint {endpoint}: nobody owed this"
        yield from (f"{subject} at {endpoint}: ids {sorted(found)}" for subject, found in ids.items() if len(found) > 1)
