"""Redaction (脱敏): telephone, identity and card numbers in a text give way to the name of their kind.

What is told apart: dates, times, amounts with a unit, 12-digit area codes, runs introduced as order or case numbers
and short public hotlines stay. A long run that nothing explains is masked as 〔号码〕: where in doubt, mask. Names,
addresses and number plates are not looked for. Time is linear in the length of the text: separators and digits are
disjoint, and a repetition without bound cannot start inside a run of digits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from service.text.digits import (
    CHINESE_DIGITS,
    DIGIT_LIKE,
    Plain,
    digits_of,
    looks_like_identity,
    passes_luhn,
    plain,
    region_and_birth,
    starts_with_date,
)


class Kind(StrEnum):
    """What a masked number was, in the words that replace it."""

    MOBILE = "手机号"
    FIXED = "固定电话"
    IDENTITY = "身份证号"
    CARD = "银行卡号"
    UNCLEAR = "号码"  # long enough to be one of the above, nothing says which


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without personal numbers, and how many of each kind there were."""

    text: str
    counts: dict[Kind, int] = field(default_factory=dict)


def redact(text: str) -> Redacted:
    """The text with every personal number replaced by its kind, such as 〔手机号〕. Redacting twice changes nothing."""
    windows = _windows(text)
    if not windows:
        return Redacted(text)
    counts: Counter[Kind] = Counter()
    pieces, kept_to = [], 0
    for start, end in windows:
        pieces += [text[kept_to:start], _settled(text[start:end], counts)]
        kept_to = end
    return Redacted("".join([*pieces, text[kept_to:]]), dict(counts))


def mask(text: str) -> str:
    """`redact` without the counts."""
    return redact(text).text


@dataclass(frozen=True, slots=True)
class Rule:
    """What a number of this kind looks like in plain form (group `n`), and the test that decides."""

    kind: Kind
    pattern: re.Pattern[str]
    holds: Callable[[re.Match[str]], bool]


def _windows(text: str) -> list[tuple[int, int]]:
    """The stretches that hold seven or more digits in one run, with the words around them that tell what they are."""
    if _ASTRAL.search(text):
        return [(0, len(text))]
    windows: list[tuple[int, int]] = []
    for run in _RUN.finditer(text):
        start, end = max(0, run.start() - BEFORE), min(len(text), run.end() + AFTER)
        if windows and start <= windows[-1][1]:
            start = windows.pop()[0]
        windows.append((start, end))
    return windows


def _settled(text: str, counts: Counter[Kind]) -> str:
    """All rules, round after round, until a whole round finds nothing.

    Masking one number can bare its neighbour's edge. The result is a fixed point; every round has fewer numbers.
    """
    before = None
    while before != text:
        before = text
        simple = plain(text)
        for rule in RULES:
            if masked := _applied(rule, text, simple, counts):
                text, simple = masked, plain(masked)
    return text


def _applied(rule: Rule, text: str, simple: Plain, counts: Counter[Kind]) -> str | None:
    pieces, kept_to = [], 0
    for found in _found(rule, simple):
        start, end = simple.span_in_source(*found.span("n"))
        pieces += [text[kept_to:start], f"〔{rule.kind}〕"]
        kept_to = end
        counts[rule.kind] += 1
    return "".join([*pieces, text[kept_to:]]) if pieces else None


def _found(rule: Rule, simple: Plain) -> Iterator[re.Match[str]]:
    """Matches that hold, left to right. One that does not hold gives up only its first character."""
    at = 0
    while found := rule.pattern.search(simple.text, at):
        holds = rule.holds(found)
        if holds:
            yield found
        at = found.end("n") if holds else found.start() + 1


