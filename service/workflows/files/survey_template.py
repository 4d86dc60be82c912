"""The sheet that a questionnaire is typed into: the questions as columns, the answers to choose from, and how to."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.datavalidation import DataValidation

_COLUMNS = {  # head → answers to choose from; empty: written by hand
    "序号": (),
    "填写日期": (),
    "知晓": ("知晓", "不知晓"),
    "态度": ("支持", "有条件支持", "反对", "未表态"),
    "主要关切": (),
    "年龄段": ("18-35", "36-60", "60以上"),
    "与项目的关系": ("产权人", "承租人", "周边居民", "经营者", "其他"),
}
_ROWS = 5000  # rows that offer the answers
_HOW = (
    "每行一份答卷，第一行是列名。态度一列必填列名；其他列可以增减，每题一列，答案用固定选项。",
    "不得有姓名、电话、证件号码、住址、签名等列；有则整个文件拒收，并指出要删除的列。",
    "主要关切可填多项，用分号分开；同一说法满 5 份才列出，其余合并计数。",
    "文件只在内存中读取和计数，不保存任何一份答卷，只留下各项数量和文件的 SHA-256；原件由责任单位保存。",
    "也可以只交汇总表：两列“态度”“人数”，每种态度一行。",
)


def survey_template() -> bytes:
    """The workbook: an empty first sheet 答卷, a second one 说明."""
    book = Workbook()
    sheet: Any = book.worksheets[0]
    sheet.title = "答卷"
    sheet.append(list(_COLUMNS))
    sheet.freeze_panes = "A2"
    for place, (head, answers) in enumerate(_COLUMNS.items(), 1):
        cell = sheet.cell(1, place)
        cell.font = Font(bold=True)
        sheet.column_dimensions[cell.column_letter].width = max(12, 2.4 * len(head))
        if answers:
            offered = DataValidation(type="list", formula1=f'"{",".join(answers)}"', allow_blank=True)
            offered.add(f"{cell.column_letter}2:{cell.column_letter}{_ROWS}")
            sheet.add_data_validation(offered)
    how: Any = book.create_sheet("说明")
    how.column_dimensions["A"].width = 90
    for line in _HOW:
        how.append([line])
        how.cell(how.max_row, 1).alignment = Alignment(wrap_text=True)
    file = BytesIO()
    book.save(file)
    return file.getvalue()
