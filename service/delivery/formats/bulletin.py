"""One revision of a warning with every name spelt out: what each format is written from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from service.domain.levels import Level
from service.domain.words import WarningState

TITLE = "未雨预警"
ABOUT = "内部关注级别（蓝、黄、橙、红），供有职责的单位使用，不是依法对外发布的预警。"
ISSUER = "Weiyu 未雨"


@dataclass(frozen=True, slots=True)
class Naming:
    """How this service signs what it sends. `authority` is in ids that must never change; `base` is where links go.

    `exercise`: what is told is simulated (a demo), and says so wherever a format has a word for it.
    """

    authority: str
    base: str
    zone: ZoneInfo
    exercise: bool = False

    def tag(self, specific: str) -> str:
        """An id of ours that outlives every address: a tag URI (RFC 4151)."""
        return f"tag:{self.authority},2026:{specific}"


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A warning at one revision. `kind` is why this revision came (WarningEventType), `at` when; texts are Chinese."""

    id: UUID
    seq: int
    revision: int
    kind: str
    at: datetime
    level: Level
    issued_level: Level | None
    state: WarningState
    unverified: bool
    area: str
    area_name: str
    category: str
    category_name: str
    headline: str
    note: str | None
    opened_at: datetime
    issued_at: datetime | None
    resolved_at: datetime | None
    outcome: str | None
    statutory_report_required: bool
    confirmed_by: str | None
    first_level: str
    reasons: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What there is to read, as plain text: why, and what is advised."""
        lines = [self.headline, *(f"依据：{reason}" for reason in self.reasons)]
        lines += [f"建议：{measure}" for measure in self.measures]
        return "\n".join([*lines, f"状态：{STATES[self.state]}"] + (["未经核实"] if self.unverified else []))


STATES = {
    WarningState.PENDING_CONFIRMATION: "待核实",
    WarningState.ISSUED: "已发出",
    WarningState.ACKNOWLEDGED: "牵头单位已签收",
    WarningState.RESOLVED: "已办结",
    WarningState.CANCELLED: "已撤销",
}


def link_of(bulletin: Bulletin, naming: Naming) -> str:
    """Where the warning is told in full."""
    return f"{naming.base}/v1/warnings/{bulletin.id}"


def entry_id(bulletin: Bulletin, naming: Naming) -> str:
    """The same for all revisions of one warning, whatever becomes of names and addresses."""
    return naming.tag(f"warning/{bulletin.id}")


def instant(moment: datetime, naming: Naming) -> str:
    """RFC 3339 with the offset of the service's zone."""
    return moment.astimezone(naming.zone).isoformat()


def told(bulletin: Bulletin, naming: Naming) -> dict[str, Any]:
    """A bulletin as JSON, in the words of `/v1/warnings`."""
    return {
        "id": str(bulletin.id),
        "seq": bulletin.seq,
        "revision": bulletin.revision,
        "level": bulletin.level.value,
        "level_zh": bulletin.level.zh,
        "state": bulletin.state.value,
        "unverified": bulletin.unverified,
        "headline": bulletin.headline,
        "area": bulletin.area,
        "area_name": bulletin.area_name,
        "category": bulletin.category,
        "category_name": bulletin.category_name,
        "reasons": list(bulletin.reasons),
        "measures": list(bulletin.measures),
        "statutory_report_required": bulletin.statutory_report_required,
        "opened_at": instant(bulletin.opened_at, naming),
        "issued_at": instant(bulletin.issued_at, naming) if bulletin.issued_at else None,
        "resolved_at": instant(bulletin.resolved_at, naming) if bulletin.resolved_at else None,
        "outcome": bulletin.outcome,
        "link": link_of(bulletin, naming),
    }


def newest_of_each(bulletins: list[Bulletin]) -> list[Bulletin]:
    """Of several revisions of one warning the newest, the newest first."""
    newest: dict[UUID, Bulletin] = {}
    for bulletin in sorted(bulletins, key=lambda one: one.seq):
        newest[bulletin.id] = bulletin
    return sorted(newest.values(), key=lambda one: one.seq, reverse=True)


LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # of a feed in which nothing ever happened


def last_change(bulletins: list[Bulletin]) -> datetime:
    return max((bulletin.at for bulletin in bulletins), default=LONG_AGO)
