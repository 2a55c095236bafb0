"""The glossary's formulas in the columns of a schema, where it is clear which these are."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO, database, table
from script_examples import GLOSSARY

from meta_agent.contracts import Column, DatabaseSchema
from meta_agent.generators.definitions import definition_lines
from meta_agent.generators.metric_formulas import formula_of, formulas_of
from meta_agent.glossary import Metric


def said(formula: str, schema: DatabaseSchema) -> str | None:
    found = formula_of(Metric(name="figure", meaning="figure", formula=formula), schema)
    return found.text() if found is not None else None


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("noi / annual debt service", "financial_metrics.noi / financial_metrics.annual_debt_service"),
        (
            "100.0 * loan balance / property value",
            "100.0 * SUM(loans.current_balance) / financial_metrics.property_value",
        ),
        ("annual rent / 12", "leases.annual_rent / 12"),
        ("annual rent / 12, where there is a lease", "leases.annual_rent / 12"),
        ("annual rent / square feet", "SUM(leases.annual_rent) / properties.square_feet"),
        (
            "(noi - annual debt service) / 2",
            "(financial_metrics.noi - financial_metrics.annual_debt_service) / 2",
        ),
    ],
)
def test_a_formula_is_said_in_stored_columns(formula: str, expected: str) -> None:
    assert said(formula, PORTFOLIO) == expected


@pytest.mark.parametrize(
    "formula",
    [
        "happiness / noi",
        "tenant name / noi",  # a text
        "noi / loan id",  # a key
        "noi / loan",
        "noi / (annual debt service",
        "noi of the year",
        "",
        "12",
        "nullif(noi, 0)",
    ],
)
def test_a_formula_of_other_quantities_or_another_form_is_none(formula: str) -> None:
    assert said(formula, PORTFOLIO) is None


def test_a_quantity_that_two_columns_may_be_is_open() -> None:
    schema = database(table("loans", "loan_id:integer first_balance second_balance fee", key=("loan_id",)))
    assert said("loan balance / fee", schema) is None
    assert said("first balance / fee", schema) == "loans.first_balance / loans.fee"


def test_of_many_possible_columns_none_is_taken() -> None:
    names = " ".join(f"balance_{number}a balance_{number}b" for number in range(60))
    schema = database(table("loans", names), table("fees", "fee_a fee_b"))
    assert said("loan balance / fee", schema) is None


@pytest.mark.parametrize("column", ["rent_growth", "average_rent", "rent_count", "rent_rank", "rent_id"])
def test_another_figure_of_the_quantity_does_not_stand_for_it(column: str) -> None:
    assert said("rent / 12", database(table("units", f"unit:integer {column}"))) is None
    assert (
        said("rent / 12", database(table("units", "unit:integer monthly_rent"))) == "units.monthly_rent / 12"
    )


def test_the_quantities_come_from_as_few_tables_as_will_do() -> None:
    schema = database(
        table("years", "place:integer noi debt", key=("place",)),
        table("months", "place:integer month:date noi", key=("place", "month"),
              references=(("place", "years", "place"),)),
    )  # fmt: skip
    assert said("noi / debt", schema) == "years.noi / years.debt"


def test_of_the_year_and_its_months_the_year_is_meant() -> None:
    schema = database(
        table("places", "place:integer area", key=("place",)),
        table("years", "place:integer noi", key=("place",), references=(("place", "places", "place"),)),
        table("months", "place:integer month:date noi", key=("place", "month"),
              references=(("place", "places", "place"),)),
    )  # fmt: skip
    assert said("noi / area", schema) == "years.noi / places.area"


def test_metrics_that_are_stored_need_no_formula() -> None:
    formulas = formulas_of(GLOSSARY, PORTFOLIO)
    assert {"dscr", "debt coverage", "ltv", "debt yield"} <= set(formulas)
    assert not {"noi", "cap rate", "occupancy"} & set(formulas)


def test_a_stored_metric_is_named_by_its_column_and_any_other_by_its_formula() -> None:
    by_name = {metric.name: metric for metric in GLOSSARY.metrics}
    lines = definition_lines((by_name["DSCR"], by_name["cap rate"]), PORTFOLIO)
    assert lines == (
        "DSCR (debt service coverage ratio) = financial_metrics.noi / financial_metrics.annual_debt_service",
        "cap rate (capitalisation rate) is stored in financial_metrics.cap_rate",
    )


def test_a_formula_that_is_not_clear_is_said_in_the_glossary_s_words() -> None:
    dscr = next(metric for metric in GLOSSARY.metrics if metric.name == "DSCR")
    lines = definition_lines((dscr,), database(table("cats", "name:text")))
    assert lines == ("DSCR (debt service coverage ratio) = noi / annual debt service",)


def test_the_comment_of_a_stored_metric_says_how() -> None:
    noi = next(metric for metric in GLOSSARY.metrics if metric.name == "NOI")
    schema = database(table("t", "id:integer"))
    column = Column(name="noi", type="numeric", comment="in\nthousands")
    stored = schema.tables[0].model_copy(update={"columns": (column,)})
    lines = definition_lines((noi,), schema.model_copy(update={"tables": (stored,)}))
    assert lines == ("NOI (net operating income) is stored in t.noi (in thousands)",)


@pytest.mark.parametrize(
    ("request_text", "place"),
    [
        ("total NOI by state", "financial_metrics.noi"),
        ("monthly NOI of the mall", "monthly_income.noi"),
        ("NOI in 2024 and 2025", "monthly_income.noi"),
        ("NOI of the first half", "monthly_income.noi"),
        ("NOI and annual debt service", "financial_metrics.noi"),
    ],
)
def test_of_several_places_the_one_the_request_speaks_of_is_named(request_text: str, place: str) -> None:
    noi = Metric(name="NOI", meaning="NOI", formula="income - expenses")
    assert definition_lines((noi,), PORTFOLIO, request_text) == (f"NOI is stored in {place}",)
