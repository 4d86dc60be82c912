"""Pairs of bars as a chart of the Word file's own kind (DrawingML): drawn by Word, sharp in print, its text editable.

The values stand in the chart itself; there is no workbook behind it.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from docx.document import Document as Word
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.shared import Length, Mm

from service.workflows.files.report_document import BAR_SHADES, Bars, printable

_C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_WP = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
_FONT = (
    '<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr lang="zh-CN" altLang="en-US" sz="900">'
    '<a:latin typeface="Times New Roman"/><a:ea typeface="宋体"/></a:defRPr></a:pPr>'
    '<a:endParaRPr lang="zh-CN"/></a:p></c:txPr>'
)
_CATEGORIES, _VALUES = 111111111, 222222222  # ids of the two axes, any two numbers


def add_bars(word: Word, block: Bars, width: Length) -> None:
    """A paragraph with the chart, as high as its bars need."""
    number = sum(part.partname.startswith("/word/charts/") for part in word.part.package.iter_parts()) + 1
    part = Part(
        PackURI(f"/word/charts/chart{number}.xml"), CONTENT_TYPE.DML_CHART, _chart(block).encode(), word.part.package
    )
    relation = word.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
    paragraph = word.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    height = Mm(28 + 9 * len(block.names))
    paragraph.add_run()._r.append(_drawing((number, relation), printable(block.caption), width, height))


def _drawing(named: tuple[int, str], caption: str, width: Length, height: Length) -> Any:
    number, relation = named
    return parse_xml(
        f'<w:drawing xmlns:w="{_W}" xmlns:wp="{_WP}" xmlns:a="{_A}" xmlns:r="{_R}">'
        f'<wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{width}" cy="{height}"/>'
        f'<wp:docPr id="{1000 + number}" name="chart{number}" descr={quoteattr(caption)}/><wp:cNvGraphicFramePr/>'
        f'<a:graphic><a:graphicData uri="{_C}"><c:chart xmlns:c="{_C}" r:id="{relation}"/></a:graphicData></a:graphic>'
        "</wp:inline></w:drawing>"
    )


def _chart(block: Bars) -> str:
    series = "".join(_series(n, block) for n in range(len(block.series)))
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<c:chartSpace xmlns:c="{_C}" xmlns:a="{_A}" xmlns:r="{_R}"><c:roundedCorners val="0"/>'
        '<c:chart><c:autoTitleDeleted val="1"/><c:plotArea><c:layout/>'
        '<c:barChart><c:barDir val="bar"/><c:grouping val="clustered"/><c:varyColors val="0"/>'
        f'{series}<c:gapWidth val="60"/><c:axId val="{_CATEGORIES}"/><c:axId val="{_VALUES}"/></c:barChart>'
        f"{_category_axis()}{_value_axis()}</c:plotArea>"
        f'<c:legend><c:legendPos val="b"/><c:overlay val="0"/>{_FONT}</c:legend><c:plotVisOnly val="1"/>'
        '<c:dispBlanksAs val="gap"/></c:chart></c:chartSpace>'
    )


def _series(place: int, block: Bars) -> str:
    name, values = block.series[place]
    names = "".join(f'<c:pt idx="{n}"><c:v>{_text(one)}</c:v></c:pt>' for n, one in enumerate(block.names))
    points = "".join(f'<c:pt idx="{n}"><c:v>{v:.9g}</c:v></c:pt>' for n, v in enumerate(values) if v is not None)
    count = f'<c:ptCount val="{len(block.names)}"/>'
    return (
        f'<c:ser><c:idx val="{place}"/><c:order val="{place}"/>'
        f"<c:tx><c:v>{_text(name)}</c:v></c:tx>"
        f'<c:spPr><a:solidFill><a:srgbClr val="{BAR_SHADES[place]}"/></a:solidFill></c:spPr>'
        '<c:invertIfNegative val="0"/>'
        f'<c:dLbls><c:numFmt formatCode="0.####" sourceLinked="0"/><c:spPr><a:noFill/></c:spPr>{_FONT}'
        '<c:showLegendKey val="0"/><c:showVal val="1"/><c:showCatName val="0"/><c:showSerName val="0"/>'
        '<c:showPercent val="0"/><c:showBubbleSize val="0"/></c:dLbls>'
        f"<c:cat><c:strLit>{count}{names}</c:strLit></c:cat>"
        f"<c:val><c:numLit><c:formatCode>General</c:formatCode>{count}{points}</c:numLit></c:val></c:ser>"
    )


def _category_axis() -> str:
    """From the top down, as the names are read."""
    return (
        f'<c:catAx><c:axId val="{_CATEGORIES}"/><c:scaling><c:orientation val="maxMin"/></c:scaling>'
        '<c:delete val="0"/><c:axPos val="l"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>'
        f'<c:tickLblPos val="low"/>{_FONT}<c:crossAx val="{_VALUES}"/><c:crosses val="autoZero"/></c:catAx>'
    )


def _value_axis() -> str:
    return (
        f'<c:valAx><c:axId val="{_VALUES}"/><c:scaling><c:orientation val="minMax"/><c:max val="1"/><c:min val="0"/>'
        '</c:scaling><c:delete val="0"/><c:axPos val="b"/>'
        '<c:majorGridlines><c:spPr><a:ln><a:solidFill><a:srgbClr val="DDDDDD"/></a:solidFill></a:ln></c:spPr>'
        '</c:majorGridlines><c:numFmt formatCode="0.0" sourceLinked="0"/><c:majorTickMark val="none"/>'
        f'<c:minorTickMark val="none"/><c:tickLblPos val="nextTo"/>{_FONT}'
        f'<c:crossAx val="{_CATEGORIES}"/><c:crosses val="max"/><c:crossBetween val="between"/>'
        '<c:majorUnit val="0.2"/></c:valAx>'
    )


def _text(text: str) -> str:
    return escape(printable(text))