_D = "0-9" + "".join(CHINESE_DIGITS)
_GAP = r"[ .\-]{0,3}"
_WIDE_GAP = r"[ .\-()]{0,3}"
_COUNTRY = rf"(?:(?:\(\+?86\)|\+?(?:00)?86){_WIDE_GAP})?"
_LOCAL = r"[2-9]\d{6,7}|[2-9]\d{2,3}[ .\-]{1,3}\d{4}|[2-9]\d(?:[ .\-]\d\d){3}"
_EXTENSION = r"(?:(?:转|分机|-)[ :：]?\d{1,6}(?!\d))?"
_RUN = re.compile(rf"[{DIGIT_LIKE}](?:[^{DIGIT_LIKE}\u4e00-\u9fffA-Za-z\n]*[{DIGIT_LIKE}]){{6,}}")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")  # other scripts' digits live there, emoji too
BEFORE, AFTER = 24, 16  # characters around a run that rules may read: an introducing word, a unit or an extension
_UNIT_AFTER = re.compile(r"(?:\.\d{1,4})?[ ]?(?:元|万元|亿元|美元|人民币|平方|平米|㎡|亩|公里|立方|%|％)")
_ORDER_BEFORE = re.compile(
    r"(?:单号|订单|编号|案号|文号|受理号|流水|工单|批号|代码|区划|地块|宗地|图号|票号|条码|(?<!份)证号)[^\d\n]{0,6}$"
)
# How people break eleven digits: 3-4-4, 3-8 and so on.
_STANDARD_GROUPS = frozenset(["344", "38", "74", "47", "56", "65", "335", "353", "3332", "32222"])
# Leading digits of cards: UnionPay, ICBC's older 9558, Visa, Mastercard, JCB, American Express, Diners. Source: ISO/IEC
# 7812 issuer ranges as commonly published [unverified].
_ISSUERS = ("62", "60", "9558", "4", "51", "52", "53", "54", "55", "35", "34", "37", "36", "38")


def _groups(number: str) -> tuple[int, ...]:
    return tuple(len(group) for group in re.findall(r"\d+", number))


def _is_identity(found: re.Match[str]) -> bool:
    number, groups = digits_of(found["n"]), _groups(found["n"])
    if found["n"].isalnum() or set(groups) == {1}:
        return looks_like_identity(number)
    # Digits of neighbouring numbers may add up to anything, so a number in groups must break where people break it.
    return groups[0] in (3, 4, 6) and all(region_and_birth(number))


def _is_mobile(found: re.Match[str]) -> bool:
    number = found["core"]
    groups, gaps = _groups(number), set(re.findall(r"[ .\-()]", number))
    if len(groups) == 1 or set(groups) == {1} or "".join(map(str, groups)) in _STANDARD_GROUPS:
        return True
    if groups[0] == 4 and number.startswith("19"):  # 1998-10-20-123, 1998-2008 500: a year
        return False
    lone_point = gaps == {"."} and len(groups) == 2  # 138123456.78
    return len(gaps) == 1 and not lone_point and min(groups[1:]) >= 2


def _is_spelt_number(found: re.Match[str]) -> bool:
    return not found["n"].isascii()


def _is_spelt_identity(found: re.Match[str]) -> bool:
    return not found["n"].isascii() and looks_like_identity(digits_of(found["n"]))


def _is_no_quantity(found: re.Match[str]) -> bool:
    return not _UNIT_AFTER.match(found.string, found.end("n"))


def _is_local(found: re.Match[str]) -> bool:
    groups = _groups(found["n"])
    a_date = starts_with_date(digits_of(found["n"])) or re.match(r"(?:19|20)\d\d[ .\-]+(?:19|20)\d\d$", found["n"])
    introduced = found.string[: found.start("n")].endswith((":", "："))
    return _is_no_quantity(found) and (introduced or not (a_date and sum(groups) == 8))


def _is_grouped_card(found: re.Match[str]) -> bool:
    years = re.fullmatch(r"(?:(?:19|20)\d\d[ .\-]){3}(?:19|20)\d\d(?:[ .\-]\d{1,3})?", found["n"])
    return years is None


def _is_spaced_card(found: re.Match[str]) -> bool:
    number = digits_of(found["n"])
    return min(_groups(found["n"])[:-1], default=0) >= 3 and number.startswith(_ISSUERS) and passes_luhn(number)


def _is_account(found: re.Match[str]) -> bool:
    number = digits_of(found["n"])
    a_date = starts_with_date(number) and (len(number) <= 14 or not found["n"].isalnum())
    return _is_no_quantity(found) and not a_date


def _is_card(found: re.Match[str]) -> bool:
    number = found["n"]
    if len(number) > 19:
        return False
    issued, sound = number.startswith(_ISSUERS), passes_luhn(number)
    return (issued and sound) or ((issued or sound) and not _is_explained(found))


def _is_unexplained(found: re.Match[str]) -> bool:
    return not _is_explained(found)


