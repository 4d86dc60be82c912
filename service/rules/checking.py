"""From a document to checked rules: every fault of a file is found in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.domain.judging import Condition, Finding
from service.domain.levels import Level
from service.rules.conditions import Tree, TreeReader, leaves
from service.rules.plain_yaml import Path
from service.rules.positions import Document
from service.rules.rule import Rule, RuleCompiler
from service.rules.schema import RULE_INSIDE, ExamplePart, RulePart, RulesetPart, SpanPart
from service.rules.validation import validated
from service.rules.vocabulary import FactReader, FactVocabulary


@dataclass(slots=True)
class RulesetChecker:
    """Reads one document against one vocabulary; afterwards the faults stand in the document."""

    document: Document
    vocabulary: FactVocabulary
    head: RulesetPart | None = None
    rules: list[Rule] = field(default_factory=list)
    compiler: RuleCompiler = field(default_factory=RuleCompiler)

    def run(self) -> None:
        data = self.document.data
        if not isinstance(data, dict):
            if not self.document.errors:
                self.document.fault((), "最外层要写成一组键值：ruleset、version、rules")
            return
        self.head = validated(RulesetPart, self.document, (), {"effective": SpanPart})
        self._check_vocabulary()
        raw = data.get("rules")
        for place, each in enumerate(raw if isinstance(raw, list) else []):
            self._read_rule(each, ("rules", place))
        note_repeated_ids(self.document, raw if isinstance(raw, list) else [], {})

    def _check_vocabulary(self) -> None:
        if self.head and self.head.facts not in (None, self.vocabulary.name):
            self.document.fault(("facts",), f"规则册要用事实词表 ‘{self.head.facts}’，这里是 ‘{self.vocabulary.name}’")

    def _read_rule(self, raw: object, path: Path) -> None:
        if not isinstance(raw, dict):
            self.document.fault(path, "一条规则要写成一组键值")
            return
        before = len(self.document.errors)
        rule_id = raw["id"] if isinstance(raw.get("id"), str) else None
        part = validated(RulePart, self.document, path, RULE_INSIDE, rule_id)
        tree = None
        if "when" in raw:
            tree = TreeReader(self.document, self.vocabulary, rule_id).read(raw["when"], (*path, "when"))
        note_bad_givens(self.document, self.vocabulary, raw.get("tests"), (*path, "tests"), rule_id)
        if part and tree:
            self._check_ceiling(part, tree, path)
            note_lacking_tests(self.document, part.tests, ("hit", "clear"), (*path, "tests"), part.id)
        if part and tree and len(self.document.errors) == before:
            self._keep(part, tree, path)

    def _keep(self, part: RulePart, tree: Tree, path: Path) -> None:
        outer = self.head.effective if self.head else SpanPart()
        rule = self.compiler.compile(part, tree, outer)
        self.rules.append(rule)
        for place, failure in failed_examples(rule, self.vocabulary):
            self.document.fault((*path, "tests", place, "expect"), failure, part.id)

    def _check_ceiling(self, part: RulePart, tree: Tree, path: Path) -> None:
        floor = Level(part.then.level_floor) if part.then.level_floor else None
        for fact in {leaf.fact.name: leaf.fact for leaf in leaves(tree)}.values():
            if floor and fact.ceiling and floor.rank > fact.ceiling.rank:
                message = f"‘{fact.name}’ 证据较弱，最多支持 {fact.ceiling.value}，不能定 {floor.value}"
                self.document.fault((*path, "then", "level_floor"), message, part.id)


def note_bad_givens(
    document: Document, vocabulary: FactVocabulary, tests: object, path: Path, rule_id: str | None
) -> None:
    """A fault for every strange name and wrong value among the facts of a rule's own tests, which stand at `path`."""
    for place, test in enumerate(tests if isinstance(tests, list) else []):
        given = test.get("given") if isinstance(test, dict) else None
        for name, fault in vocabulary.checked(given if isinstance(given, dict) else {}):
            here = (*path, place, "given", name)
            document.fault(here, fault, rule_id, at_key=name not in vocabulary.facts)


def note_lacking_tests(
    document: Document, tests: Iterable[ExamplePart], wanted: Sequence[str], path: Path, rule_id: str
) -> None:
    """A fault unless every wanted answer is expected by one of the tests, which stand at `path`."""
    expected = {test.expect for test in tests}
    lacking = [answer for answer in wanted if answer not in expected]
    if lacking:
        message = f"自带测试至少要有{'、'.join(f'一个 {answer}' for answer in wanted)}，缺少 {'、'.join(lacking)}"
        document.fault(path, message, rule_id, at_key=True)


def note_repeated_ids(document: Document, raw: Sequence[object], seen: dict[str, tuple[str, int]]) -> None:
    """A fault for every rule whose id was seen before, here or in a file read earlier; `seen` grows."""
    for place, each in enumerate(raw):
        rule_id = each.get("id") if isinstance(each, dict) else None
        if not isinstance(rule_id, str):
            continue
        here: Path = ("rules", place, "id")
        if rule_id in seen:
            file, line = seen[rule_id]
            where = f"第 {line} 行" if file == document.file else f" {file} 第 {line} 行"
            document.fault(here, f"规则编号 ‘{rule_id}’ 重复，前一条在{where}", rule_id)
        seen.setdefault(rule_id, (document.file, document.values[here][0]))


def examples(rule: Rule, vocabulary: FactVocabulary) -> Iterator[tuple[int, ExamplePart, Finding]]:
    """A rule's own tests in order, each with the finding it really gets, whatever its region and dates."""
    reader: FactReader = vocabulary.reader({leaf.fact.name for leaf in leaves(rule.tree)})
    for place, test in enumerate(rule.part.tests):
        yield place, test, rule.finding(reader.read(test.given))


def failed_examples(rule: Rule, vocabulary: FactVocabulary) -> Iterator[tuple[int, str]]:
    """The own tests that do not get what they expect: (place in the list, what happened)."""
    for place, test, finding in examples(rule, vocabulary):
        if finding.answer.value != test.expect:
            trace = "；".join(map(trace_line, finding.trace))
            yield place, f"自带测试 {place + 1} 应为 {test.expect}，得到 {finding.answer.value}：{trace}"


def trace_line(line: Condition) -> str:
    """A line of a trace with the names of the file: `people_present >= 100，读到 30 → 不成立`."""
    asked = f"{line.fact} {line.op}" + ("" if line.expected is None else f" {_listed(line.expected)}")
    if line.holds is None:
        return f"{asked}，缺少 → 不明"
    read = "缺少" if line.read is None else f"读到 {_listed(line.read)}"
    return f"{asked}，{read} → {'成立' if line.holds else '不成立'}"


def _listed(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
