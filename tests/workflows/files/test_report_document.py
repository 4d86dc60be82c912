"""The neutral report and its two files: numbering, escaping, and that nothing is empty."""

from __future__ import annotations

from io import BytesIO
from xml.etree import ElementTree

import pytest
from docx import Document
from docx.oxml.ns import qn

from service.workflows.files.report_document import (
    BAR_SHADES,
    Bars,
    Block,
    Cell,
    Heading,
    Matrix,
    Paragraph,
    Point,
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
SVG = "{http://www.w3.org/2000/svg}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
GRID = Matrix("矩阵", ("高", "低"), ("小", "大"), ((Cell("small", "a"), Cell("major", "b")),) * 2, (1, 0.5), (0.5, 1),
              (Point(1, "甲", 0.8, 0.9), Point(2, "乙", 0.8, 0.9), Point(3, "丙", 0.2, 0.1)))  # fmt: skip
PAIRS = Bars("对照", ("1 甲", "2 乙"), (("前", (0.81, None)), ("后", (0.09, 0.04))))


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
    assert 'fill="#E06666"' in html_of(report(GRID))


@pytest.mark.parametrize("draft", [True, False])
def test_what_every_page_says_stands_in_the_head_of_the_pages(draft: bool) -> None:
    word = Document(BytesIO(docx_of(report(Paragraph("一"), draft=draft))))
    assert [section.header.paragraphs[0].text for section in word.sections] == ["草稿"]
    assert ('<p class="mark draft">' in html_of(report(draft=draft))) is draft


def svg_of(block: Block) -> ElementTree.Element:
    page = ElementTree.fromstring(html_of(report(block)).removeprefix("<!DOCTYPE html>\n"))  # noqa: S314
    found = page.find(f".//{SVG}svg")
    assert found is not None
    return found


def test_the_matrix_of_the_page_is_drawn_to_scale_and_told_in_words() -> None:
    """A field ends where its band ends; factors at one place share a dot and are both named."""
    drawing = svg_of(GRID)
    fields = [each for each in drawing.iter(f"{SVG}rect") if each.get("fill", "").startswith("#")]
    assert [round(float(each.get("width", 0))) for each in fields] == [210, 210, 210, 210]
    dots = [(each.get("cx"), each.get("cy")) for each in drawing.iter(f"{SVG}circle")]
    assert dots == [("204.0", "390.0"), ("456.0", "54.0")]
    assert "1、2" in [each.text for each in drawing.iter(f"{SVG}text")]
    assert drawing.findtext(f"{SVG}desc") == "1 甲：p＝0.9，q＝0.8；2 乙：p＝0.9，q＝0.8；3 丙：p＝0.1，q＝0.2"


def test_bars_are_as_long_as_their_values_on_the_page_and_in_word() -> None:
    drawing = svg_of(PAIRS)
    shades = (f"#{shade}" for shade in BAR_SHADES)
    before, after = ([float(each.get("width", 0)) for each in drawing.iter(f"{SVG}rect")
                      if each.get("fill") == shade and each.get("height") == "15"] for shade in shades)  # fmt: skip
    assert before[0] / after[0] == pytest.approx(9, abs=0.05)
    assert before[1] == 0
    assert "未填" in [each.text for each in drawing.iter(f"{SVG}text")]

    word = Document(BytesIO(docx_of(report(PAIRS, PAIRS))))
    charts = [part for part in word.part.package.iter_parts() if part.partname.startswith("/word/charts/")]
    assert sorted(str(part.partname) for part in charts) == ["/word/charts/chart1.xml", "/word/charts/chart2.xml"]
    chart = ElementTree.fromstring(charts[0].blob)  # noqa: S314
    values = [[point.findtext(f"{CHART}v") for point in each.iter(f"{CHART}pt")] for each in chart.iter(f"{CHART}val")]
    assert values == [["0.81"], ["0.09", "0.04"]]


def test_the_word_file_says_that_it_is_chinese_and_starts_after_its_cover_on_a_new_page() -> None:
    word = Document(BytesIO(docx_of(report(Heading(1, "章"), Paragraph("文")))))
    language = word.styles["Normal"].element.rPr.find(qn("w:lang"))
    assert language.get(qn("w:eastAsia")) == "zh-CN"
    assert next(each for each in word.paragraphs if each.text == "章").paragraph_format.page_break_before


def test_a_row_that_may_be_taller_than_a_page_may_be_split() -> None:
    word = Document(BytesIO(docx_of(report(Table("表", ("甲",), (("短",), ("长" * 900,)), (1,))))))
    whole = [row._tr.find(f"{qn('w:trPr')}/{qn('w:cantSplit')}") is not None for row in word.tables[1].rows]
    assert whole == [True, True, False]


def test_the_mark_in_the_margin_of_printed_pages_cannot_leave_its_style() -> None:
    page = html_of(Report("题", "报告", (("单位", "甲"),), '</style>"; } body { display: none', False, ()))
    assert page.count("</style>") == 1
    assert "display: none" not in page.partition("<body>")[0]
