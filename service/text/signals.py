"""Signals (信号) and head-counts read from a text: facts about an event, never about a person.

Weaker evidence than what the person who reports states. A phrase that is denied, asked or only feared does not count.
Phrases, guards and bounds are data: signals_lexicon.yaml.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from service.domain.yaml_files import read_yaml
from service.text.numerals import NUMBER, at_least, plain_digits
from service.text.wordlist import Words

LEXICON = Path(__file__).with_name("signals_lexicon.yaml")
_CLAUSE_END = "，。；！？、,;!?\n：:"
_GAP = f"[^{_CLAUSE_END}]{{0,10}}?"
_CLAUSE_END_AT = re.compile(f"[{_CLAUSE_END}]")
REACH = 24  # characters around a phrase that its guards may read


@dataclass(frozen=True, slots=True)
class Guard:
    """What takes a phrase back when it stands before it, after it, or anywhere in its clause."""

    before: re.Pattern[str] | None = None
    after: re.Pattern[str] | None = None
    clause: re.Pattern[str] | None = None

    def holds(self, before: str, phrase: str, after: str) -> bool:
        return bool(
            (self.before and self.before.search(before))
            or (self.after and self.after.search(after))
            or (self.clause and self.clause.search(before + phrase + after))
        )


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way a signal is said, entered through its first word."""

    code: str
    written: str  # a regular expression; four hundred of them, most of them rare, are compiled when their word is met
    guards: tuple[Guard, ...]
    not_in: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What signals_lexicon.yaml says."""

    version: str
    phrases: dict[str, tuple[Phrase, ...]]  # by first word
    words: Words


def _any_of(words: list[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


def _guards(words: dict[str, list[str]]) -> dict[str, Guard]:
    links = _any_of(words["negation_links"])
    return {
        "negation": Guard(before=re.compile(f"(?:{_any_of(words['negation'])})(?:{links}){{0,3}}$")),
        "question": Guard(
            before=re.compile(f"(?:{_any_of(words['question'])})"),
            after=re.compile(f"(?:{_any_of(words['question_end'])})$"),
        ),
        "condition": Guard(before=re.compile(f"(?:{_any_of(words['condition'])}).{{0,10}}$")),
        "norm": Guard(before=re.compile(f"(?:{_any_of(words['norm'])}).{{0,6}}$")),
        "right_to_petition": Guard(clause=re.compile(_any_of(words["right_to_petition"]))),
    }


def _phrases(code: str, entry: dict[str, Any], guards: dict[str, Guard]) -> Iterator[tuple[str, Phrase]]:
    own = tuple(guards[name] for name in entry["guards"])
    not_in = re.compile(_any_of(entry["not_in"])) if "not_in" in entry else None
    for written in entry["phrases"]:
        first, gap, second = re.fullmatch("([^…+]+)([…+]?)(.*)", written).groups()  # type: ignore[union-attr]
        rest = f"{_GAP if gap == '…' else ''}(?P<second>{_any_of(second.split('|'))})" if second else "(?P<second>)"
        for word in first.split("|"):
            yield word, Phrase(code, re.escape(word) + rest, own, not_in)


def _lexicon(content: dict[str, Any]) -> Lexicon:
    guards = _guards(content["guards"])
    phrases: defaultdict[str, list[Phrase]] = defaultdict(list)
    for code, entry in content["signals"].items():
        for word, phrase in _phrases(code, entry, guards):
            phrases[word].append(phrase)
    return Lexicon(content["version"], {word: tuple(found) for word, found in phrases.items()}, Words.of(phrases))


_CONTENT: dict[str, Any] = read_yaml(LEXICON)
_LEXICON = _lexicon(_CONTENT)
VERSION = _LEXICON.version
READABLE = frozenset(_CONTENT["signals"])  # codes of signals.yaml a text can yield


def read_signals(text: str) -> frozenset[str]:
    """Codes of signals.yaml the text states as facts."""
    said = (phrase for word in _LEXICON.words.found_in(text) for phrase in _LEXICON.phrases[word])
    found: set[str] = set()
    for phrase in said:
        if phrase.code not in found and _is_stated(phrase, text):
            found.add(phrase.code)
    return frozenset(found)


@cache
def _compiled(written: str) -> re.Pattern[str]:
    return re.compile(written)


def _is_stated(phrase: Phrase, text: str) -> bool:
    return any(not _is_taken_back(phrase, text, match) for match in _compiled(phrase.written).finditer(text))


def _is_taken_back(phrase: Phrase, text: str, match: re.Match[str]) -> bool:
    start, end = match.span()
    if phrase.not_in and phrase.not_in.search(text[max(0, start - 4) : end + 4]):
        return True
    said_before, said_after = _rest_of_clause(text, start, end)
    between = text[start : match.start("second")]  # empty when the phrase is one word
    return any(
        guard.holds(said_before, match.group(), said_after)
        or (between and guard.holds(said_before + between, match["second"], said_after))
        for guard in phrase.guards
    )


def _rest_of_clause(text: str, start: int, end: int) -> tuple[str, str]:
    """What the clause says before and after a span, at most `REACH` characters each way."""
    before, after = text[max(0, start - REACH) : start], text[end : end + REACH]
    return _CLAUSE_END_AT.split(before)[-1], _CLAUSE_END_AT.split(after, maxsplit=1)[0]


_BOUNDS: dict[str, Any] = _CONTENT["headcount"]
_CHINESE_NUMBER = "零〇一二两三四五六七八九十百千万几数"
_NUMBER_STARTS = rf"(?=[近上廿\d{_CHINESE_NUMBER}])(?<![A-Za-z\d.亿{_CHINESE_NUMBER}])"
_NOT_PERSON = "(?![民均大防次行才力事工社体形车员流格身生间道制桌帮转保为造数格类])"
_HEADCOUNT = re.compile(
    rf"{_NUMBER_STARTS}(?P<low>(?:{NUMBER})[-—~～至到])?(?P<number>{NUMBER})[ ]?"
    rf"(?:(?:名|位|个|号|口)?人{_NOT_PERSON}|户(?![型口籍外内名头门室均])"
    rf"|(?P<measure>名|位|个|户(?!型)|家|口)?(?P<kind>[\u4e00-\u9fff]{{0,4}}?)(?:{_any_of(_BOUNDS['nouns'])}))"
)
_PETITION = re.compile(_any_of(_CONTENT["guards"]["right_to_petition"]))  # who goes there, and how many, is not counted
_NOT_AFTER = re.compile(f"(?:{_any_of(_BOUNDS['not_after'])})[^{_CLAUSE_END}]{{0,2}}$")
_NOT_BEFORE = re.compile(_any_of(_BOUNDS["not_before"]))
_NOT_THESE = re.compile(_any_of(_BOUNDS["not_these"]))
# 302业主 is a door, 912司机 a bus line, 12345市民热线 a telephone, 万老师 a name: a bare number counts if it is round.
_BARE_NUMBER = re.compile(rf"(?:\d*[1-9]|\d*[1-9]0|[十百千万])(?:{_any_of(_BOUNDS['nouns'])})")


def people_in(text: str) -> int | None:
    """The largest plausible head-count the text names, read carefully: 几十人 is 20, 100多户 is 100. None: no count."""
    text = plain_digits(text)
    counts = [count for match in _HEADCOUNT.finditer(text) if (count := _count(text, match)) is not None]
    return max(counts, default=None)


def _count(text: str, match: re.Match[str]) -> int | None:
    before, after = _rest_of_clause(text, *match.span())
    around = match["kind"] or ""
    if (around and not match["measure"]) or _BARE_NUMBER.fullmatch(match.group()):
        return None
    if _PETITION.search(f"{before}，{after}") or _NOT_THESE.search(f"{before[-6:]}，{around}{after[:4]}"):
        return None
    if _NOT_AFTER.search(before) or _NOT_BEFORE.match(after):
        return None
    count = at_least((match["low"] or match["number"]).rstrip("-—~～至到"), _BOUNDS["some"], _BOUNDS["nearly"])
    return count if _BOUNDS["least"] <= count <= _BOUNDS["most"] else None
