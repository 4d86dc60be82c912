"""The neutral report and its two files: numbering, escaping, and that nothing is empty."""

from __future__ import annotations

from io import BytesIO
from xml.etree import ElementTree

import pytest
from docx import Document
from docx.oxml.ns import qn

from service.workflows.files.report_document import (
    Block,
    Cell,
    Heading,
    Matrix,
    Paragraph,
    Report,
    Table,
    chinese,
    numbered,
    table,
)
from service.workflows.files.report_docx import docx_of
from service.workflows.files.report_html import html_of

NASTY = '<script>alert("1")</script> & 片区\x0b\ufffe'
SHOWN = '<script>alert("1")</script> & 片区'
GRID = Matrix("矩阵", ("高", "低"), ("小", "大"), ((Cell("small", "a"), Cell("major", "b")),) * 2)


def report(*blocks: Block, draft: bool = True) -> Report:
    return Report(NASTY, "报告", (("单位", NASTY),), "草稿", draft, blocks)


def test_headings_count_anew_below_each_higher_one() -> None:
    blocks = [Heading(level, "节") for level in (1, 2, 3, 3, 2, 3, 1, 2)]
    blocks.append(Heading(1, "附件", counted=False))
    assert [block.text for block in numbered(blocks) if isinstance(block, Heading)] == [
        "一、节", "（一）节", "1. 节", "2. 节", "（二）节", "1. 节", "二、节", "（一）节", "附件",
    ]  # fmt: skip


@pytest.mark.parametrize(("number", "text"), [(1, "一"), (10, "十"), (11, "十一"), (20, "二十"), (32, "三十二")])
def test_numbers_of_chapters_are_chinese(number: int, text: str) -> None:
    assert chinese(number) == text


def test_a_table_without_rows_says_none_and_why() -> None:
    assert table("表", {"甲": 1}, [], "没有登记。") == Paragraph("无。没有登记。")
    with pytest.raises(ValueError, match="没有行"):
        Table("表", ("甲",), (), (1,))


def test_the_page_is_well_formed_and_shows_what_was_entered_literally() -> None:
    page = html_of(report(Heading(1, NASTY), Paragraph(NASTY), Table("表", ("甲",), ((NASTY,),), (1,)), GRID))
    tree = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314
    assert tree.find(".//script") is None
    for tag in ("h1", "h2", "title", "section/table/tr/td", "tbody/tr/td"):
        assert tree.find(f".//{tag}").text == SHOWN, tag  # type: ignore[union-attr]


def test_the_word_file_shows_what_was_entered_literally_and_indents_by_two_characters() -> None:
    word = Document(BytesIO(docx_of(report(Paragraph(NASTY), Table("表", ("甲",), ((NASTY,),), (1,))))))
    shown = next(each for each in word.paragraphs if each.paragraph_format.first_line_indent)
    assert shown.text == SHOWN
    assert shown._p.pPr.ind.get(qn("w:firstLineChars")) == "200"
    assert shown.runs[0]._r.rPr.rFonts.get(qn("w:eastAsia")) == "仿宋"
    assert word.tables[1].cell(1, 0).text == SHOWN


def test_a_field_of_the_matrix_has_the_shade_of_its_class() -> None:
    word = Document(BytesIO(docx_of(report(GRID))))
    shades = [shade.get(qn("w:fill")) for shade in word.tables[1].cell(1, 2)._tc.iter(qn("w:shd"))]
    assert shades == ["E06666"]
    assert "background:#E06666" in html_of(report(GRID))


@pytest.mark.parametrize("draft", [True, False])
def test_what_every_page_says_stands_in_the_head_of_the_pages(draft: bool) -> None:
    word = Document(BytesIO(docx_of(report(Paragraph("一"), draft=draft))))
    assert [section.header.paragraphs[0].text for section in word.sections] == ["草稿"]
    assert ('<p class="mark draft">' in html_of(report(draft=draft))) is draft
