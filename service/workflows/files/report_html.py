"""A report as one HTML page that needs nothing else: no script, no address, printable on A4."""

from __future__ import annotations

from html import escape

from service.workflows.files.report_document import Block, Heading, Matrix, Paragraph, Report, Table, printable
from service.workflows.files.report_svg import bars_svg, matrix_svg

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy the page can live with."""

_STYLE = """
@page { size: A4; margin: 25mm 22mm; }
body { font-family: "仿宋", FangSong, STFangsong, "Noto Serif CJK SC", serif; font-size: 16pt; line-height: 1.75;
  max-width: 46em; margin: 0 auto; padding: 1em; color: #000; background: #fff; }
h1, h2, h3, h4, th, caption { font-weight: normal;
  font-family: "黑体", SimHei, STHeiti, "Noto Sans CJK SC", sans-serif; }
h1 { text-align: center; font-size: 24pt; } h2 { font-size: 18pt; } h3 { font-size: 16pt; } h4 { font-size: 16pt; }
h2, h3, h4, caption, thead tr { break-after: avoid; } tbody tr:first-child { break-before: avoid; }
p { text-indent: 2em; margin: .3em 0; text-align: justify; overflow-wrap: anywhere; }
p.note { border-left: 3px solid #b45f06; padding-left: .5em; font-size: 14pt; }
section.cover { break-after: page; padding: 4em 0; } .kind { text-align: center; text-indent: 0; font-size: 20pt; }
table { border-collapse: collapse; width: 100%; margin: .6em 0; table-layout: fixed; line-height: 1.4;
  font-family: "宋体", SimSun, STSong, "Noto Serif CJK SC", serif; font-size: 11pt; }
caption { font-size: 12pt; padding: .3em; } tr { break-inside: avoid; }
th, td { border: 1px solid #333; padding: .25em .4em; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eee; } figure { margin: .8em 0; text-align: center; break-inside: avoid; }
svg { width: 100%; height: auto; font-family: "宋体", SimSun, STSong, "Noto Serif CJK SC", serif; }
figcaption { font-size: 12pt; font-family: "黑体", SimHei, STHeiti, "Noto Sans CJK SC", sans-serif; }
.mark { position: fixed; top: 0; right: 0; margin: 0; padding: .1em .6em; text-indent: 0; font-size: 10pt;
  background: #fff; }
@media print { body { max-width: none; padding: 0; } .mark { position: static; text-align: right; } }
.draft { color: #c00; font-size: 16pt; border: 2px solid #c00; }
"""


def html_of(report: Report) -> str:
    """The page, well-formed as XML too; everything that was entered is escaped."""
    title = _text(report.title)
    mark = f'<p class="mark{" draft" if report.draft else ""}">{_text(report.mark)}</p>'
    cover = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in report.cover)
    return (
        f'<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8"/><title>{title}</title>'
        f"<style>{_STYLE}{_running_head(report)}</style></head><body>{mark}\n"
        f'<section class="cover"><h1>{title}</h1><p class="kind">{_text(report.kind)}</p>'
        f"<table>{cover}</table></section>\n{chr(10).join(map(_block, report.blocks))}\n</body></html>\n"
    )


def _running_head(report: Report) -> str:
    """The mark in the margin of every printed page, where it covers nothing; as escapes, so that no text is markup."""
    escaped = "".join(f"\\{ord(char):x} " for char in printable(report.mark))
    colour = "#c00" if report.draft else "#000"
    return f'@page {{ @top-right {{ content: "{escaped}"; color: {colour}; font-size: 10pt; }} }}\n'


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level + 1}>{_text(block.text)}</h{block.level + 1}>"
    if isinstance(block, Paragraph):
        opening = '<p class="note">' if block.note else "<p>"
        return f"{opening}{_text(block.text)}</p>"
    if isinstance(block, Table):
        return _table(block)
    return matrix_svg(block) if isinstance(block, Matrix) else bars_svg(block)


def _table(block: Table) -> str:
    total = sum(block.widths)
    columns = "".join(f'<col style="width:{100 * width / total:.1f}%"/>' for width in block.widths)
    head = _row("th", block.header)
    rows = "\n".join(_row("td", row) for row in block.rows)
    return (
        f"<table><caption>{_text(block.caption)}</caption><colgroup>{columns}</colgroup>"
        f"<thead>{head}</thead><tbody>\n{rows}\n</tbody></table>"
    )


def _row(tag: str, cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_text(cell)}</{tag}>" for cell in cells) + "</tr>"


def _text(text: str) -> str:
    return escape(printable(text)).replace("\n", "<br/>")
