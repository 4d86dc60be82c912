"""Chinese and Arabic numbers as written in reports: 三百余, 1.2万, 几十, 两三百. Always the careful, lower reading."""

from __future__ import annotations

import re

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0, "廿": 20}
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_FULL_WIDTH = str.maketrans("０１２３４５６７８９．＋", "0123456789.+")
_NEXT_TO_EACH_OTHER = re.compile("|".join(["一二", "二三", "两三", "三四", "四五", "五六", "六七", "七八", "八九"]))
# Every repetition is bounded: a run of thousands of number characters must cost no more than its length.
NUMBER = (
    r"近?(?:\d{1,3}(?:,\d{3}){1,2}|\d{1,8}(?:\.\d{1,4})?|[上几数]?[零〇一二两三四五六七八九十百千万廿]{1,10}|[几数](?=[名位个户]))"
    r"[十百千万]{0,2}几?[多余来]?[百千万]?[多余来+]?"
)


def plain_digits(text: str) -> str:
    """Full-width digits to plain ones; every character keeps its place."""
    return text.translate(_FULL_WIDTH)


def at_least(number: str, some: int, nearly: float) -> int:
    """The least a number matched by `NUMBER` can mean. 几 and 数 stand for `some`; 近 takes it times `nearly`."""
    value = _value(re.sub("[近上多余来+,]", "", number), some)
    return int(value * nearly) if number.startswith("近") else int(value)


def _value(number: str, some: int) -> float:
    arabic = re.match(r"[\d.]+", number)
    if arabic:
        value = float(arabic.group())
        for scale in number[arabic.end() :].replace("几", ""):
            value *= _SCALES[scale]
        return value
    number = re.sub("(?<=[十百千万])几", "", number)  # 十几 is ten at least
    number = _NEXT_TO_EACH_OTHER.sub(lambda pair: pair.group()[0], number)  # 两三百 is two hundred at least
    return _chinese(number, some)


def _chinese(number: str, some: int) -> int:
    whole = below_ten_thousand = digit = 0
    for char in number:
        scale = _SCALES.get(char)
        if scale is None:
            digit = some if char in "几数" else _DIGITS[char]
        elif scale == 10_000:
            whole, below_ten_thousand, digit = max(1, whole + below_ten_thousand + digit) * scale, 0, 0
        else:
            below_ten_thousand, digit = below_ten_thousand + max(1, digit) * scale, 0
    return whole + below_ten_thousand + digit
