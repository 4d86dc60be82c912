"""Alerts of Prometheus and Alertmanager as reports. Pure: an alert and the clock in; a report, nothing or a fault out.

One alert is one report however often it is sent: its id is made of its labels and its start. A resolved alert is no
news of a grievance, and an alert of our own does not come back as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from service.delivery.formats.alertmanager import fingerprint
from service.domain.catalogue import Catalogue
from service.domain.incidents import IncidentReport
from service.domain.words import Source
from service.workflows.alert_mapping import AlertMapping

ZERO_YEAR = 1  # Go's zero time, which clients send for "not said"
SHORT_CODES = (2, 4, 6, 9)


class AlertRefused(ValueError):
    """An alert that cannot be kept; the text is Chinese and says what would be right."""


def _said(moment: datetime | None) -> datetime | None:
    return None if moment is None or moment.year == ZERO_YEAR else moment


_Text = Annotated[str, StringConstraints(max_length=4000)]
_Instant = Annotated[AwareDatetime | None, AfterValidator(_said)]


class Alert(BaseModel):
    """An alert as `POST /api/v2/alerts` and Alertmanager's webhook send it. What is not named here is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    labels: Annotated[dict[_Text, _Text], Field(max_length=64)]
    annotations: Annotated[dict[_Text, _Text], Field(max_length=64)] = {}
    starts_at: _Instant = Field(None, alias="startsAt")
    ends_at: _Instant = Field(None, alias="endsAt")


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading an alert needs besides it."""

    mapping: AlertMapping
    catalogue: Catalogue
    now: datetime
    today: str  # the day in the service's zone, for alerts that do not say when they began


def report_of(alert: Alert, reading: Reading) -> IncidentReport | None:
    """The report an alert is, or None when it is resolved. Raises AlertRefused."""
    labels = {name: value for name, value in alert.labels.items() if value}
    if not labels:
        raise AlertRefused("至少要有一个非空的标签。")
    if reading.mapping.own_label in labels:
        raise AlertRefused(f"带有标签 {reading.mapping.own_label} 的是本服务自己的预警，不能作为事件再次上报。")
    began = alert.starts_at or min(alert.ends_at or reading.now, reading.now)
    ends = alert.ends_at or reading.now + timedelta(minutes=reading.mapping.resolve_minutes)
    if ends < began:
        raise AlertRefused("startsAt 晚于 endsAt，请核对时钟。")
    if ends <= reading.now:
        return None
    return _report(labels, alert, began, reading)


def _report(labels: Mapping[str, str], alert: Alert, began: datetime, reading: Reading) -> IncidentReport:
    names, notes = reading.mapping.annotations, alert.annotations
    title, people = _first(notes, names.title), _first(notes, names.people_affected)
    said = {
        "id": _id(labels, alert.starts_at, reading),
        "area": _area(labels, reading.mapping),
        "category": _category(labels, reading),
        "title": title[:200] if title else None,
        "text": _first(notes, names.text) or title or labels.get("alertname") or "监测系统告警",
        "occurred_at": began,
        "place_text": (_first(notes, names.place_text) or "")[:200] or None,
        "people_affected": int(people) if people and people.isascii() and people.isdigit() else None,
        "signals": [one.strip() for one in (_first(labels, reading.mapping.labels.signals) or "").split(",") if one],
        "source": Source.OTHER,
    }
    try:
        return IncidentReport.model_validate(said)
    except ValidationError as error:
        raise AlertRefused("；".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from None


def _id(labels: Mapping[str, str], starts_at: datetime | None, reading: Reading) -> str:
    """Without a start there is no telling one alert from the next with the same labels: they count once a day."""
    start = starts_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ") if starts_at else reading.today
    return f"am-{fingerprint(labels)}-{start}"


def _area(labels: Mapping[str, str], mapping: AlertMapping) -> str:
    code = _first(labels, mapping.labels.area)
    if code is None:
        raise AlertRefused(f"缺少区划标签（{'、'.join(mapping.labels.area)} 之一）。")
    if not (code.isascii() and code.isdigit() and len(code) in (*SHORT_CODES, 12)):
        raise AlertRefused(f"区划标签“{code[:20]}”应为 12 位区划代码，或其前 2、4、6、9 位。")
    return code.ljust(12, "0")


def _category(labels: Mapping[str, str], reading: Reading) -> str:
    named = _first(labels, reading.mapping.labels.category)
    alertname = labels.get("alertname", "")
    category = named or reading.mapping.alertnames.get(alertname) or alertname
    names = {category.name for category in reading.catalogue.categories.values()}
    if category not in reading.catalogue.categories and category not in names:
        raise AlertRefused(f"alertname“{alertname[:60]}”没有对应的事项类别；请加标签 category，或在映射文件中补一行。")
    return category


def _first(found: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((found[name].strip() for name in names if found.get(name, "").strip()), None)


def read_alert(item: Any) -> Alert:
    """Raises AlertRefused for what has not the shape of an alert."""
    try:
        return Alert.model_validate(item)
    except ValidationError as error:
        wrong = sorted({".".join(map(str, one["loc"])) or "alert" for one in error.errors()})
        raise AlertRefused(f"{'、'.join(wrong)[:200]} 的格式不对。") from None
