"""A small law book in a folder of its own; a test shows the one difference."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from service.rules.law.book import LawBook, load_law
from service.rules.law.derived import is_weekday

AREA = "360102000000"
ON = date(2026, 7, 1)

INDEX = """\
lawbook: demo
title: 示例
version: 2026.11.1
facts: [facts.yaml]
rules: [rules.yaml]
"""
FACTS = """\
dictionary: demo
kinds: [policy, construction]
facts:
- {name: comment_from, type: date, label: 开始, question: 哪天开始？, source: 公告}
- {name: comment_to, type: date, label: 截止, question: 哪天截止？, source: 公告}
- {name: told_on, type: date, label: 告知日, question: 哪天告知？, source: 公告}
- {name: asked, type: bool, label: 已征求, question: 是否征求？, source: 公告}
- {name: heads, type: int, unit: 人, label: 人数, question: 多少人？, source: 登记}
- {name: heads_against, type: int, unit: 人, label: 反对人数, question: 多少人反对？, source: 登记}
- {name: topics, type: set, vocabulary: topic, label: 议题, question: 哪些议题？, source: 公告, kinds: [policy]}
derived:
- {name: comment_days, label: 天数, days: [comment_from, comment_to]}
- {name: most_against, label: 多数反对, more_than: {part: heads_against, whole: heads, share: 1/2}}
words:
  topic: {pay: 补偿, move: 搬迁}
fixed:
  construction: {asked: true}
"""
RULES = """\
rulefile: demo
title: 示例规则
rules:
- id: D01
  name: 征求意见三十日
  kinds: [policy, construction]
  severity: block
  when: {field: comment_days, op: '<', value: 30}
  due: {from: comment_from, days: 30}
  basis: [{law: 示例法, article: 第十五条}]
  remedy: 补足三十日
  tests:
  - {given: {comment_from: 2026-05-01, comment_to: 2026-05-30}, expect: hit}
  - {given: {comment_from: 2026-05-01, comment_to: 2026-05-31}, expect: clear}
  - {given: {comment_from: 2026-05-01}, expect: not_evaluated, due: 2026-05-31}
"""


def written(folder: Path, rules: str = RULES, facts: str = FACTS, index: str = INDEX) -> Path:
    """The book's files in `folder`; the path of its index."""
    for name, text in (("law.yaml", index), ("facts.yaml", facts), ("rules.yaml", rules)):
        (folder / name).write_text(text, "utf-8")
    return folder / "law.yaml"


def loaded(folder: Path, rules: str = RULES, facts: str = FACTS) -> LawBook:
    return load_law(written(folder, rules, facts), is_workday=is_weekday)
