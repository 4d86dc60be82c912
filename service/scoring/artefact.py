"""Loading a model: JSON only, nothing is executed. What does not agree with its card is refused, with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from service.domain.problems import Problem
from service.scoring.definitions import FEATURES, Feature
from service.scoring.features import NAMES, feature_schema_hash
from service.scoring.scorer import Interval, ModelParts, Part, Scorer

FORMAT = "weiyu-bent-line-2"
MODEL_FILE = "model.json"
CARD_FILE = "card.json"
LARGEST_BYTES = 1_000_000  # some dozens of bent parts need 20 kB; more is not one of ours
LEAST_TURN = 1e-9  # log-odds; what a rounding can do to a level piece
LARGEST_WEIGHT = 1e6  # log-odds; beyond this products could leave the range of numbers


class ModelRefused(Problem):
    """A model that must not be used. `detail` says in Chinese what does not agree."""

    def __init__(self, detail: str) -> None:
        super().__init__(503, "model_refused", detail)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A model that agrees with its card: the two files as they were read, and the scorer made from them."""

    scorer: Scorer
    content: bytes
    card_content: bytes
    card: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Of `content`, in hexadecimal digits."""
        return sha256(self.content).hexdigest()


def load_model(path: Path) -> Scorer:
    """The scorer of a model folder, of its `model.json`, or of a folder that holds exactly one model folder.

    Raises ModelRefused when anything is missing, malformed, too large, or differs from the card.
    """
    return load_artefact(path).scorer


def load_artefact(path: Path) -> Artefact:
    """The same with the files' bytes and the card. Raises ModelRefused."""
    folder = _model_folder(path)
    card = _read(folder / CARD_FILE)
    return read_artefact(_read(folder / MODEL_FILE), card, f"{folder.name}/{MODEL_FILE}")


def read_artefact(content: bytes, card_content: bytes, name: str = MODEL_FILE) -> Artefact:
    """A model from the bytes of its two files, wherever they come from. Raises ModelRefused."""
    for said, file in ((content, MODEL_FILE), (card_content, CARD_FILE)):
        if len(said) > LARGEST_BYTES:
            raise ModelRefused(f"{file} 超过 {LARGEST_BYTES} 字节，不是本程序的模型，未载入。")
    card = _object(card_content, CARD_FILE)
    if sha256(content).hexdigest() != card.get("sha256"):
        raise ModelRefused(f"模型文件 {name} 与模型卡登记的 SHA-256 不一致，文件可能被改动，未载入。")
    model = _object(content, MODEL_FILE)
    _check_agreement(model, card)
    return Artefact(Scorer(parts_of(model)), content, card_content, card)


def parts_of(model: Mapping[str, Any]) -> ModelParts:
    """The parts of a parsed artefact; ModelRefused when a field is missing, of the wrong kind or not finite."""
    parts = model.get("parts")
    if not isinstance(parts, dict) or set(parts) != set(NAMES):
        raise ModelRefused("模型文件的特征清单与本程序不一致，请重新训练。")
    version, horizon, synthetic = model.get("version"), model.get("horizon_days"), model.get("synthetic")
    if not isinstance(version, str) or type(horizon) is not int or type(synthetic) is not bool or horizon < 1:
        raise ModelRefused("模型文件缺少版本、预测天数或数据性质说明。")
    return ModelParts(
        version=version,
        horizon_days=horizon,
        synthetic=synthetic,
        intercept=_number(model.get("intercept"), "intercept"),
        parts={feature.name: _part(parts[feature.name], feature) for feature in FEATURES},
        interval=_interval(model.get("interval")),
        kinds=_kinds(model.get("kinds")),
    )


def _model_folder(path: Path) -> Path:
    if path.name == MODEL_FILE:
        return path.parent
    if (path / CARD_FILE).is_file():
        return path
    inside = sorted(card.parent for card in path.glob(f"*/{CARD_FILE}"))
    if len(inside) != 1:
        found = "、".join(folder.name for folder in inside) or "无"
        raise ModelRefused(f"在 {path} 中须恰有一个模型（现有：{found}），请指明模型文件夹，或先运行 weiyu train。")
    return inside[0]


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ModelRefused(f"无法读取 {file}：{error.strerror}。") from error
    if len(content) > LARGEST_BYTES:
        raise ModelRefused(f"{file.name} 超过 {LARGEST_BYTES} 字节，不是本程序的模型，未载入。")
    return content


