"""openpyxl and XlsxWriter, by themselves and from pandas."""

import os
from pathlib import Path

import pandas as pd
import xlsxwriter
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference

FOLDER = Path(os.environ["EXPORT_DIR"], "reports")

workbook = Workbook()
sheet = workbook.active
for number in range(1, 11):
    sheet.append([number, number * number])
chart = BarChart()
chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=10))
sheet.add_chart(chart, "D1")
workbook.save(FOLDER / "squares.xlsx")
assert load_workbook(FOLDER / "squares.xlsx", read_only=True).active["B10"].value == 100

with xlsxwriter.Workbook(FOLDER / "large.xlsx", {"constant_memory": True}) as written:
    page = written.add_worksheet()
    for row in range(2000):
        page.write_row(row, 0, [row, f"row {row}"])
assert len(pd.read_excel(FOLDER / "large.xlsx", header=None)) == 2000

pd.DataFrame({"a": [1, 2]}).to_excel(FOLDER / "frame.xlsx", engine="openpyxl")
assert pd.read_excel(FOLDER / "frame.xlsx")["a"].sum() == 3