def _is_explained(found: re.Match[str]) -> bool:
    """Whether a run of 13 or more digits is told to be something else than a person's: order, decimal, amount."""
    text, start = found.string, found.start("n")
    before = text[max(0, start - 12) : start]
    a_serial = starts_with_date(found["n"]) or re.search(r"(?:[A-Za-z]-?|\d\.)$", before)
    return bool(a_serial or _ORDER_BEFORE.search(before) or not _is_no_quantity(found))


def _always(_: re.Match[str]) -> bool:
    return True


def _rule(kind: Kind, pattern: str, holds: Callable[[re.Match[str]], bool]) -> Rule:
    return Rule(kind, re.compile(pattern), holds)


_TELEPHONE_WORD = (
    r"(?:电话|座机|致电|拨打|来电|热线|传真|固话|联系方式|[Tt][Ee][Ll]|☎)[^\d\n〕。；;]{0,6}"
    r"|〔(?:固定电话|手机号)〕[、,，；;或和 \-]{1,3}"
)
_ACCOUNT_WORD = r"(?:卡号|账号|帐号|账户|帐户|户头|户号|银行卡)[^\d\n〕。；;]{0,12}"
_SPELT_3_TO_9 = "3-9" + "".join(char for char, digit in CHINESE_DIGITS.items() if digit >= "3")

# In this order: the more a kind's shape says by itself, the earlier it is asked.
RULES: tuple[Rule, ...] = (
    _rule(Kind.IDENTITY, rf"(?<!\d)(?P<n>[1-9](?:{_GAP}\d){{16}}{_GAP}(?:\d(?!\d)|X))", _is_identity),
    _rule(Kind.IDENTITY, rf"(?<!\d)(?P<n>[1-9](?:{_GAP}\d){{14}})(?!\d)", _is_identity),
    _rule(Kind.IDENTITY, rf"身份证[^\d\n〕。；;]{{0,8}}(?P<n>\d(?:{_GAP}\d){{12,18}}X?)(?!\d)", _always),
    _rule(Kind.MOBILE, r"(?<!\d)(?P<n>(?:1[3-9]\d{9}){2,9})(?!\d)", _always),
    _rule(
        Kind.MOBILE,
        rf"(?<!\d)(?P<n>(?:{_COUNTRY}|0)\(?(?P<core>1{_WIDE_GAP}[3-9](?:{_WIDE_GAP}\d){{9}}))(?!\d)",
        _is_mobile,
    ),
    _rule(
        Kind.FIXED,
        rf"(?<!\d)(?P<n>{_COUNTRY}\(?0(?:10|2\d|[3-9]\d\d)\)?{_GAP}(?:{_LOCAL})(?!\d){_EXTENSION})",
        _always,
    ),
    _rule(Kind.FIXED, rf"(?<!\d)(?P<n>[48]00{_GAP}\d(?:{_GAP}\d){{6}})(?!\d)", _is_no_quantity),
    _rule(Kind.FIXED, rf"(?:{_TELEPHONE_WORD})(?P<n>(?:\d{{7,12}}|{_LOCAL})(?!\d){_EXTENSION})", _is_local),
    _rule(Kind.IDENTITY, rf"(?P<n>[{_D}](?:{_GAP}[{_D}]){{16}}{_GAP}[{_D}X])", _is_spelt_identity),
    _rule(Kind.MOBILE, rf"(?P<n>[1一壹幺]{_GAP}[{_SPELT_3_TO_9}](?:{_GAP}[{_D}]){{9}})", _is_spelt_number),
    _rule(
        Kind.CARD,
        r"(?<!\d)(?P<n>\d{4}(?P<gap>[ .\-])(?:\d{4}(?P=gap)){2}\d{4}(?:(?P=gap)\d{1,3})?)(?!\d)",
        _is_grouped_card,
    ),
    _rule(Kind.CARD, rf"(?:{_ACCOUNT_WORD})(?P<n>\d(?:{_GAP}\d){{8,29}})(?!\d)", _is_account),
    _rule(Kind.CARD, rf"(?<!\d)(?P<n>\d(?:{_GAP}\d){{12,18}})(?!\d)", _is_spaced_card),
    _rule(Kind.CARD, r"(?<!\d)(?P<n>\d{13,19})(?!\d)", _is_card),
    _rule(Kind.UNCLEAR, r"(?<![0-9A-Za-z])(?P<n>\+\d{1,3}(?:[ .\-()]{0,3}\d){7,12})(?!\d)", _always),
    _rule(Kind.UNCLEAR, r"(?<!\d)(?P<n>\d{13,})(?!\d)", _is_unexplained),
)
