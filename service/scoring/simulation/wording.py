"""Words for simulated reports: an invented place or employer per matter, its Chinese sentences and the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from service.domain.yaml_files import read_yaml
from service.scoring.simulation.parameters import SimulationParameters

KINDS_FILE = Path(__file__).parent / "kinds.yaml"


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of matter. `facts` are probabilities that a fact holds from the start."""

    code: str
    subject: str
    opening: tuple[str, ...]
    again: tuple[str, ...]
    weight: float
    people: float
    prone: float
    facts: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class ProjectSort:
    """A kind of project, how common it is, and the shares of the categories its matters have."""

    kind: str
    weight: float
    matters: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that is read from kinds.yaml."""

    kinds: tuple[Kind, ...]
    artefact: Kind
    projects: tuple[ProjectSort, ...]
    departments: tuple[tuple[str, tuple[str, ...]], ...]  # name without the district, categories answered for
    heads: tuple[str, str]
    tails: dict[str, tuple[str, ...]]
    said: dict[str, tuple[str, ...]]
    closing: tuple[str, ...]
    actions: tuple[str, ...]
    towns: tuple[str, ...]
    communities: tuple[str, ...]

    def subject(self, sort: str, used: set[str], rng: Random) -> str:
        """A name of this sort that no other matter of the district bears; numbered when all are taken."""
        for attempt in range(1000):
            name = "".join(rng.choice(list(part)) for part in self.heads) + rng.choice(self.tails[sort])
            name += f"（{attempt // 30 + 1}）" if attempt >= 30 else ""
            if name not in used:
                used.add(name)
                return name
        raise ValueError(f"no free name of sort {sort}")


@dataclass(frozen=True, slots=True)
class Written:
    """One text and the facts it tells."""

    text: str
    told: tuple[str, ...]


@cache
def load_vocabulary(file: Path = KINDS_FILE) -> Vocabulary:
    """Read kinds.yaml."""
    read = read_yaml(file)
    return Vocabulary(
        kinds=tuple(_kind(row) for row in read["kinds"]),
        artefact=_kind(read["artefact"]),
        projects=tuple(ProjectSort(r["kind"], r["weight"], tuple(r["matters"].items())) for r in read["projects"]),
        departments=tuple((row["name"], tuple(row["categories"])) for row in read["departments"]),
        heads=(read["heads"][0], read["heads"][1]),
        tails={sort: tuple(tails) for sort, tails in read["tails"].items()},
        said={fact: tuple(sentences) for fact, sentences in read["said"].items()},
        closing=tuple(read["closing"]),
        actions=tuple(read["actions"]),
        towns=tuple(read["towns"]),
        communities=tuple(read["communities"]),
    )


def write(opening: str, facts: Sequence[str], words: Vocabulary, rng: Random) -> Written:
    """A text of an opening, the facts in their sentences and a closing."""
    sentences = [rng.choice(words.said[fact]) for fact in facts]
    return Written("".join([opening, *sentences, rng.choice(words.closing)]), tuple(facts))


def chosen(items: Sequence[str], share: float, rng: Random) -> list[str]:
    """Each item with the probability `share`, in the given order."""
    return [item for item in items if rng.random() < share]


def found_in(told: Sequence[str], words: Vocabulary, p: SimulationParameters, rng: Random) -> frozenset[str]:
    """What the text reader finds: most of what is told, rarely something that is not."""
    found = chosen(told, p.text_found, rng)
    if rng.random() < p.text_false:
        found.append(rng.choice(list(words.said)))
    return frozenset(found)


def _kind(row: dict[str, Any]) -> Kind:
    return Kind(
        code=row["code"],
        subject=row["subject"],
        opening=tuple(row["opening"]),
        again=tuple(row["again"]),
        weight=float(row["weight"]),
        people=float(row["people"]),
        prone=float(row["prone"]),
        facts=tuple(row["facts"].items()),
    )
