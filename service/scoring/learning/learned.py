"""What was learned, as plain arrays: it predicts with numpy alone and can be written as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.scoring.evaluate import Numbers
from service.scoring.learning.calibration import Calibration
from service.scoring.learning.choice import Chosen
from service.scoring.learning.conformal import Conformal
from service.scoring.learning.events import Events
from service.scoring.learning.forest import FEWEST_IN_LEAF, Forest
from service.scoring.learning.line import Line, sigmoid
from service.scoring.learning.novelty import Seen
from service.scoring.learning.reading import Column, Frame, frame_of, values_of
from service.scoring.learning.shapes import Design
from service.scoring.learning.windows import Past


@dataclass(frozen=True, slots=True)
class Predicted:
    """[n] probabilities, ends of their intervals; `outside` says for each row why it lies outside, if it does."""

    probability: Numbers
    low: Numbers
    high: Numbers
    classes: Sequence[str]
    outside: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Model:
    """The parts that speak. `numbers` are those used; `history` group → log-odds over those of `base`."""

    numbers: tuple[str, ...]
    design: Design
    tree_columns: tuple[str, ...]
    line: Line | None
    forest: Forest | None
    base: float
    history: Mapping[str, float]

    def log_odds(self, frame: Frame, chosen: Chosen, groups: Sequence[str] | None) -> Numbers:
        """[n] before calibration."""
        if self.line is None and self.forest is None:
            known = self.history if chosen.way == "history" else {}
            return self.base + np.array([known.get(group, 0.0) for group in groups or [""] * len(frame.numbers)])
        frame = frame.only(self.numbers)
        total = np.zeros(len(frame.numbers))
        if self.line:
            total += chosen.share * self.line.log_odds(self.design.table(frame))
        if self.forest:
            total += (1 - chosen.share) * self.forest.log_odds(tree_table(frame, self.tree_columns))
        return total


@dataclass(frozen=True, slots=True)
class Learned:
    """Everything that a prediction needs. `past` are the events known when it was learned, by group."""

    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    past: Past
    model: Model
    calibration: Calibration
    chosen: Chosen
    conformal: Conformal
    seen: Seen
    known_groups: frozenset[str]

    def predict(self, events: Events, past: Past | None = None) -> Predicted:
        """For each event, from what lies before it. `past` takes the place of the events it was learned from."""
        frame = frame_of(self.columns, events, self.past if past is None else past)
        odds = self.calibration.log_odds(self.model.log_odds(frame, self.chosen, events.groups))
        probability, classes = sigmoid(odds), self._classes(events)
        low, high = self.conformal.ends(probability, classes)
        return Predicted(probability, low, high, classes, self._outside(events))

    def _classes(self, events: Events) -> list[str]:
        of = next((column for column in self.columns if column.name == self.conformal.column), None)
        return values_of(of, events) if of else [""] * len(events)

    def _outside(self, events: Events) -> list[tuple[str, ...]]:
        reasons = self.seen.reasons(self.columns, events)
        groups = events.groups or [""] * len(events)
        known = self.known_groups or {""}
        unmet = [() if group in known else (f"组“{group}”，训练时没有出现过",) for group in groups]
        return [new + told for new, told in zip(unmet, reasons, strict=True)]


def tree_columns(frame: Frame) -> tuple[str, ...]:
    """The columns that trees could part: a flag in fewer rows than a leaf must hold cannot."""
    ones = frame.flags.sum(axis=0, dtype=np.int64)
    counts = np.minimum(ones, len(frame.flags) - ones)
    flags = [name for name, count in zip(frame.flag_names, counts, strict=True) if count >= FEWEST_IN_LEAF]
    return (*frame.number_names, *flags)


def tree_table(frame: Frame, used: Sequence[str]) -> Numbers:
    """[n, len(used)]: all numbers, then the flags that are used."""
    places = {name: place for place, name in enumerate(frame.flag_names)}
    flags = frame.flags[:, [places[name] for name in used[len(frame.number_names) :]]]
    return np.hstack([frame.numbers, flags])
