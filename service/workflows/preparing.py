"""What can be done with a report before the database is asked: check, mask, categorise, read, sketch."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from service.domain.areas import contains, county_of
from service.domain.incidents import IncidentReport
from service.domain.matters import ReportFacts
from service.domain.problems import FieldError
from service.store.engine import new_id
from service.store.reference import Reference
from service.text.likeness import Sketch, sketch
from service.text.redaction import redact
from service.text.signals import people_in, read_signals
from service.workflows.parts import Engines

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)  # before this an instant is a slip of a device, and dates cannot be counted


@dataclass(frozen=True, slots=True)
class Arrival:
    """A report with the system it came from; `area` is the subtree that system may report on."""

    report: IncidentReport
    system: str
    area: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A report as it will be kept: nothing of its unmasked text is left but a keyed digest."""

    incident_id: UUID
    system: str
    report: IncidentReport  # masked
    category: str
    category_from: str
    first_level: str
    masked: dict[str, int]
    facts: ReportFacts
    people_from: str | None
    sketch: Sketch
    content_mac: bytes

    @property
    def key(self) -> tuple[str, str]:
        return self.system, self.report.id

    @property
    def place(self) -> tuple[str, str]:
        return county_of(self.report.area), self.first_level


def errors_in(arrival: Arrival, engines: Engines, reference: Reference, now: datetime) -> list[FieldError]:
    """What is wrong with a report that its shape alone does not show."""
    report = arrival.report
    ahead = timedelta(minutes=engines.thresholds.value("reports.future_minutes", report.area, engines.day(now)))
    found = [_area_error(arrival, reference, engines.day(now)), _category_error(report, engines)]
    found += [_signal_error(index, code, engines) for index, code in enumerate(report.signals)]
    for name in ("occurred_at", "captured_at"):
        instant = getattr(report, name)
        if instant is not None and instant > now + ahead:
            minutes = int(ahead.total_seconds() // 60)
            detail = f"时间比服务器时间晚 {minutes} 分钟以上，请核对设备时钟与时区。"
            found.append(FieldError(name, "in_future", detail))
        if instant is not None and instant < EARLIEST:
            found.append(FieldError(name, "too_early", f"时间早于 {EARLIEST.year} 年，请核对。"))
    return [error for error in found if error is not None]


def prepare(arrival: Arrival, engines: Engines, mac_key: bytes, now: datetime) -> Prepared:
    """The report as it will be kept. Only for reports without errors."""
    report, masked = _masked(arrival.report)
    category, category_from = _category(report, engines)
    text = f"{report.title or ''}\n{report.text}"
    stated = report.people_affected is not None or report.people_present is not None
    people = report.people_affected if stated else people_in(text)
    facts = ReportFacts(
        occurred_at=report.occurred_at,
        source=report.source,
        handling=report.handling,
        people_affected=people,
        people_present=report.people_present,
        signals=frozenset(_codes(report.signals, engines)),
        text_signals=read_signals(text),
        late=is_late(report.occurred_at, engines, report.area, now),
    )
    return Prepared(
        incident_id=new_id(),
        system=arrival.system,
        report=report,
        category=category,
        category_from=category_from,
        first_level=engines.catalogue.first_level(category),
        masked=masked,
        facts=facts,
        people_from=None if people is None else "reported" if stated else "text",
        sketch=sketch(report.title or "", report.text),
        content_mac=content_mac(arrival.report, mac_key),
    )


def content_mac(report: IncidentReport, key: bytes) -> bytes:
    """A keyed digest of the unmasked body, to tell "same content": a plain hash would leak identity numbers."""
    return hmac.digest(key, report.model_dump_json(exclude={"id"}).encode(), hashlib.sha256)


def is_late(occurred_at: datetime, engines: Engines, area: str, now: datetime) -> bool:
    """Whether a report comes so long after the fact that it must not raise a stale warning."""
    hours = engines.late_hours
    if hours is None:
        hours = engines.thresholds.value("reports.late_hours", area, engines.day(now))
    return now - occurred_at > timedelta(hours=hours)


def _masked(report: IncidentReport) -> tuple[IncidentReport, dict[str, int]]:
    counts: dict[str, int] = {}
    changed: dict[str, Any] = {}
    for name in ("title", "text", "place_text", "action_taken"):
        value = getattr(report, name)
        if value is not None:
            redacted = redact(value)
            changed[name] = redacted.text
            for kind, number in redacted.counts.items():
                counts[kind] = counts.get(kind, 0) + number
    return report.model_copy(update=changed), counts


def _category(report: IncidentReport, engines: Engines) -> tuple[str, str]:
    if report.category is not None:
        return _known_category(report.category, engines) or report.category, "reported"
    return engines.categoriser.category(report.title or "", report.text).code, "text"


def _known_category(name: str, engines: Engines) -> str | None:
    """A code of the catalogue for a code or a Chinese name, so that exports of other systems need no rewriting."""
    if name in engines.catalogue.categories:
        return name
    like = engines.catalogue.category_like(name)
    return like if like and engines.catalogue.category_name(like) == name else None


def _codes(signals: list[str], engines: Engines) -> list[str]:
    known = engines.catalogue.signals
    return [code if code in known else (engines.catalogue.signal_like(code) or code) for code in signals]


def _area_error(arrival: Arrival, reference: Reference, today: date) -> FieldError | None:
    code = arrival.report.area
    if arrival.area is not None and not contains(arrival.area, code):
        return FieldError("area", "outside_key_area", f"本密钥只能上报 {arrival.area} 范围内的事件。")
    if reference.area_on(code, today) is None:
        return FieldError("area", "unknown_area", f"没有有效期内的区划代码 {code}；请用 GET /v1/areas 查询可用代码。")
    return None


def _category_error(report: IncidentReport, engines: Engines) -> FieldError | None:
    if report.category is None or _known_category(report.category, engines):
        return None
    return FieldError(
        "category",
        "unknown_category",
        f"没有事项类别“{report.category}”{_hint(engines.catalogue.category_like(report.category))}。",
    )


def _signal_error(index: int, code: str, engines: Engines) -> FieldError | None:
    if code in engines.catalogue.signals:  # looking for the likest of all costs 0.4 ms
        return None
    like = engines.catalogue.signal_like(code)
    if like and engines.catalogue.signals[like].name == code:
        return None
    return FieldError(
        f"signals.{index}", "unknown_signal", f"没有信号“{code}”{_hint(like)}；可用信号见 GET /v1/signals。"
    )


def _hint(like: str | None) -> str:
    return f"，是否想写“{like}”(did you mean {like}?)" if like else ""
