"""A report as a Word file in the manner of Chinese official documents: 仿宋 body, 黑体 headings, 宋体 tables, A4."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from docx import Document
from docx.document import Document as Word
from docx.enum.table import WD_ALIGN_VERTICAL
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt, RGBColor
from docx.table import Table as WordTable
from docx.table import _Cell as WordCell
from docx.text.paragraph import Paragraph as WordParagraph

from service.workflows.files.report_chart import add_bars
from service.workflows.files.report_document import (
    SHADES,
    Bars,
    Block,
    Heading,
    Matrix,
    Paragraph,
    Report,
    Table,
    printable,
)

_BODY, _HEADS, _CELLS = "仿宋", "黑体", "宋体"
_LATIN = "Times New Roman"
_SMALL = Pt(10.5)
_SIZES = {1: Pt(16), 2: Pt(15), 3: Pt(14)}
_SHORT = 7  # rows of a table that is not split between pages
_LONG = 200  # characters of a cell whose row may be split: a row taller than a page would be cut off
_WIDTH = Mm(160)  # between the margins
_RED = RGBColor(0xC0, 0, 0)


def docx_of(report: Report) -> bytes:
    """The file. Slow (tens of milliseconds and more): not for an event loop."""
    word = Document()
    _set_up(word, report)
    _cover(word, report)
    for block in report.blocks:
        _block(word, block)
    _new_page(word)
    file = BytesIO()
    word.save(file)
    return file.getvalue()


def _set_up(word: Word, report: Report) -> None:
    section = word.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(25)
    section.top_margin, section.bottom_margin = Mm(30), Mm(28)
    _font(word.styles["Normal"], _BODY, Pt(14))
    _in_chinese(word)
    for level, size in _SIZES.items():
        style = word.styles[f"Heading {level}"]
        _font(style, _HEADS, size)
        style.font.bold, style.font.color.rgb = False, RGBColor(0, 0, 0)
    word.core_properties.title = printable(report.title)[:255]
    word.core_properties.author = word.core_properties.comments = ""
    _head(section.header.paragraphs[0], report)
    _page_number(section.footer.paragraphs[0])


def _font(style: Any, name: str, size: Length) -> None:
    """Word asks for the font of Chinese characters apart from that of letters and digits."""
    style.font.name, style.font.size = _LATIN, size
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    fonts.set(qn("w:eastAsia"), name)


def _in_chinese(word: Word) -> None:
    """Without it the shapes of punctuation are those of whatever language the reader's program is set to."""
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "en-US")
    language.set(qn("w:eastAsia"), "zh-CN")
    properties = word.styles["Normal"].element.get_or_add_rPr()
    properties.append(language)


def _head(paragraph: WordParagraph, report: Report) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    run = paragraph.add_run(printable(report.mark))
    run.font.size = Pt(16 if report.draft else 9)
    if report.draft:
        run.font.color.rgb, run.font.bold = _RED, True


def _page_number(paragraph: WordParagraph) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)


def _cover(word: Word, report: Report) -> None:
    for text, size, before in ((report.title, Pt(24), Pt(110)), (report.kind, Pt(20), Pt(18))):
        paragraph = word.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.space_before = before
        _run(paragraph, text, _HEADS, size)
    word.add_paragraph().paragraph_format.space_after = Pt(80)
    table = _grid(word, len(report.cover), (1, 2))
    for row, (name, value) in zip(table.rows, report.cover, strict=True):
        _fill(row.cells[0], name, Pt(12), head=True)
        _fill(row.cells[1], value, Pt(12))


def _new_page(word: Word) -> None:
    """What follows the cover begins on a page of its own."""
    first = next((each for each in word.paragraphs if each.style is not None and each.style.name == "Heading 1"), None)
    if first is not None:
        first.paragraph_format.page_break_before = True


def _block(word: Word, block: Block) -> None:
    if isinstance(block, Heading):
        word.add_heading(printable(block.text), block.level).paragraph_format.keep_with_next = True
    elif isinstance(block, Paragraph):
        _paragraph(word, block)
    elif isinstance(block, Table):
        _table(word, block)
    elif isinstance(block, Matrix):
        _matrix(word, block)
    else:
        _bars(word, block)


