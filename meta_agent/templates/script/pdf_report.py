"""The result as a PDF report with tables, charts, and where they come from."""

import io
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Image,
    LongTable,
    Paragraph,
    Preformatted,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from meta_agent.templates.script.charts import chart_figure
from meta_agent.templates.script.columns import (
    cell_texts,
    colour_of,
    heading,
    is_numeric,
    origin_lines,
)

PAPER = {"green": "#DFF2DF", "yellow": "#FFF3C4", "red": "#FBDAD7", "blue": "#DDEBF7"}
DARK = HexColor("#1F3864")
LIGHT = HexColor("#F4F6FA")
LINE = HexColor("#C5CCD8")
MARGIN = 42
CELL_PADDING = 4
FONT_SIZE = 8
NARROWEST_TEXT = 70
LONGEST_SHOWN = 400
MOST_ROWS = 2_000
SQL_LETTERS = 100


def pdf_file(result, about, queries, drawings):
    """A report as bytes. ``drawings``: a function for each kind of chart."""
    register_fonts()
    tables = result["tables"]
    is_wide = any(
        sum(least_widths(table, about)) > A4[0] - 2 * MARGIN for table in tables
    )
    size = landscape(A4) if is_wide else A4
    width = size[0] - 2 * MARGIN
    story = [
        paragraph(about["title"], size=18, bold=True, after=10),
        paragraph(about["request"], colour="#444444", after=12),
    ]
    if result["summary"]:
        story += [*section("Summary"), pairs_table(summary_lines(result, about), width)]
    for table in tables:
        story += table_parts(table, about, width)
        figure = chart_figure(table, about, drawings)
        story += [] if figure is None else [Spacer(1, 10), picture(figure, width, size)]
    notes = [*about["assumptions"], *result["warnings"]]
    if notes:
        story += [
            *section("Assumptions and remarks"),
            *(paragraph(f"• {n}") for n in notes),
        ]
    story += [
        *section("Where this comes from"),
        pairs_table(origin_lines(about), width),
    ]
    for title, sql in queries:
        story.append(paragraph(title, bold=True, before=8, after=2))
        style = ParagraphStyle("sql", fontName="Mono", fontSize=7, leading=9)
        story.append(Preformatted(sql.strip(), style, maxLineLength=SQL_LETTERS))
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=size,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 10,
        title=about["title"],
        author="Meta-Agent Script Executor",
    )
    document.build(story, canvasmaker=NumberedCanvas)
    return buffer.getvalue()


class NumberedCanvas(Canvas):
    """Writes "page of pages" below each page, which is known when all are there."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.finished = []

    def showPage(self):
        """Keep the page until all are counted."""
        self.finished.append(dict(self.__dict__))
        self._startPage()

    def save(self):
        """Number the pages and write them."""
        for number, state in enumerate(self.finished, 1):
            self.__dict__.update(state)
            self.setFont("Body", 7)
            self.drawRightString(
                self._pagesize[0] - MARGIN, 28, f"Page {number} of {len(self.finished)}"
            )
            super().showPage()
        super().save()


def register_fonts():
    """Fonts that know most alphabets; they come with matplotlib."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name, file in (("Body", ""), ("Strong", "-Bold"), ("Mono", "Mono")):
        registerFont(TTFont(name, str(folder / f"DejaVuSans{file}.ttf")))


def paragraph(
    text, size=9, bold=False, colour="#000000", before=0, after=3, right=False
):
    """A text as it is: nothing in it is markup."""
    style = ParagraphStyle(
        "text",
        fontName="Strong" if bold else "Body",
        fontSize=size,
        leading=size * 1.3,
        textColor=HexColor(colour),
        spaceBefore=before,
        spaceAfter=after,
        splitLongWords=True,
        **({"alignment": TA_RIGHT} if right else {}),
    )
    plain = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return Paragraph(escape(plain).replace("\n", "<br/>"), style)


def section(title):
    """A heading; on the next page where little of this one is left."""
    return [CondPageBreak(90), paragraph(title, size=12, bold=True, before=14, after=6)]


def pairs_table(pairs, width):
    """Names and values below each other."""
    rows = [[paragraph(name, bold=True), paragraph(value)] for name, value in pairs]
    return Table(
        rows, colWidths=[150, width - 150], style=[("VALIGN", (0, 0), (-1, -1), "TOP")]
    )


def summary_lines(result, about):
    """The figures over all rows, each as its column is shown."""
    for name, value in result["summary"].items():
        column = name.removeprefix("Total ").removeprefix("Overall ")
        table = {"columns": [column], "rows": [{column: value}]}
        yield name, cell_texts(table, column, about)[0]


