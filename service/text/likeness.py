"""Likeness (相似度) of two reports, for joining a report to an open matter and for spotting the same text sent twice.

A sketch is made from masked text only. It holds pairs of neighbouring characters, hashed to 24 bits and put in order of
their hashes: about twenty-five pairs fall on each value and their order in the text is gone. That is no encryption, but
nothing is in it that the masked text does not say. Likeness is the cosine of two sketches: pairs in a title count more,
pairs of words that many matters share count little, courtesies do not count. Version, words and thresholds are data.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import product
from math import sqrt
from operator import add
from pathlib import Path
from typing import Any, Generic, TypeVar
from zlib import crc32

from service.domain.yaml_files import read_yaml

Key = TypeVar("Key", bound=Hashable)
WORDS = Path(__file__).with_name("likeness.yaml")
NOTHING, COMMON = 0, 1
FORMAT = 1  # first byte of a stored sketch; raise it when hashing or packing changes
_HASH_BITS, _WEIGHT_BITS = 24, 3
_HASH_MASK = (1 << _HASH_BITS) - 1
_WEIGHT_MASK = (1 << _WEIGHT_BITS) - 1
MOST_HASHES = 16_384  # pairs whose hash is kept; some 200 bytes each
_ALMOST = 1 - 1e-9  # what is surely too unlike is left out by a product, the rest is decided by the exact quotient


def _pairs(text: str) -> set[str]:
    return set(map(add, text, text[1:]))


@dataclass(frozen=True, slots=True)
class Wording:
    """What likeness.yaml says."""

    version: str
    text_characters: int
    weights: dict[str, int]
    ranks: dict[str, int]  # pair → NOTHING or COMMON; a pair not listed tells matters apart


def _wording(path: Path) -> Wording:
    content: dict[str, Any] = read_yaml(path)
    ranks = {pair: COMMON for word in content["common"].split() for pair in _pairs(word)}
    ranks |= {pair: NOTHING for word in content["nothing"].split() for pair in _pairs(word)}
    ranks |= {digit + after: NOTHING for digit in "0123456789" for after in "0123456789年月日点时分元万"}
    return Wording(
        version=content["version"],
        text_characters=content["sketch"]["text_characters"],
        weights=content["sketch"]["weights"],
        ranks=ranks,
    )


WORDING = _wording(WORDS)


@dataclass(frozen=True, slots=True)
class Sketch:
    """Hashed pairs with their weights, `hash << 3 | weight`, ascending. Four bytes a pair, some 150 pairs a report."""

    packed: tuple[int, ...]

    def to_bytes(self) -> bytes:
        return struct.pack(f"<B{len(self.packed)}I", FORMAT, *self.packed)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Sketch:
        """Raises ValueError when the bytes are no sketch of this format; it must then be made anew from the text."""
        if len(stored) % 4 != 1 or stored[0] != FORMAT:
            raise ValueError(f"not a sketch of format {FORMAT}: {len(stored)} bytes")
        return cls(struct.unpack_from(f"<{len(stored) // 4}I", stored, 1))

    def by_weight(self) -> list[tuple[int, list[int]]]:
        """The hashes of each weight: three or four weights stand for all pairs, and what they share is done once."""
        hashes: tuple[list[int], ...] = ([], [], [], [], [], [], [], [])  # a place for each weight
        for item in self.packed:
            hashes[item & _WEIGHT_MASK].append(item >> _WEIGHT_BITS)
        return [(weight, found) for weight, found in enumerate(hashes) if found]


def sketch(title: str | None, masked_text: str, without: Iterable[str] = ()) -> Sketch:
    """The sketch of one report. `without`: names all candidates share, such as those of the district and city."""
    words = WORDING
    title, text = title or "", masked_text[: words.text_characters]
    for name in without:
        title, text = title.replace(name, "\n"), text.replace(name, "\n")
    weights = _weighed(text, words.weights["text"], words.weights["text_common"])
    weights.update(_weighed(title, words.weights["title"], words.weights["title_common"]))
    return Sketch(tuple(sorted(hashed << _WEIGHT_BITS | weight for hashed, weight in weights.items())))


def _weighed(text: str, weight: int, weight_if_common: int) -> dict[int, int]:
    pairs = list(map(add, text, text[1:]))
    known = list(map(WORDING.ranks.get, pairs))
    # 拖欠农民工: a pair that joins two listed words (欠农) tells no more than they do.
    ranks = [
        (left or right) if rank is None and left is not None and right is not None else rank
        for rank, left, right in zip(known, [None, *known], [*known[1:], None], strict=False)
    ]
    weights = (weight_if_common, weight)
    return {
        hashed: weights[rank is None]
        for hashed, rank in zip(map(_HASHES.__getitem__, pairs), ranks, strict=True)
        if rank != NOTHING and hashed is not None
    }


class _Hashes(dict[str, int | None]):
    """The hash of a pair, None when it is no word; kept for the pairs that were met first, as they come all day."""

    def __missing__(self, pair: str) -> int | None:
        hashed = crc32(pair.encode()) & _HASH_MASK if pair.isalnum() else None
        if len(self) < MOST_HASHES:
            self[pair] = hashed
        return hashed


_HASHES = _Hashes()


def likeness(a: Sketch, b: Sketch) -> float:
    """0–1, symmetric, 1.0 for equal sketches; 0.0 when either is empty, for nothing said is like nothing."""
    return Comparable.of(a).likeness(Comparable.of(b))


@dataclass(frozen=True, slots=True)
class Comparable:
    """A sketch laid out once to be compared with many: the laying out costs more than a comparison.

    Its hashes by weight: meeting whole sets is a tenth of the work of meeting their members one by one.
    """

    hashes: tuple[tuple[int, frozenset[int]], ...]
    square: int

    @classmethod
    def of(cls, laid_out: Sketch) -> Comparable:
        by_weight = laid_out.by_weight()
        return cls(tuple([(weight, frozenset(found)) for weight, found in by_weight]), _square(by_weight))

    def likeness(self, other: Comparable) -> float:
        """As the function of this name."""
        shared = sum([a * b * len(mine & theirs) for a, mine in self.hashes for b, theirs in other.hashes])
        return shared / sqrt(self.square * other.square) if shared else 0.0


def _square(by_weight: Iterable[tuple[int, list[int]]]) -> int:
    return sum([weight * weight * len(found) for weight, found in by_weight])


class SketchIndex(Generic[Key]):
    """Open matters by the pairs in their sketches: one look-up meets only those that share something.

    Built once per batch and grown as new matters open. A key may be added more than once (several reports of one
    matter); its likeness is that of its most alike sketch. Not safe to share between threads while it grows.
    """

    def __init__(self, candidates: Iterable[tuple[Key, Sketch]] = ()) -> None:
        self._keys: list[Key] = []
        self._squares: list[int] = []
        self._lengths: list[float] = []  # the roots of the squares
        # For each weight, hash → numbers of the sketches that hold it so: plain lists of numbers are quick to add up.
        self._holders: defaultdict[int, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for key, candidate in candidates:
            self.add(key, candidate)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: Key, candidate: Sketch) -> None:
        number, by_weight = len(self._keys), candidate.by_weight()
        square = _square(by_weight)
        self._keys.append(key)
        self._squares.append(square)
        self._lengths.append(sqrt(square))
        for weight, hashes in by_weight:
            holders = self._holders[weight]
            for hashed in hashes:
                holders[hashed].append(number)

    def best(self, sought: Sketch, minimum: float) -> list[tuple[Key, float]]:
        """Keys at least `minimum` alike with their likeness, most alike first; equals in the order they were added."""
        by_weight, lengths = sought.by_weight(), self._lengths
        square = _square(by_weight)
        least = minimum * sqrt(square) * _ALMOST
        near = [
            (number, shared)
            for number, shared in enumerate(self._shared(by_weight))
            if shared and shared > least * lengths[number]
        ]
        found: dict[Key, float] = {}
        for number, shared in near:
            if (alike := shared / sqrt(square * self._squares[number])) >= minimum:
                key = self._keys[number]
                found[key] = max(alike, found.get(key, 0.0))
        return sorted(found.items(), key=lambda item: -item[1])

    def _shared(self, by_weight: list[tuple[int, list[int]]]) -> list[int]:
        shared = [0] * len(self._keys)
        for (weight, hashes), (other, holders) in product(by_weight, self._holders.items()):
            together = weight * other
            for hashed in holders.keys() & hashes:
                for number in holders[hashed]:
                    shared[number] += together
        return shared
