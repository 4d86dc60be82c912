"""Finding many words in one text at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import add


@dataclass(frozen=True, slots=True)
class Words:
    """Words of two or more characters, found by the pair they begin with: sets of pairs meet, few words remain."""

    by_pair: dict[str, tuple[str, ...]]
    pairs: frozenset[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> Words:
        by_pair: defaultdict[str, list[str]] = defaultdict(list)
        for word in words:
            if len(word) < 2:
                raise ValueError(f"a word needs two characters at least: {word!r}")
            by_pair[word[:2]].append(word)
        return cls({pair: tuple(found) for pair, found in by_pair.items()}, frozenset(by_pair))

    def found_in(self, text: str) -> list[str]:
        """The words that occur in the text, each once, in no particular order."""
        pairs = self.pairs.intersection(map(add, text, text[1:]))
        return [word for pair in pairs for word in self.by_pair[pair] if len(word) == 2 or word in text]
