"""reportlab: a document with text, a table and a drawing."""

import os
from pathlib import Path

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.shapes import Drawing
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

target = Path(os.environ["EXPORT_DIR"], "reports", "report.pdf")
drawing, bars = Drawing(200, 100), VerticalBarChart()
bars.data = [(1, 2, 3)]
drawing.add(bars)
story = [Paragraph("Portfolio", getSampleStyleSheet()["Title"]), Table([["a", 1], ["b", 2]] * 40), drawing]
SimpleDocTemplate(str(target), pagesize=A4).build(story)
assert target.read_bytes().startswith(b"%PDF")
