"""Moments as people write them in tables, as days since 1970-01-01 UTC. A moment without a zone is taken as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np

from service.scoring.evaluate import Numbers

SECONDS_A_DAY = 86_400.0
YEARS = range(1000, 3000)
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(?:(\d{1,2})日)?\s*")
_LOOSE = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ]+(\d{1,2}:.*))?")
_ZONE = re.compile(r"\s*(?:UTC|GMT)$")
_WHOLE = re.compile(r"\d+(?:\.0+)?")
_SHORT_ZONE = re.compile(r"(\d\d:\d\d(?::[\d.]+)?)\s*([+-]\d\d)$")


def day_of(cell: str) -> float | None:
    """Days since 1970-01-01 UTC; None when the cell is no moment.

    Read are ISO 8601 with and without zone, loose forms (2024/5/1 8:30), 2024年5月1日, 20240501, a year, a month, and
    Unix seconds or milliseconds.
    """
    text = cell.strip()
    if _WHOLE.fullmatch(text):
        return _from_digits(text.split(".")[0])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _loosely(text)
    return _days(moment)


def calendar(days: Numbers) -> dict[str, Numbers]:
    """Month 1–12, weekday 0–6 (Monday first) and hour 0–24 (UTC or as written) of each moment."""
    moments = (days * SECONDS_A_DAY).astype("datetime64[s]")
    months = moments.astype("datetime64[M]").astype(int) % 12 + 1
    return {
        "month": months.astype(float),
        "weekday": (np.floor(days) + 3) % 7,  # 1970-01-01 was a Thursday
        "hour": (days - np.floor(days)) * 24,
    }


def year_of(days: Numbers) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Calendar year of each moment."""
    return (days * SECONDS_A_DAY).astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970


def _days(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() / SECONDS_A_DAY


def _from_digits(digits: str) -> float | None:
    if len(digits) == 4 and int(digits) in YEARS:
        return _days(datetime(int(digits), 1, 1, tzinfo=UTC))
    if len(digits) in (9, 10, 13):
        return int(digits) / SECONDS_A_DAY / (1000 if len(digits) == 13 else 1)
    for form in ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M"):
        if len(digits) == {"%Y%m%d": 8, "%Y%m%d%H%M%S": 14, "%Y%m%d%H%M": 12}[form]:
            return _parsed(digits, form)
    return None


def _parsed(digits: str, form: str) -> float | None:
    try:
        return _days(datetime.strptime(digits, form).replace(tzinfo=UTC))
    except ValueError:
        return None


def _loosely(text: str) -> float | None:
    plain = _ZONE.sub("Z", _CHINESE.sub(lambda m: f"{m[1]}-{m[2]}-{m[3] or 1} ", text).strip())
    found = _LOOSE.fullmatch(_SHORT_ZONE.sub(r"\1\2:00", plain))
    if not found:
        return None
    clock = (found[4] or "00:00").replace(" ", "")
    clock = f"0{clock}" if clock[1] == ":" else clock
    try:
        return _days(datetime.fromisoformat(f"{found[1]}-{found[2]:0>2}-{found[3] or 1:0>2}T{clock}"))
    except ValueError:
        return None
