"""What `weiyu rules check | test | explain` prints: each function gives (exit code, text) and prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from service.domain.judging import Answer, Finding
from service.domain.levels import Level
from service.rules.checking import examples, trace_line
from service.rules.conditions import GROUPS, Leaf, Tree, leaves
from service.rules.positions import LoadFailure, read_source
from service.rules.rule import Rule
from service.rules.rulebook import Rulebook, load_document
from service.rules.schema import span_text
from service.rules.vocabulary import MISSING, FactVocabulary

Told = tuple[int, str]  # exit code and text
Vocabularies = Sequence[FactVocabulary]  # the first one is meant when a file does not say which it uses

ANSWERS = {Answer.HIT: "命中", Answer.CLEAR: "未命中", Answer.NOT_EVALUATED: "未能判断"}
HOLDS = {True: "成立", False: "不成立", None: "不明"}


def check(files: Sequence[Path], vocabularies: Vocabularies) -> Told:
    """One summary per sound file, every fault of the others as `file:line:column RULE-ID: message`; 1 on any fault."""
    texts: list[str] = []
    failed = False
    for file in files:
        try:
            texts.append(_summary(file, _load(file, vocabularies)))
        except LoadFailure as failure:
            failed = True
            texts.append(f"{failure}\n{file}：{len(failure.errors)} 处错误")
    return int(failed), "\n".join(texts)


def test(files: Sequence[Path], vocabularies: Vocabularies) -> Told:
    """Every rule's own tests, one line each; faults as in `check`."""
    texts: list[str] = []
    failed = False
    for file in files:
        try:
            texts.extend(_tested(_load(file, vocabularies)))
        except LoadFailure as failure:
            failed = True
            texts.append(str(failure))
    return int(failed), "\n".join(texts)


def explain(target: str, files: Sequence[Path], vocabularies: Vocabularies, facts_file: Path | None = None) -> Told:
    """A rule (by id, looked up in `files`) or a whole file in Chinese; with a JSON file of facts also its trace."""
    try:
        if Path(target).is_file():
            book = _load(Path(target), vocabularies)
            rules = list(book.rules)
        else:
            book, rules = _find(target, [_load(file, vocabularies) for file in files])
        facts = _facts(facts_file, book.vocabulary) if facts_file else None
    except LoadFailure as failure:
        return 1, str(failure)
    except (LookupError, ValueError, OSError) as error:
        return 1, str(error.args[-1])
    return 0, "\n\n".join("\n".join(_explained(rule, book, facts)) for rule in rules)


def _load(file: Path, vocabularies: Vocabularies) -> Rulebook:
    document = read_source(file)
    named = document.data.get("facts") if isinstance(document.data, dict) else None
    chosen = next((each for each in vocabularies if each.name == named), vocabularies[0])
    return load_document(document, chosen)


def _find(rule_id: str, books: Sequence[Rulebook]) -> tuple[Rulebook, list[Rule]]:
    for book in books:
        rule = book.rule(rule_id)
        if rule:
            return book, [rule]
    raise LookupError(f"没有编号为 ‘{rule_id}’ 的规则，也没有这个文件")


def json_facts(file: Path) -> dict[str, Any]:
    """The facts of a JSON file, unchecked. Raises ValueError when it is no JSON object, OSError when unreadable."""
    try:
        facts = json.loads(file.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}:{error.lineno}:{error.colno}: 不是合法的 JSON：{error.msg}") from error
    if not isinstance(facts, dict):
        raise ValueError(f"{file}: 事实要写成一组键值")
    return facts


def _facts(file: Path, vocabulary: FactVocabulary) -> dict[str, Any]:
    known = {name: value for name, value in json_facts(file).items() if value is not None}
    faults = vocabulary.checked(known)
    if faults:
        raise ValueError("\n".join(f"{file}: {message}" for _, message in faults))
    return known


def _summary(file: Path, book: Rulebook) -> str:
    tests = sum(len(rule.part.tests) for rule in book.rules)
    lines = [
        f"{file}：{book.title or book.name} {book.version}，{len(book.rules)} 条规则，{tests} 个自带测试全部通过",
        f"  sha256 {book.sha256}",
    ]
    for level in reversed(Level):
        ids = [rule.part.id for rule in book.rules if rule.part.then.level_floor == level.value]
        lines.append(f"  {level.zh} {len(ids):3d}  {' '.join(ids)}")
    rest = [rule.part.id for rule in book.rules if rule.part.then.level_floor is None]
    return "\n".join([*lines, f"  无 {len(rest):3d}  {' '.join(rest)}"] if rest else lines)


def _tested(book: Rulebook) -> Iterator[str]:
    count = 0
    for rule in book.rules:
        for place, example, finding in examples(rule, book.vocabulary):
            count += 1
            given = json.dumps(example.given, ensure_ascii=False, default=str)
            yield f"通过 {rule.part.id} 测试 {place + 1}：{given} → {finding.answer.value}"
    yield f"{book.name} {book.version}：{len(book.rules)} 条规则，{count} 个自带测试全部通过"


def _explained(rule: Rule, book: Rulebook, facts: Mapping[str, Any] | None) -> Iterator[str]:
    part, then = rule.part, rule.part.then
    yield f"{part.id} {part.name}"
    yield f"  依据：{'；'.join(basis.text for basis in part.basis)}"
    yield f"  适用：{'、'.join(part.region) or '全国'}，{span_text(rule.spans)}"
    yield "  条件："
    yield from tree_lines(rule.tree, "    ")
    floor = f"至少为{Level(then.level_floor).zh}级" if then.level_floor else "不改变级别"
    extra = ["按规定向上报告"] * then.statutory_report + ["有人身危险"] * then.life_danger
    yield f"  命中时：{'，'.join([floor, *extra])}"
    yield from (f"    建议：{advice}" for advice in then.advice)
    if part.note:
        yield f"  说明：{part.note}"
    if facts is not None:
        yield from _answer_lines(rule, book, facts)


def _answer_lines(rule: Rule, book: Rulebook, facts: Mapping[str, Any]) -> Iterator[str]:
    names = {leaf.fact.name for leaf in leaves(rule.tree)}
    finding: Finding = rule.finding(book.vocabulary.reader(names).read(facts))
    yield f"  按所给事实：{ANSWERS[finding.answer]}"
    for leaf, line in zip(leaves(rule.tree), finding.trace, strict=True):
        read = MISSING if line.read is None else line.read
        yield f"    {leaf_text(leaf)}：{leaf.fact.label}为 {leaf.fact.shown(read)} → {HOLDS[line.holds]}"
        yield f"      {trace_line(line)}"
    if finding.missing:
        yield f"    缺少：{'、'.join(book.vocabulary.facts[name].label for name in finding.missing)}"


def tree_lines(tree: Tree, indent: str) -> Iterator[str]:
    """A condition in Chinese, a line each, groups indented."""
    if isinstance(tree, Leaf):
        yield f"{indent}{leaf_text(tree)}"
        return
    yield f"{indent}{GROUPS[tree.kind]}："
    for member in tree.members:
        yield from tree_lines(member, indent + "  ")


def leaf_text(leaf: Leaf) -> str:
    expected = "" if leaf.op.asks_presence else f" {leaf.fact.shown(leaf.expected)}"
    return f"{leaf.fact.label}（{leaf.fact.name}）{leaf.op.zh}{expected}"