def table_parts(table, about, width):
    """A table over as many pages, and beside each other as many parts, as it takes."""
    parts = section(table["title"])
    if not table["rows"]:
        return [*parts, paragraph("There are no rows.")]
    rows = table["rows"][:MOST_ROWS]
    shown = {**table, "rows": rows}
    groups = column_groups(shown, about, width)
    for number, columns in enumerate(groups):
        if len(groups) > 1:
            parts.append(
                paragraph(f"Columns, part {number + 1} of {len(groups)}", before=6)
            )
        parts.append(grid({**shown, "columns": columns}, about, width))
    if len(rows) < len(table["rows"]):
        hidden = f"The first {len(rows):,} of {len(table['rows']):,} rows."
        parts.append(paragraph(hidden, before=4))
    return parts


def column_groups(table, about, width):
    """Columns that fit side by side; each group begins with the first column."""
    columns, least = table["columns"], least_widths(table, about)
    groups, used = [[columns[0]]], least[0]
    for column, needed in zip(columns[1:], least[1:], strict=True):
        if used + needed > width and len(groups[-1]) > 1:
            groups.append([columns[0]])
            used = least[0]
        groups[-1].append(column)
        used += needed
    return groups


def least_widths(table, about):
    """What each column needs: a figure stands on one line, a text may be wrapped."""
    found = []
    for column in table["columns"]:
        texts = cell_texts(table, column, about)[:MOST_ROWS]
        widest = max((text_width(text) for text in texts), default=0)
        if not is_numeric(table, column):
            widest = min(widest, NARROWEST_TEXT)
        words = heading(column, about).split() or [""]
        found.append(max(widest, *map(text_width, words)) + 2 * CELL_PADDING + 1)
    return found


def text_width(text):
    """Points that a text takes in the bold font, which is the wider one."""
    return stringWidth(text[:LONGEST_SHOWN], "Strong", FONT_SIZE)


def grid(table, about, width):
    """A table whose header is repeated on each page, with coloured cells."""
    columns = [cell_texts(table, column, about) for column in table["columns"]]
    right = [is_numeric(table, column) for column in table["columns"]]
    widths = given_widths(table, columns, about, width)
    head = [
        paragraph(heading(column, about), FONT_SIZE, True, "#FFFFFF", after=0, right=r)
        for column, r in zip(table["columns"], right, strict=True)
    ]
    cells = [
        [
            text
            if r or text_width(text) <= w - 2 * CELL_PADDING
            else wrapped_cell(text)
            for text, w, r in zip(line, widths, right, strict=True)
        ]
        for line in zip(*columns, strict=True)
    ]
    style = [
        ("FONT", (0, 1), (-1, -1), "Body", FONT_SIZE),
        ("BACKGROUND", (0, 0), (-1, 0), DARK),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), (HexColor("#FFFFFF"), LIGHT)),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), CELL_PADDING),
        ("RIGHTPADDING", (0, 0), (-1, -1), CELL_PADDING),
        *(
            ("ALIGN", (n, 1), (n, -1), "RIGHT")
            for n, is_right in enumerate(right)
            if is_right
        ),
        *coloured_cells(table, about),
    ]
    return LongTable(
        [head, *cells], colWidths=widths, repeatRows=1, style=style, hAlign="LEFT"
    )


def given_widths(table, columns, about, width):
    """As wide as their cells if all fit; else what is left goes to long texts."""
    least = least_widths(table, about)
    wanted = [
        max(n, *map(text_width, [heading(c, about), *texts])) + 2 * CELL_PADDING + 1
        for n, c, texts in zip(least, table["columns"], columns, strict=True)
    ]
    if sum(wanted) <= width:
        return wanted
    spare = max(width - sum(least), 0)
    lacking = [w - n for w, n in zip(wanted, least, strict=True)]
    return [n + spare * d / sum(lacking) for n, d in zip(least, lacking, strict=True)]


def wrapped_cell(text):
    """A long text over several lines of its cell."""
    cut = text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
    return paragraph(cut, FONT_SIZE, after=0)


def coloured_cells(table, about):
    """The background of figures and words that the glossary rates."""
    for place, row in enumerate(table["rows"], 1):
        for number, column in enumerate(table["columns"]):
            colour = PAPER.get(colour_of(row.get(column), column, about))
            if colour:
                yield ("BACKGROUND", (number, place), (number, place), HexColor(colour))


def picture(figure, width, size):
    """A chart as wide as the page and never higher than it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    across, up = figure.get_size_inches()
    scale = min(width / across, (size[1] - 3 * MARGIN) / up)
    buffer.seek(0)
    return Image(buffer, across * scale, up * scale)