def _paragraph(word: Word, block: Paragraph) -> None:
    paragraph = word.add_paragraph()
    paragraph.paragraph_format.line_spacing = 1.5
    paragraph.paragraph_format.space_after = Pt(0)
    _indent(paragraph)
    run = _run(paragraph, block.text, _BODY, Pt(12 if block.note else 14))
    if block.note:
        run.font.color.rgb = RGBColor(0x7F, 0x3F, 0)


def _indent(paragraph: WordParagraph) -> None:
    """Two characters whatever their size; the length beside it is for readers that do not count in characters."""
    paragraph.paragraph_format.first_line_indent = Pt(28)
    indent = paragraph._p.get_or_add_pPr().get_or_add_ind()
    indent.set(qn("w:firstLineChars"), "200")


def _table(word: Word, block: Table) -> None:
    _caption(word, block.caption)
    table = _grid(word, 1 + len(block.rows), block.widths)
    _repeat(table)
    if len(block.rows) <= _SHORT and sum(len(text) for row in block.rows for text in row) < _SHORT * _LONG:
        _together(table)
    for row, cells in zip(table.rows, (block.header, *block.rows), strict=True):
        if max(map(len, cells)) < _LONG:
            _whole(row)
        for cell, text in zip(row.cells, cells, strict=True):
            _fill(cell, text, head=cells is block.header)
    _after(word)


def _matrix(word: Word, block: Matrix) -> None:
    _caption(word, block.caption)
    table = _grid(word, 1 + len(block.rows), (1,) * (1 + len(block.columns)))
    for cell, text in zip(table.rows[0].cells, ("概率 p＼影响 q", *block.columns), strict=True):
        _fill(cell, text, head=True)
    _together(table)
    for row, name, cells in zip(table.rows[1:], block.rows, block.cells, strict=True):
        _whole(row)
        first, *others = row.cells
        _fill(first, name, head=True)
        for cell, field in zip(others, cells, strict=True):
            _fill(cell, field.text)
            _shade(cell, SHADES[field.risk])
    _after(word)


def _bars(word: Word, block: Bars) -> None:
    _caption(word, block.caption)
    add_bars(word, block, _WIDTH)
    _after(word)


def _together(table: WordTable) -> None:
    """It moves to the next page whole."""
    for row in table.rows[:-1]:
        for cell in row.cells:
            cell.paragraphs[0].paragraph_format.keep_with_next = True


def _caption(word: Word, text: str) -> None:
    paragraph = word.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.keep_with_next = True
    paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(8), Pt(3)
    _run(paragraph, text, _HEADS, Pt(12))


def _grid(word: Word, rows: int, widths: tuple[int, ...]) -> WordTable:
    table: WordTable = word.add_table(rows=rows, cols=len(widths), style="Table Grid")
    table.autofit = False
    _padded(table)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Length(_WIDTH * width // sum(widths))
        for cell in column.cells:
            cell.width = column.width
    return table


def _padded(table: WordTable) -> None:
    """Room above and below the text of a cell, in twentieths of a point."""
    margins = OxmlElement("w:tblCellMar")
    for side, room in (("top", 45), ("left", 70), ("bottom", 45), ("right", 70)):
        edge = OxmlElement(f"w:{side}")
        edge.set(qn("w:w"), f"{room}")
        edge.set(qn("w:type"), "dxa")
        margins.append(edge)
    table._tbl.tblPr.append(margins)


def _fill(cell: WordCell, text: str, size: Length = _SMALL, head: bool = False) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.paragraph_format.space_after = Pt(0)
    cell.vertical_alignment = WD_ALIGN_VERTICAL.CENTER
    _run(paragraph, text, _HEADS if head else _CELLS, size)
    if head:
        _shade(cell, "EEEEEE")


def _run(paragraph: WordParagraph, text: str, font: str, size: Length) -> Any:
    run = paragraph.add_run(printable(text))
    _font_of_run(run, font, size)
    return run


def _font_of_run(run: Any, font: str, size: Length) -> None:
    run.font.name, run.font.size = _LATIN, size
    run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)


def _shade(cell: WordCell, colour: str) -> None:
    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
        shade.set(qn(f"w:{name}"), value)
    cell._tc.get_or_add_tcPr().append(shade)


def _repeat(table: WordTable) -> None:
    """The head of a table stands on each page it reaches."""
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _whole(row: Any) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _after(word: Word) -> None:
    spacer = word.add_paragraph().paragraph_format
    spacer.space_after, spacer.line_spacing = Pt(0), Pt(8)
