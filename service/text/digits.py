"""Digits as people write them (数字写法): one plain form, and the tests that tell one kind of number from another."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

CHINESE_DIGITS = {
    **dict.fromkeys("零〇○", "0"),
    **dict.fromkeys("一壹幺", "1"),
    **dict.fromkeys("二贰", "2"),
    **dict.fromkeys("三叁", "3"),
    **dict.fromkeys("四肆", "4"),
    **dict.fromkeys("五伍", "5"),
    **dict.fromkeys("六陆", "6"),
    **dict.fromkeys("七柒", "7"),
    **dict.fromkeys("八捌", "8"),
    **dict.fromkeys("九玖", "9"),
}
_TO_ASCII_CHINESE = str.maketrans(CHINESE_DIGITS)
# Unseen between the digits of a number: zero-width and direction marks, variation selectors, keycaps.
_UNSEEN_CLASS = (
    "\u00ad\u034f\u061c\u115f\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3\u3164\ufe00-\ufe0f\ufeff"
)
_UNSEEN = re.compile(f"[{_UNSEEN_CLASS}]")
_SEEN = re.compile(f"[^{_UNSEEN_CLASS}]")


def _foreign_digits() -> dict[int, str]:
    """Every other way Unicode has of writing a single digit: full-width, circled, superscript, other scripts."""
    every = filter(str.isdigit, map(chr, range(0x80, 0x1FBFA)))  # not one by one in Python: there are 130,000
    return {ord(char): str(unicodedata.digit(char)) for char in every}


_FOREIGN = _foreign_digits()
_PLAIN = {
    **_FOREIGN,
    **dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t"), " "),
    **dict.fromkeys(map(ord, "‐‑‒–—―−－﹣_＿~～/／"), "-"),
    **dict.fromkeys(map(ord, "．·•・‧∙｡﹒"), "."),
    **dict.fromkeys(map(ord, "（﹙[［【"), "("),
    **dict.fromkeys(map(ord, "）﹚]］】"), ")"),
    **dict.fromkeys(map(ord, "xＸｘ×Хх"), "X"),
    ord("＋"): "+",
}
# Only the basic plane: one character beyond it in a class makes the expression engine a hundred times slower.
_FOREIGN_CLASS = "".join(re.escape(chr(code)) for code in _FOREIGN if code < 0x10000)
DIGIT_LIKE = "0-9" + _FOREIGN_CLASS + "".join(CHINESE_DIGITS)


@dataclass(frozen=True, slots=True)
class Plain:
    """A text with digits and separators in one form. `origin[i]` is where its i-th character stood; None: unmoved."""

    text: str
    origin: tuple[int, ...] | None = None

    def span_in_source(self, start: int, end: int) -> tuple[int, int]:
        """Where a non-empty span of the plain text stood in the source, unseen characters inside it included."""
        return (start, end) if self.origin is None else (self.origin[start], self.origin[end - 1] + 1)


def plain(text: str) -> Plain:
    """The plain form: foreign digits to 0-9, separators to ' ', '-', '.', brackets to '()', unseen characters left out.

    〔 and 〕 stay: they hold what has been masked already.
    """
    if not _UNSEEN.search(text):
        return Plain(text.translate(_PLAIN))
    origin = tuple(match.start() for match in _SEEN.finditer(text))
    return Plain("".join(text[at] for at in origin).translate(_PLAIN), origin)


def digits_of(number: str) -> str:
    """Only the digits (and a final X) of a plain number, Chinese digits included: '一3八-0013' → '1380013'."""
    return re.sub(r"[^0-9Xx]", "", number.translate(_TO_ASCII_CHINESE)).upper()


def passes_luhn(digits: str) -> bool:
    """The check of bank cards (ISO/IEC 7812-1)."""
    doubled = [int(d) for d in digits[-2::-2]]
    return (sum(int(d) for d in digits[-1::-2]) + sum(2 * d - 9 * (d > 4) for d in doubled)) % 10 == 0


_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
# First two digits: provinces of GB/T 2260, residence permits of 港澳台 (81-83), foreigners' permanent residence (9x).
_ID_REGION = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9\d")
_MONTH_AND_DAY = re.compile(r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_FULL_DATE = re.compile(r"(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


def id_checksum_holds(number: str) -> bool:
    """The check character of an 18-character identity number (GB 11643)."""
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False))
    return "10X98765432"[total % 11] == number[17]


def region_and_birth(number: str) -> tuple[bool, bool]:
    """Whether the region and the date of birth in an identity number of 15 or 18 characters can exist."""
    birth = _MONTH_AND_DAY.match(number, 8) if len(number) == 15 else _FULL_DATE.match(number, 6)
    return _ID_REGION.match(number) is not None, birth is not None


def looks_like_identity(number: str) -> bool:
    """Whether 15 or 18 characters are probably a resident identity number; a mistyped one still counts.

    Two of three must speak for it: a region that exists, a date of birth that exists, a check character that holds.
    A final X speaks for itself. The 15-digit form has no check character and needs both others.
    """
    region, birth = region_and_birth(number)
    if len(number) == 15:
        return region and birth
    return number.endswith("X") or region + birth + id_checksum_holds(number) >= 2


def starts_with_date(digits: str) -> bool:
    """Whether a run begins like 20190228…, as order numbers do and cards do not."""
    return digits.startswith(("19", "20")) and _FULL_DATE.match(digits) is not None
