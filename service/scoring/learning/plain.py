"""What was learned as plain values, for JSON, and back. Reading runs no code and needs numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from service.scoring.evaluate import Numbers
from service.scoring.learning.calibration import Calibration
from service.scoring.learning.choice import Chosen
from service.scoring.learning.conformal import Conformal
from service.scoring.learning.forest import Forest, Tree
from service.scoring.learning.kinds import Kind
from service.scoring.learning.learned import Learned, Model
from service.scoring.learning.line import Line
from service.scoring.learning.novelty import Seen
from service.scoring.learning.reading import Column
from service.scoring.learning.shapes import Design, Shape

FORMAT = "weiyu-learned-1"


def plain_of(learned: Learned) -> dict[str, Any]:
    """Dictionaries, lists, numbers and text; every number is finite."""
    return {"format": FORMAT, **_plain(learned)}


def learned_from(plain: Mapping[str, Any]) -> Learned:
    """The same learner again; KeyError or ValueError when the values are not those of `plain_of`."""
    if plain["format"] != FORMAT:
        raise ValueError(f"not {FORMAT}: {plain['format']}")
    return Learned(
        columns=tuple(_column(column) for column in plain["columns"]),
        left_out=plain["left_out"],
        past=plain["past"],
        model=_model(plain["model"]),
        calibration=Calibration(**plain["calibration"]),
        chosen=Chosen(**plain["chosen"]),
        conformal=Conformal(**plain["conformal"]),
        seen=_seen(plain["seen"]),
        known_groups=frozenset(plain["known_groups"]),
    )


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value


def _column(plain: Mapping[str, Any]) -> Column:
    return Column(plain["name"], Kind(plain["kind"]), tuple(plain["flags"]), plain["rates"], plain["rated"])


def _model(plain: Mapping[str, Any]) -> Model:
    shapes = tuple(Shape(**{**shape, "knots": tuple(shape["knots"])}) for shape in plain["design"]["shapes"])
    design = Design(shapes, _numbers(plain["design"]["mean"]), _numbers(plain["design"]["spread"]))
    line, forest = plain["line"], plain["forest"]
    return Model(
        tuple(plain["numbers"]),
        design,
        tuple(plain["tree_columns"]),
        Line(_numbers(line["weights"]), line["constant"]) if line else None,
        Forest(forest["constant"], forest["bags"], tuple(map(_tree, forest["trees"]))) if forest else None,
        plain["base"],
        plain["history"],
    )


def _tree(plain: Mapping[str, Any]) -> Tree:
    return Tree(
        np.array(plain["column"], dtype=np.int64),
        _numbers(plain["threshold"]),
        np.array(plain["missing_left"], dtype=bool),
        np.array(plain["left"], dtype=np.int64),
        np.array(plain["right"], dtype=np.int64),
        _numbers(plain["value"]),
    )


def _seen(plain: Mapping[str, Any]) -> Seen:
    ranges = {name: (low, high, gaps) for name, (low, high, gaps) in plain["ranges"].items()}
    return Seen(ranges, {name: frozenset(values) for name, values in plain["values"].items()})


def _numbers(values: Sequence[float]) -> Numbers:
    return np.array(values, dtype=float)
