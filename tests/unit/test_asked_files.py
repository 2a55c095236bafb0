"""Which files a request's words ask for, and what it asks without them."""

from __future__ import annotations

import pytest
from large_schema import large

from meta_agent.asked_files import chart_kind, files_asked_for, packages_for, without_files
from meta_agent.contracts import AskedFiles, Column, DatabaseSchema, Table, UserRequest

EXAMPLE_3 = """Export all property financial data to an Excel spreadsheet.
Include sheets for properties, financial metrics, and DSCR analysis.
Format the DSCR column with conditional formatting.
Save to the exports/reports directory."""
REQUESTS = {
    "Which five properties have the highest NOI? Save it as CSV.": (
        *("Which five properties have the highest NOI?", "csv", None),
    ),
    "Show NOI by property as a bar chart": ("Show NOI by property", "png", "bar"),
    "Plot the monthly NOI of West Oaks Mall": ("Show the monthly NOI of West Oaks Mall", "png", "fitting"),
    "Create a PDF report of the DSCR of all properties": ("Show the DSCR of all properties", "pdf", None),
    "Draw a histogram of the interest rates of all loans": (
        *("Show the interest rates of all loans", "png", "histogram"),
    ),
    "Make a pie chart of loan balance by lender": ("Show loan balance by lender", "png", "pie"),
    "Total loan balance by lender, and export the result to lenders.xlsx": (
        *("Total loan balance by lender", "xlsx", None),
    ),
    "Give me an Excel file with all leases that end in 2026, plus a chart.": (
        *("Show all leases that end in 2026.", "xlsx", "fitting"),
    ),
    "Occupancy by property type as a line graph in SVG format": (
        *("Occupancy by property type", "svg", "line"),
    ),
    "Scatter plot of NOI against square feet": ("Show NOI against square feet", "png", "scatter"),
    "What is the average rent per square foot? Save as PDF and CSV.": (
        *("What is the average rent per square foot?", "csv,pdf", None),
    ),
    "Show me a bar chart of NOI by property and save it as a PNG image": (
        *("Show NOI by property", "png", "bar"),
    ),
    "Rank properties by DSCR in an Excel workbook with conditional formatting on the DSCR column": (
        *("Rank properties by DSCR", "xlsx", None),
    ),
    "Export the rent roll as a PDF document and an Excel file": ("Show the rent roll", "xlsx,pdf", None),
    "Compare NOI and debt service per property with a chart": (
        *("Compare NOI and debt service per property", "png", "fitting"),
    ),
    "List all properties in Florida. Then export them as a CSV file named florida.csv": (
        *("List all properties in Florida.", "csv", None),
    ),
    "csv of all tenants": ("Show all tenants", "csv", None),
    "PDF report: occupancy by city": ("Show occupancy by city", "pdf", None),
    "Export all leases to CSV and send it": ("Show all leases", "csv", None),
    "the first 15 Fibonacci numbers as csv": ("the first 15 Fibonacci numbers", "csv", None),
}
PLAIN = (
    "Which properties have an occupancy below 85 %?",
    "I need a report on occupancy",
    "List all properties with their chart of accounts",
    "Show me all plots larger than 5 acres",
    "Which plot is the largest?",
    "Show properties below the line",
    "What is the pie in the sky?",
    "How many sheets of paper were ordered?",
)


@pytest.mark.parametrize("request_text", REQUESTS)
def test_the_words_decide(request_text: str) -> None:
    files = files_asked_for(request_text)
    assert (files.question, ",".join(files.formats), files.chart) == REQUESTS[request_text]


@pytest.mark.parametrize("request_text", PLAIN)
def test_other_requests_want_no_files(request_text: str) -> None:
    assert files_asked_for(request_text) == AskedFiles()


def test_example_3_of_the_documentation() -> None:
    files = files_asked_for(EXAMPLE_3)
    assert files.formats == ("xlsx",)
    assert files.sheets == ("properties", "financial metrics", "DSCR analysis")
    assert files.question == "Show all property financial data."
    assert files.coloured == "Format the DSCR column with conditional formatting."
    assert (files.folder, files.name, files.chart) == ("reports", None, None)


def test_what_is_analysed_tells_of_the_sheets() -> None:
    request = UserRequest(text=EXAMPLE_3, source="argument")
    asked = without_files(request, files_asked_for(EXAMPLE_3))
    assert asked.text == "Show all property financial data.\nproperties, financial metrics, DSCR analysis."
    assert without_files(request, AskedFiles()) == request


@pytest.mark.parametrize(
    ("request_text", "sheets"),
    [
        ("All data in Excel with tabs for DSCR and LTV", ("DSCR", "LTV")),
        ("Excel export with sheets for the loans, our leases and income", ("loans", "leases", "income")),
        ("A workbook with sheets for each city", ()),
        ("Export everything with sheets for loans and leases", ("loans", "leases")),
        ("Save the sheets for loans and leases as CSV", ()),
    ],
)
def test_sheets_are_read_as_a_list(request_text: str, sheets: tuple[str, ...]) -> None:
    assert files_asked_for(request_text).sheets == sheets


def test_names_and_folders_come_from_the_request() -> None:
    files = files_asked_for("NOI by city to exports/data as csv in a file called noi-by-city.csv")
    assert (files.name, files.folder) == ("noi-by-city", "data")
    assert files_asked_for("NOI by city in exports/reports/noi.xlsx").name == "noi"
    assert "/" not in (files_asked_for("NOI by city in ../../etc/passwd.csv").name or "")


def test_what_is_stored_is_no_file() -> None:
    charts = Table(schema_name="public", name="charts", columns=(Column(name="csv_lines", type="integer"),))
    schema = DatabaseSchema(database="d", default_schema="public", fingerprint="f", tables=(charts,))
    assert files_asked_for("Show all charts by patient", schema) == AskedFiles()
    assert files_asked_for("Number of csv lines by chart", schema) == AskedFiles()
    assert files_asked_for("Show all charts in Excel", schema).formats == ("xlsx",)
    assert files_asked_for("Orders as a chart", large(5)).formats == ("png",)


def test_a_web_page_draws_its_own_charts() -> None:
    request = "Create a web dashboard with a bar chart of NOI by property and a CSV export"
    assert files_asked_for(request, has_page=True).chart is None
    assert files_asked_for(request, has_page=True).formats == ("csv",)


def test_the_plan_may_say_which_chart_is_meant() -> None:
    assert chart_kind("Draw a stacked bar chart of the result.") == "bar"
    assert chart_kind("Read the tables, then draw a chart.") is None


def test_packages_come_only_with_the_files_that_need_them() -> None:
    def needed(*formats: str) -> tuple[str, ...]:
        return packages_for(AskedFiles.model_validate({"formats": formats}))

    assert needed() == needed("csv") == ()
    assert needed("xlsx") == ("xlsxwriter",)
    assert needed("pdf", "png") == ("reportlab", "matplotlib")
