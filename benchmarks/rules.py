"""Rules with their whole trace: 10, 80 and 500 of two conditions each, beside the engine zen with its trace."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from benchmarks.learned import examples
from benchmarks.results import ROOT, Row, middle, ratio_of_rounds
from benchmarks.zen_table import table
from service.domain.catalogue import load_catalogue
from service.rules.engine import evaluate
from service.rules.facts import facts_of, matter_vocabulary
from service.rules.rulebook import Rulebook, load_rulebook
from service.rules.vocabulary import MISSING

RULES = ROOT / "benchmarks" / "rules80.yaml"
VENV = ROOT / ".venv" / "bench"  # the rival's own environment: it is no dependency of ours
SIZES = (10, 80, 500)
ROUNDS, CALLS = 5, 400
AREA, ON = "990101001001", date(2026, 11, 18)
INSTALL_SECONDS = 90
Facts = dict[str, Any]


def measure() -> list[Row]:
    """Varied: every call asks about another matter. Repeated: the same twenty matters come back."""
    varied = [facts_of(example.snapshot) for example in examples()][: ROUNDS * CALLS]
    python, why = _rival_python()
    found: list[Row] = []
    for size in SIZES:
        book = load_rulebook(_text(size), matter_vocabulary(load_catalogue()))
        theirs = _theirs(python, book, varied) if python else None
        found += _rows(size, _ours(book, varied), theirs, why)
    return found


def _rows(size: int, ours: dict[str, list[float]], theirs: dict[str, list[float]] | None, why: str) -> list[Row]:
    goal = 3.0 if size == 80 else None
    found = []
    for kind, took in ours.items():
        detail: dict[str, Any] = {"ours_us": middle(took)}
        ratio = None
        if theirs:
            ratio = ratio_of_rounds(theirs[kind], took)
            detail["zen_us"] = middle(theirs[kind])
        else:
            detail["skipped"] = why
        found.append(Row(f"{size} rules with trace, {kind} facts", ratio, goal, "× zen-engine, at least", detail))
    return found


def _ours(book: Rulebook, varied: Sequence[Facts]) -> dict[str, list[float]]:
    """µs an evaluation, a number a round. What the book kept of earlier answers helps it, as it does when it serves."""
    repeated = varied[:20]

    def ask(facts: Sequence[Facts]) -> Callable[[int], object]:
        return lambda n: evaluate(book, facts[n % len(facts)], AREA, ON)

    took: dict[str, list[float]] = {"varied": [], "repeated": []}
    for number in range(ROUNDS):
        took["varied"].append(_each(ask(varied[number * CALLS : (number + 1) * CALLS])))
        took["repeated"].append(_each(ask(repeated)))
    return took


def _each(call: Callable[[int], object]) -> float:
    began = time.perf_counter()
    for number in range(CALLS):
        call(number)
    return (time.perf_counter() - began) / CALLS * 1e6


def _theirs(python: str, book: Rulebook, varied: Sequence[Facts]) -> dict[str, list[float]]:
    """The same rules as a decision table whose cells are the conditions, the same facts, in a process of its own."""
    job = {
        "table": table([(rule.part.id, rule.part.when["all"]) for rule in book.rules]),
        "facts": [_plain(facts) for facts in varied],
        "rounds": ROUNDS,
        "calls": CALLS,
    }
    script = str(ROOT / "benchmarks" / "zen_table.py")
    done = subprocess.run(
        [python, script], input=json.dumps(job), capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise RuntimeError(f"zen-engine failed: {done.stderr[-500:]}")
    took: dict[str, list[float]] = json.loads(done.stdout)
    return took


def _plain(facts: Facts) -> Facts:
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in facts.items()
        if value is not MISSING
    }


def _text(size: int) -> str:
    """The first rules of the file; beyond its eighty the same again with other numbers."""
    content = yaml.safe_load(RULES.read_text("utf-8"))
    rules = content["rules"]
    content["rules"] = [_another(rules[n % len(rules)], n) for n in range(size)]
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)


def _another(rule: dict[str, Any], number: int) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(rule))
    again = number // 80
    first = copied["when"]["all"][0]
    first["value"] += again
    copied["tests"][0]["given"][first["field"]] += again
    return copied | {"id": re.sub(r"\d+$", f"{number + 1:03d}", copied["id"])}


def _rival_python() -> tuple[str | None, str]:
    """A Python that has zen-engine, installed once into an environment of its own; or why there is none."""
    python = VENV / "bin" / "python"
    if python.exists() and _has_zen(python):
        return str(python), ""
    try:
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True, capture_output=True, timeout=60)
        install = [str(python), "-m", "pip", "install", "-q", "zen-engine"]
        subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        return None, f"zen-engine cannot be installed here ({type(error).__name__})"
    return str(python), ""


def _has_zen(python: Path) -> bool:
    return subprocess.run([str(python), "-c", "import zen"], capture_output=True, check=False).returncode == 0