def _object(content: bytes, name: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content, parse_constant=_refuse_constant, parse_float=_finite)
        json.dumps(parsed, ensure_ascii=False).encode()  # half a character has no place in any answer
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"{name} 不是合规的 JSON，未载入。") from error
    if not isinstance(parsed, dict):
        raise ModelRefused(f"{name} 的内容不是一个对象，未载入。")
    return parsed


def _refuse_constant(word: str) -> float:
    raise ValueError(word)


def _finite(word: str) -> float:
    number = float(word)
    return number if isfinite(number) else _refuse_constant(word)


def _check_agreement(model: Mapping[str, Any], card: Mapping[str, Any]) -> None:
    if model.get("format") != FORMAT:
        raise ModelRefused(f"模型格式须为 {FORMAT}，未载入。")
    for source, name in ((model, MODEL_FILE), (card, CARD_FILE)):
        if source.get("feature_schema_hash") != feature_schema_hash():
            raise ModelRefused(f"{name} 的特征定义与本程序不一致，请用本版本重新训练。")
    for key in ("version", "synthetic", "horizon_days"):
        if model.get(key) != card.get(key):
            raise ModelRefused(f"模型文件与模型卡的 {key} 不一致，未载入。")


def _part(said: Any, feature: Feature) -> Part:
    if not isinstance(said, dict) or set(said) != {"at", "log_odds", "when_missing", "reference", "within", "gaps"}:
        raise ModelRefused(f"模型文件中特征 {feature.name} 的参数不完整。")
    at, log_odds, within = (_numbers(said[key], feature.name) for key in ("at", "log_odds", "within"))
    if not at or len(at) != len(log_odds) or len(within) != 2 or type(said["gaps"]) is not bool:
        raise ModelRefused(f"模型文件中特征 {feature.name} 的参数不完整。")
    if any(a >= b for a, b in pairwise(at)) or within[0] > within[1]:
        raise ModelRefused(f"模型文件中特征 {feature.name} 的节点没有按大小排列。")
    if any(feature.sign * (b - a) < -LEAST_TURN for a, b in pairwise(log_odds)):
        raise ModelRefused(f"模型文件中特征 {feature.name} 的方向与其含义相反。")
    reference = said["reference"]
    return Part(
        at=at,
        log_odds=log_odds,
        when_missing=_number(said["when_missing"], feature.name),
        reference=None if reference is None else _number(reference, feature.name),
        within=(within[0], within[1]),
        gaps=said["gaps"],
    )


def _interval(said: Any) -> Interval:
    if not isinstance(said, dict) or set(said) != {"cell", "otherwise", "by_kind"} or type(said["cell"]) is not int:
        raise ModelRefused("模型文件中区间的参数不完整。")
    widths = said["by_kind"] if isinstance(said["by_kind"], dict) else {}
    otherwise = None if said["otherwise"] is None else _width(said["otherwise"])
    return Interval(max(said["cell"], 1), otherwise, {str(kind): _width(width) for kind, width in widths.items()})


def _width(said: Any) -> float:
    width = _number(said, "interval")
    if width < 0:
        raise ModelRefused("模型文件中区间的宽度为负。")
    return width


def _kinds(said: Any) -> frozenset[str]:
    if not isinstance(said, list) or not all(isinstance(kind, str) for kind in said):
        raise ModelRefused("模型文件缺少训练时见过的类别。")
    return frozenset(said)


def _numbers(said: Any, name: str) -> tuple[float, ...]:
    values: Sequence[Any] = said if isinstance(said, list) else [None]
    return tuple([_number(value, name) for value in values])


def _number(value: Any, name: str) -> float:
    """A finite number of sane size; True and False are numbers in Python and are none here."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not isfinite(value)
        or abs(value) > LARGEST_WEIGHT
    ):
        raise ModelRefused(f"模型文件中 {name} 的数值无效（须为有限数）。")
    return float(value)
