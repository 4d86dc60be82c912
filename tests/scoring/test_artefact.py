from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from service.scoring.artefact import LARGEST_BYTES, ModelRefused, load_model
from service.scoring.features import feature_schema_hash
from tests.scoring.makers import snapshot

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped model that a test may spoil."""
    (shipped,) = MODELS.glob("escalation-*")
    return Path(copytree(shipped, tmp_path / shipped.name))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the model and enter its new SHA-256 on the card, as a careless hand would."""
    model = json.loads((folder / "model.json").read_text("utf-8"))
    change(model)
    content = json.dumps(model).encode()
    (folder / "model.json").write_bytes(content)
    amend(folder, sha256=sha256(content).hexdigest())


def amend(folder: Path, **entries: Any) -> None:
    card = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps(card | entries), "utf-8")


def test_the_shipped_model_loads_and_agrees_with_its_card() -> None:
    (folder,) = MODELS.glob("escalation-*")
    card = json.loads((folder / "card.json").read_text("utf-8"))
    model = load_model(folder)
    assert folder.name == f"escalation-{model.version}"
    assert (model.version, model.synthetic, model.horizon_days) == (card["version"], True, card["horizon_days"])
    assert card["feature_schema_hash"] == feature_schema_hash()
    assert card["trained_on"]["data"] == "synthetic"


def test_the_shipped_model_beats_history_and_base_rate_on_both_tests() -> None:
    (card,) = (json.loads(card.read_text("utf-8")) for card in MODELS.glob("escalation-*/card.json"))
    for part in ("later", "unseen"):
        measured = card["metrics"][part]
        assert measured["model"]["auc"]["low"] > measured["history_only"]["auc"]["high"]
        assert measured["model"]["log_loss"]["value"] < measured["base_rate"]["log_loss"]["value"]


def test_the_card_says_first_that_the_data_are_synthetic() -> None:
    (card,) = MODELS.glob("escalation-*/card.md")
    assert card.read_text("utf-8").splitlines()[2].startswith("**The data are synthetic")


def test_models_hold_no_code() -> None:
    assert {file.suffix for file in MODELS.rglob("*") if file.is_file()} <= {".json", ".md"}


def test_a_model_may_be_named_by_its_file_its_folder_or_the_only_folder_above(folder: Path) -> None:
    versions = {load_model(path).version for path in (folder, folder / "model.json", folder.parent)}
    assert versions == {load_model(MODELS).version}


def test_two_models_side_by_side_must_be_told_apart(folder: Path) -> None:
    copytree(folder, folder.parent / "escalation-other")
    with pytest.raises(ModelRefused, match="恰有一个模型"):
        load_model(folder.parent)


def test_one_changed_digit_is_refused(folder: Path) -> None:
    content = (folder / "model.json").read_text("utf-8")
    (folder / "model.json").write_text(content.replace('"intercept": -', '"intercept": '), "utf-8")
    with pytest.raises(ModelRefused, match="SHA-256"):
        load_model(folder)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "model.json").unlink()
    with pytest.raises(ModelRefused, match="无法读取"):
        load_model(folder)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("特征定义", lambda m: m.update(feature_schema_hash="0" * 64)),
        ("有限数", lambda m: m.update(intercept=1e300)),
        ("有限数", lambda m: m.update(intercept=True)),
        ("有限数", lambda m: m["parts"]["people_log"].update(log_odds="0.5")),
        ("JSON", lambda m: m.update(intercept=float("nan"))),
        ("JSON", lambda m: m["parts"]["people_log"].update(when_missing=float("inf"))),
        ("不完整", lambda m: m["parts"]["people_log"].pop("when_missing")),
        ("特征清单", lambda m: m["parts"].pop("people_log")),
        ("格式", lambda m: m.update(format="pickle")),
        ("大小排列", lambda m: m["parts"]["people_log"]["at"].reverse()),
        ("方向", lambda m: m["parts"]["people_log"]["log_odds"].reverse()),
        ("不完整", lambda m: m["parts"]["people_log"]["at"].pop()),
        ("宽度", lambda m: m["interval"].update(otherwise=-1.0)),
        ("区间", lambda m: m.update(interval=None)),
        ("类别", lambda m: m.update(kinds="labour")),
        ("version", lambda m: m.update(version="9")),
        ("synthetic", lambda m: m.update(synthetic=False)),
    ],
)
def test_a_malformed_model_is_refused_even_if_its_card_vouches_for_it(
    folder: Path, said: str, change: Callable[[dict[str, Any]], object]
) -> None:
    rewrite(folder, change)
    with pytest.raises(ModelRefused) as refused:
        load_model(folder)
    assert said in refused.value.detail


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff\xfe", b"[" * 200_000])
def test_what_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    amend(folder, sha256=sha256(content).hexdigest())
    with pytest.raises(ModelRefused):
        load_model(folder)


def test_a_huge_file_is_refused_before_it_is_parsed(folder: Path) -> None:
    (folder / "model.json").write_bytes(b" " * (LARGEST_BYTES + 1))
    with pytest.raises(ModelRefused, match="超过"):
        load_model(folder)


def test_serving_imports_no_numerical_library() -> None:
    program = (
        "import sys; from pathlib import Path; import service.scoring.scorer, service.scoring.artefact as a;"
        "a.load_model(Path(sys.argv[1]));"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'sklearn', 'numpy', 'scipy', 'joblib', 'pandas'}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(MODELS)], capture_output=True, text=True, check=True, cwd=MODELS.parent
    )
    assert answer.stdout.strip() == "[]"


def test_the_loaded_model_scores_a_matter() -> None:
    probability = load_model(MODELS).score([snapshot()])[0].probability
    assert probability is not None
    assert 0 < probability < 1
