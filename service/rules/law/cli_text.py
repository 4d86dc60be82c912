"""What `weiyu rules check | test | explain` prints about a law book: functions that give (exit code, text)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from service.domain.assessing import LegalFinding, Severity
from service.domain.projects import ProjectKind
from service.rules.checking import trace_line
from service.rules.cli_text import ANSWERS, Told, json_facts, tree_lines
from service.rules.law.book import LawBook, LawBookError, examples
from service.rules.law.page import kinds_text
from service.rules.law.rule import LawRule
from service.rules.positions import read_source
from service.rules.schema import span_text

_LENGTHS = {"days": "天", "workdays": "个工作日", "months": "个月", "years": "年"}

Load = Callable[[], LawBook]


def is_law_index(file: Path) -> bool:
    """Whether a file names the files of a law book."""
    data = read_source(file).data
    return isinstance(data, dict) and "lawbook" in data


def summed_up(load: Load) -> Told:
    """One summary, or every fault as `file:line:column RULE-ID: message`; 1 on any fault."""
    return _told(load, _summary)


def own_tests(load: Load) -> Told:
    """Every check's own tests, one line each; faults as in `summed_up`."""
    return _told(load, _tests)


def explained(book: LawBook, rule_id: str, facts_file: Path | None, on: date) -> Told:
    """A check (or all of a row of the table) in Chinese; with a JSON file of facts also its answer on a day."""
    rules = book.found(rule_id)
    if not rules:
        return 1, f"没有编号为 ‘{rule_id}’ 的核对"
    try:
        raw = json_facts(facts_file) if facts_file else None
        texts = ["\n".join(_explained(rule, book, raw, on)) for rule in rules]
    except (ValueError, OSError) as error:
        return 1, str(error)
    return 0, "\n\n".join(texts)


def _told(load: Load, tell: Callable[[LawBook], Iterator[str]]) -> Told:
    try:
        return 0, "\n".join(tell(load()))
    except LawBookError as failure:
        return 1, f"{failure}\n{len(failure.errors)} 处错误"


def _summary(book: LawBook) -> Iterator[str]:
    tests = sum(len(rule.part.tests) for rule in book.rules)
    yield f"{book.title} {book.version}：{len(book.rules)} 条核对，{tests} 个自带测试全部通过"
    yield f"  sha256 {book.sha256}"
    counts = Counter(rule.severity for rule in book.rules)
    yield "  " + "，".join(f"{severity.zh} {counts[severity]}" for severity in Severity)
    for kind in ProjectKind:
        checks = sum(kind in rule.kinds for rule in book.rules)
        yield f"  {kind.zh}：{checks} 条核对，{len(book.facts(kind))} 个事实"


def _tests(book: LawBook) -> Iterator[str]:
    for rule in book.rules:
        for place, example, finding in examples(book, rule):
            given = json.dumps(example.given, ensure_ascii=False, default=str)
            due = f"，期限 {finding.due}" if finding.due else ""
            yield f"通过 {rule.part.id} 测试 {place + 1}：{given} → {finding.answer.value}{due}"
    yield from list(_summary(book))[:1]


def _explained(rule: LawRule, book: LawBook, raw: Mapping[str, Any] | None, on: date) -> Iterator[str]:
    part = rule.part
    yield f"{part.id} {part.name}"
    yield f"  依据：{'；'.join(rule.basis)}"
    yield f"  适用：{kinds_text(rule)}；{'、'.join(part.region) or '全国'}；{span_text(rule.spans())}"
    if part.overrides:
        yield f"  替代：{'、'.join(part.overrides)}"
    if rule.tree:
        yield "  命中条件："
        yield from tree_lines(rule.tree, "    ")
    if part.due:
        yield f"  期限：{_due_text(rule, book)}"
    yield f"  命中时（{rule.severity.zh}）：{part.remedy}"
    if part.note:
        yield f"  说明：{part.note}"
    if raw is not None:
        kind = ProjectKind(part.kinds[0])
        finding = rule.finding(book.asked(kind, book.typed(kind, raw), on))
        yield from _answer_lines(finding, book, on)


def _due_text(rule: LawRule, book: LawBook) -> str:
    due = rule.part.due
    if due is None:
        return ""
    unit, length = next((unit, getattr(due, unit)) for unit in _LENGTHS if getattr(due, unit) is not None)
    start = book.library.facts[due.from_].label
    until = f"，以{book.library.facts[due.done].label}为准" if due.done else ""
    return f"{start}（{due.from_}）{'之前' if length < 0 else '起'} {abs(length)} {_LENGTHS[unit]}{until}"


def _answer_lines(finding: LegalFinding, book: LawBook, on: date) -> Iterator[str]:
    yield f"  按所给事实，{on}：{ANSWERS[finding.answer]}" + (f"，期限 {finding.due}" if finding.due else "")
    yield from (f"    {trace_line(line)}" for line in finding.trace)
    if finding.missing:
        yield f"    缺少：{'；'.join(book.library.facts[name].question for name in finding.missing)}"
