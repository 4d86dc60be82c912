"""Category (类别) of a report that names none: a weighted lexicon, read from data, that says which words it found."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.domain.catalogue import UNSORTED, Catalogue
from service.domain.yaml_files import read_yaml
from service.text.wordlist import Words

LEXICON = Path(__file__).with_name("categories_lexicon.yaml")


@dataclass(frozen=True, slots=True)
class Categorised:
    """A category code, the words that spoke for it, and a confidence 0–1: its share of all evidence, no probability."""

    code: str
    matched: tuple[str, ...] = ()
    confidence: float = 0.0


class Categoriser:
    """Built once; `category` is pure. Raises ValueError when the lexicon names a category the catalogue lacks."""

    def __init__(self, catalogue: Catalogue, lexicon: Path = LEXICON) -> None:
        content: dict[str, Any] = read_yaml(lexicon)
        self.version: str = content["version"]
        self._rules: dict[str, float] = content["rules"]
        self._weights: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
        for code, by_weight in content["terms"].items():
            if code not in catalogue.categories:
                raise ValueError(f"{lexicon.name}: no such category: {code}")
            for weight, words in by_weight.items():
                for word in words:
                    self._weights[word].append((code, float(weight)))
        self._words = Words.of(self._weights)

    def category(self, title: str | None, text: str) -> Categorised:
        """The category the words speak for most; `other` with confidence 0 when they say too little."""
        title = title or ""
        found = self._words.found_in(f"{title}\n{text}")
        scores: defaultdict[str, float] = defaultdict(float)
        for word in found:
            factor = self._rules["title_factor"] if word in title else 1.0
            for code, weight in self._weights[word]:
                scores[code] += weight * factor
        return self._best(scores, found)

    def _best(self, scores: dict[str, float], found: list[str]) -> Categorised:
        total = sum(scores.values())
        backed = self._with_siblings(scores)
        # Equal scores go to the more specific, then to the first in the alphabet: the same text, the same answer.
        best = min(backed, key=lambda code: (-backed[code], -code.count("."), code), default=UNSORTED)
        if scores.get(best, 0.0) < self._rules["least_score"]:
            return Categorised(UNSORTED)
        matched = sorted(word for word in found if any(code == best for code, _ in self._weights[word]))
        return Categorised(best, tuple(matched), round(scores[best] / (total + self._rules["doubt"]), 3))

    def _with_siblings(self, scores: dict[str, float]) -> dict[str, float]:
        """Words for 社会保险 also make 欠薪 likelier than 物业: each score is backed by part of its family's."""
        families: defaultdict[str, float] = defaultdict(float)
        for code, score in scores.items():
            families[code.partition(".")[0]] += score
        share = self._rules["sibling_share"]
        return {code: score + share * (families[code.partition(".")[0]] - score) for code, score in scores.items()}
