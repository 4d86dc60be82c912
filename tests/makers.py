"""Valid things by default; a test changes the one thing it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

COUNTY = "990101000000"
STREET = "990101001000"
VILLAGE = "990101001001"
OTHER_VILLAGE = "990101002001"
OTHER_COUNTY = "990102000000"
AREAS = {
    COUNTY: "测试区",
    STREET: "清河街道",
    VILLAGE: "清河街道第一社区",
    "990101002000": "南塘镇",
    OTHER_VILLAGE: "南塘镇上坪村",
    OTHER_COUNTY: "邻区",
}
NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)  # Wednesday noon in Shanghai, a working day
_numbers = count(1)


def report(**changes: Any) -> dict[str, Any]:
    """A wage-arrears report of 12 workers that happened ten minutes ago (by the real clock); yellow by rule."""
    body = {
        "id": f"r-{next(_numbers)}",
        "area": VILLAGE,
        "category": "labour.wage_arrears",
        "text": "青禾服饰厂拖欠工人三个月工资，工人要求尽快发放",
        "occurred_at": (datetime.now(UTC) - timedelta(minutes=10)).isoformat(),
        "people_affected": 12,
        "source": "grid",
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


def blocked_road(**changes: Any) -> dict[str, Any]:
    """A report that is orange by rule and therefore waits for a person's word."""
    return report(
        category="urban_rural.demolition",
        text="砚池巷拆迁补偿未谈妥，四十多名住户在巷口堵路",
        people_affected=45,
        people_present=45,
        signals=["road_blocked"],
        **changes,
    )


def at(moment: datetime, **changes: Any) -> dict[str, Any]:
    """A report for a test with a fixed clock: it happened ten minutes before `moment`."""
    return report(**({"occurred_at": (moment - timedelta(minutes=10)).isoformat()} | changes))
