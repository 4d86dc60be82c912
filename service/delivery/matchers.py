"""Matchers of labels in Alertmanager's grammar: `name op value`, op one of = != =~ !~, names in any script.

Regular expressions are RE2's, anchored at both ends, as Alertmanager's own are: they cost time in proportion to the
text, whatever somebody writes, and mean the same here as there. A label that is missing is an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import re2

MOST_CHARACTERS = 1000  # of one value; a longer expression is a mistake
MOST_REMEMBERED = 2048  # answers of one expression; the same few hundred values come back all day
_BARE = re.compile(r"[^{}!=~,\\\"'`\s]+")
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\[^\n])*)"')
_ESCAPE = re.compile(
    r'\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))', re.DOTALL
)
_SIMPLE = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True))
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"'}
Labels = Mapping[str, str]


class MatcherError(ValueError):
    """A matcher that cannot be read; `column` counts from 1. The text is Chinese and says what would be right."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column


class Op(StrEnum):
    """How a label is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. Made by `matcher` or by parsing; equal when name, operator and value are."""

    name: str
    op: Op
    value: str
    _holds: Callable[[str], bool] = field(compare=False, repr=False)

    def matches(self, labels: Labels) -> bool:
        return self._holds(labels.get(self.name, ""))

    @property
    def matches_empty(self) -> bool:
        """Whether it holds for what lacks the label; a silence of such matchers alone would hide everything."""
        return self._holds("")

    def __str__(self) -> str:
        """The same again when parsed."""
        name = self.name if _BARE.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.op}{_quoted(self.value)}"


def matcher(name: str, op: str, value: str) -> Matcher:
    """A matcher of its three parts. Raises MatcherError."""
    if not name:
        raise MatcherError(1, "标签名不能为空")
    if len(value) > MOST_CHARACTERS:
        raise MatcherError(1, f"“{name}”的值超过 {MOST_CHARACTERS} 个字符")
    return Matcher(name, Op(op), value, _test(Op(op), value))


def parse_matcher(text: str) -> Matcher:
    """One matcher without braces, such as `级别=~"红|橙"`. Raises MatcherError."""
    found = parse_matchers(text)
    if len(found) != 1 or text.lstrip().startswith("{"):
        raise MatcherError(1, f'这里要写一个匹配条件，得到 {len(found)} 个；例如 level="red"')
    return found[0]


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Matchers with commas between, in braces or not: `{level="red",area=~"3601.*"}`. Raises MatcherError."""
    return _Reader(text).everything()


def all_match(matchers: Iterable[Matcher], labels: Labels) -> bool:
    return all(one.matches(labels) for one in matchers)


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def everything(self) -> tuple[Matcher, ...]:
        braced = self._take("{")
        found = []
        while not self._ends(braced):
            found.append(self._matcher())
            if not self._take(",") and not self._ends(braced):
                raise self._error("条件之间要用逗号分开")
        if braced and not self._take("}"):
            raise self._error("缺少右花括号 }")
        self._space()
        if self._at < len(self._text):
            raise self._error(f"多出“{self._text[self._at :][:20]}”")
        return tuple(found)

    def _ends(self, braced: bool) -> bool:
        self._space()
        return self._at >= len(self._text) or (braced and self._text[self._at] == "}")

    def _matcher(self) -> Matcher:
        began = self._at
        name = self._word("标签名")
        op = next((one for one in ("=~", "!~", "!=", "=") if self._take(one)), None)
        if op is None:
            raise self._error(f"“{name}”之后要写 = != =~ !~ 之一")
        try:
            return matcher(name, op, self._word(f"“{name}”的值"))
        except MatcherError as error:
            raise MatcherError(max(error.column, began + 1), str(error)) from None

    def _word(self, what: str) -> str:
        self._space()
        if self._text[self._at : self._at + 1] == '"':
            found = _QUOTED.match(self._text, self._at)
            if found is None:
                raise self._error("引号没有配对")
            word = self._unquoted(found.group(1))
        else:
            found = _BARE.match(self._text, self._at)
            if found is None:
                raise self._error(f"缺少{what}；含特殊字符的要加双引号")
            word = found.group()
        self._at = found.end()
        return word

    def _unquoted(self, inside: str) -> str:
        """What a Go string literal stands for; escaped bytes must add up to UTF-8."""
        try:
            return _ESCAPE.sub(self._unescaped, inside).encode("utf-8", "surrogateescape").decode("utf-8")
        except UnicodeError:
            raise self._error("引号内不是合法的 UTF-8 文字") from None

    def _unescaped(self, found: re.Match[str]) -> str:
        simple, byte, octal, short, long, other = found.groups()
        if other is not None:
            raise self._error(f"不认识的转义 \\{other}")
        if simple is not None:
            return _SIMPLE[simple]
        if short or long:
            code = int(short or long, 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise self._error(f"\\u{short or long} 不是有效的字符")
            return chr(code)
        return bytes([int(byte, 16) if byte else int(octal, 8)]).decode("utf-8", "surrogateescape")

    def _take(self, word: str) -> bool:
        self._space()
        if not self._text.startswith(word, self._at):
            return False
        self._at += len(word)
        return True

    def _space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _error(self, message: str) -> MatcherError:
        return MatcherError(self._at + 1, message)


def _test(op: Op, value: str) -> Callable[[str], bool]:
    if op is Op.EQUAL:
        return value.__eq__
    if op is Op.NOT_EQUAL:
        return value.__ne__
    return _Remembered(_compiled(value).fullmatch, negated=op is Op.NOT_MATCHES).__getitem__


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise MatcherError(1, f"正则表达式“{pattern[:60]}”有误（RE2）：{said}") from None


class _Remembered(dict[str, bool]):
    """The answers of one expression by text."""

    def __init__(self, fullmatch: Callable[[str], object], negated: bool) -> None:
        super().__init__()
        self._fullmatch, self._negated = fullmatch, negated

    def __missing__(self, text: str) -> bool:
        answer = (self._fullmatch(text) is not None) != self._negated
        if len(self) < MOST_REMEMBERED:
            self[text] = answer
        return answer


def _quoted(text: str) -> str:
    return '"' + "".join(_SHORT.get(char, char) for char in text) + '"'
