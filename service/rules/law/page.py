"""The page of all checks, article by article, written from a law book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from service.domain.projects import ProjectKind
from service.rules.law.book import LawBook
from service.rules.law.rule import LawRule
from service.rules.schema import BasisPart, span_text

_HEAD = """# 合法性核对一览

由 `weiyu rules laws --out docs/legal-checks.md` 从规则文件生成，不要手改。
{title} {version}，共 {count} 条核对、{laws} 部法规和文件。

命中表示法律的要求没有做到（“提示”类表示提示适用）。编号的前三位是核对表中的行号，后缀 C 指村、J 指居，数字为区划代码。
“未核实”表示没有读到条文原文，或只有单一来源；“提醒”不阻止推进。每条所需的事实见 `service/rules/law/facts/`。
地区一栏为区划代码前缀；一条引用几个条文的，在每个条文下各列一次。
"""
_COLUMNS = "| 编号 | 核对 | 项目种类 | 地区 | 性质 | 有效期 | 替代 | 核实 |\n|---|---|---|---|---|---|---|---|"
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")}
_UNITS = {"十": 10, "百": 100}

Cited = tuple[LawRule, BasisPart]


def page(book: LawBook) -> str:
    """Markdown: law → article → check, laws in the order in which the files first cite them."""
    laws: dict[str, list[Cited]] = {}
    for rule in book.rules:
        for basis in rule.part.basis:
            laws.setdefault(basis.law or basis.source or "", []).append((rule, basis))
    head = _HEAD.format(title=book.title, version=book.version, count=len(book.rules), laws=len(laws))
    return "\n".join([head, *_sections(laws)])


def kinds_text(rule: LawRule) -> str:
    """The kinds of projects a check applies to, in Chinese."""
    return "、".join(ProjectKind(word).zh for word in rule.part.kinds)


def article_number(article: str | None) -> int:
    """15 for 第十五条; 0 for no article. Raises KeyError for a numeral it does not know."""
    total = digit = 0
    for sign in (article or "").removeprefix("第").split("条")[0]:
        if sign in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[sign], 0
        else:
            digit = _DIGITS[sign]
    return total + digit


def _sections(laws: Mapping[str, Sequence[Cited]]) -> Iterator[str]:
    for law, cited in laws.items():
        yield f"## {f'《{law}》' if cited[0][1].law else law}\n"
        articles: dict[str, list[LawRule]] = {}
        for rule, basis in sorted(cited, key=lambda each: article_number(each[1].article)):
            articles.setdefault(basis.article or "", []).append(rule)
        for article, rules in articles.items():
            yield from [f"### {article}\n"] if article else []
            yield "\n".join([_COLUMNS, *map(_row, rules)]) + "\n"


def _row(rule: LawRule) -> str:
    part = rule.part
    cells = (
        part.id,
        part.name,
        kinds_text(rule),
        "、".join(part.region) or "全国",
        rule.severity.zh,
        span_text(rule.spans()),
        "、".join(part.overrides),
        "未核实" if rule.unverified else "已核实",
    )
    return f"| {' | '.join(cells)} |"
