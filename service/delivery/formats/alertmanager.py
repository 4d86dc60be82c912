"""Warnings as Alertmanager's API v2 tells alerts: labels that routes and silences match, texts as annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from service.delivery.formats.bulletin import Bulletin, Naming, link_of
from service.delivery.matchers import Labels

RESOLVE_TIMEOUT = timedelta(minutes=5)  # source: Alertmanager's default; an open warning is told as firing till then
_CLASSIC = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_OFFSET, _PRIME, _MASK = 14695981039346656037, 1099511628211, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Standing:
    """Who hears an open warning, and what holds its pushes back now."""

    bulletin: Bulletin
    labels: Labels
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """Alertmanager's three words: not yet told to anybody, told, or held back."""
        if self.bulletin.issued_level is None:
            return "unprocessed"
        return "suppressed" if self.silenced_by or self.inhibited_by else "active"


def fingerprint(labels: Labels) -> str:
    """Alertmanager's name for a set of labels: FNV-1a over sorted names and values, each closed by a byte 0xFF."""
    pairs = sorted((name.encode(), value.encode()) for name, value in labels.items())
    found = _OFFSET
    for byte in b"".join(b"%b\xff%b\xff" % pair for pair in pairs):
        found = ((found ^ byte) * _PRIME) & _MASK
    return f"{found:016x}"


def labelled(bulletin: Bulletin, labels: Labels) -> dict[str, str]:
    """The labels that routing asks about, with the two by which an alert is known: its name and which one it is."""
    return {**labels, "alertname": bulletin.category, "warning": str(bulletin.id)}


def shown_labels(labels: Labels) -> dict[str, str]:
    """Only names that every Alertmanager takes: before 0.27 one Chinese name has a whole alert refused."""
    return {name: value for name, value in sorted(labels.items()) if _CLASSIC.fullmatch(name)}


def named(labels: Labels) -> str:
    """The fingerprint under which an alert of these labels is shown."""
    return fingerprint(shown_labels(labels))


def alert(standing: Standing, now: datetime, naming: Naming) -> dict[str, Any]:
    """A gettableAlert."""
    bulletin, labels = standing.bulletin, shown_labels(standing.labels)
    return {
        "labels": labels,
        "annotations": _annotations(bulletin, naming),
        "receivers": [{"name": name} for name in standing.receivers],
        "fingerprint": fingerprint(labels),
        "startsAt": instant(bulletin.issued_at or bulletin.opened_at),
        "updatedAt": instant(bulletin.at),
        "endsAt": instant(now + RESOLVE_TIMEOUT),
        "generatorURL": link_of(bulletin, naming),
        "status": {
            "state": standing.state,
            "silencedBy": list(standing.silenced_by),
            "inhibitedBy": list(standing.inhibited_by),
            "mutedBy": [],
        },
    }


def groups(standing: Sequence[Standing], by: Sequence[str], now: datetime, naming: Naming) -> list[dict[str, Any]]:
    """Alerts by receiver and the labels of `by`, each group once per receiver, as Alertmanager lists them."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[dict[str, Any]]] = {}
    for one in standing:
        shared = tuple((name, one.labels[name]) for name in by if name in one.labels)
        for receiver in one.receivers:
            found.setdefault((receiver, shared), []).append(alert(one, now, naming))
    return [
        {"labels": dict(shared), "receiver": {"name": receiver}, "alerts": alerts}
        for (receiver, shared), alerts in sorted(found.items(), key=lambda group: group[0])
    ]


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as its clients write and read it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _annotations(bulletin: Bulletin, naming: Naming) -> Mapping[str, str]:
    said = {
        "summary": f"【{bulletin.level.zh}】{bulletin.headline}",
        "description": bulletin.text,
        "area_name": bulletin.area_name,
        "category_name": bulletin.category_name,
        "link": link_of(bulletin, naming),
        "exercise": "演练或模拟" if naming.exercise else "",
    }
    return {name: text for name, text in said.items() if text}
