"""A file that cannot be read says where and why."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from service.rules.plain_yaml import NotPlain, PlainReader
from service.rules.positions import MOST_BYTES, read_source
from tests.source import ROOT

SHIPPED = sorted((ROOT / "service").rglob("*.yaml"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "f.yaml:1:1: 文件是空的"),
        (b"# nothing here\n", "f.yaml:1:1: 文件是空的"),
        (b"a: 1\nb: [1, 2\n", "f.yaml:3:1: 不是合法的 YAML"),
        (b"a: 1\nb: {op: >, c: 1}\n", "f.yaml:2:9: 不是合法的 YAML"),
        (b"a: 1\n\tb: 2\n", "f.yaml:2:1: 不是合法的 YAML"),
        (b"a: 1\n--- \nb: 2\n", "f.yaml:2:1: 不是合法的 YAML"),
        (b"a: \xff\xfe\n", "f.yaml:1:4: 不是 UTF-8 文本"),
        ("名: 一\n二: ".encode() + b"\x80", "f.yaml:2:4: 不是 UTF-8 文本"),
        (b"a: 1\nb: \x00\x01\n", "f.yaml:2:4: 含有不可见的控制字符 U+0000"),
        (b"[" * 60 + b"]" * 60, "f.yaml:1:41: 不是合法的 YAML：嵌套超过 40 层"),
        (b"x" * (MOST_BYTES + 1), "f.yaml:1:1: 文件太大：超过 512 KiB"),
        (b"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: 键 ‘a’ 重复，前一个在第 1 行"),
        (b"a: &x 1\n", "f.yaml:1:4: 不许用锚点 ‘&x’"),
        (b"a: 2026-13-45\n", "f.yaml:1:4: ‘2026-13-45’ 不是有效的日期或数字"),
        (b"a: !!python/object:os.system x\n", "f.yaml:1:4: 不认识的标签"),
        (b"a: .nan\n", "f.yaml:1:4: ‘.nan’ 不是有限的数"),
        (b"? [a]\n: 1\n", "f.yaml:1:3: 键必须是文字"),
    ],
)
def test_an_unreadable_file_names_the_place(content: bytes, expected: str) -> None:
    document = read_source(content, "f.yaml")
    assert str(document.errors[0]).startswith(expected)


def test_an_alias_is_refused_beside_its_anchor() -> None:
    document = read_source("a: &x [1]\nb: *x\n", "f.yaml")
    assert [str(error) for error in document.errors] == [
        "f.yaml:1:4: 不许用锚点 ‘&x’",
        "f.yaml:2:4: 不许用别名 ‘*x’，请把内容写出来",
    ]


def test_a_file_that_is_not_there_is_a_fault_and_not_a_crash(tmp_path: Path) -> None:
    document = read_source(tmp_path / "none.yaml")
    assert "读不到文件" in document.errors[0].message


def test_a_byte_order_mark_does_not_move_columns() -> None:
    document = read_source("\ufeffa: 1\n".encode(), "f.yaml")
    assert document.data == {"a": 1}
    assert document.values[("a",)] == (1, 4)


def test_columns_count_characters_and_not_bytes() -> None:
    document = read_source("{名称: 一, 条件: 二}", "f.yaml")
    assert document.values[("条件",)] == (1, 13)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_the_fast_reader_sees_in_what_ships_what_the_careful_one_sees(file: Path) -> None:
    text = file.read_text("utf-8")
    plain = PlainReader(text)
    data = plain.read()
    careful = read_source(f"{text}\nlast: &only_the_careful_reader_reads_on 1\n", file.name)
    last = ("last",)
    assert careful.data == {**data, "last": 1}
    assert careful.values == {**plain.values, last: careful.values[last]}
    assert careful.keys == {**plain.keys, last: careful.keys[last]}


@pytest.mark.parametrize(
    "text",
    ["", "a: &x 1", "a: [*x]", "a: !x 1", "!!map {a: 1}", "a: 1\na: 2", "? [1]\n: 2", "&x a: 1", "a: .inf",
     "<<: 1\na: <<",
     "a: 2026-13-45", "a\n---\nb", "[" * 41 + "]" * 41, "a: [1, 2", "\ta: 1"],
)  # fmt: skip
def test_the_fast_reader_leaves_what_is_out_of_the_ordinary_alone(text: str) -> None:
    with pytest.raises(NotPlain):
        PlainReader(text).read()


def test_the_fast_reader_gives_scalars_their_types() -> None:
    text = "{a: 1, b: 1.5, c: yes, d: ~, e: , f: =, g: '1', h: 2026-01-02, i: 否, j: 0x10, k: \"no\", l: 1e3x}"
    assert list(PlainReader(text).read().values()) == [
        1, 1.5, True, None, None, "=", "1", date(2026, 1, 2), "否", 16, "no", "1e3x",
    ]  # fmt: skip
