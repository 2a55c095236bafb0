"""Which requests this database can know something about."""

from __future__ import annotations

import pytest

from meta_agent.analyzers.grounding import tables_meant
from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.glossary import Glossary, Metric


def table(name: str, *columns: str) -> Table:
    return Table(schema_name="public", name=name, columns=tuple(Column(name=c, type="text") for c in columns))


SCHEMA = DatabaseSchema(
    database="estate",
    default_schema="public",
    fingerprint="f",
    tables=(
        table("properties", "property_id", "property_name", "city"),
        table("leases", "lease_id", "property_id", "tenant_name", "annual_rent"),
        table("sbCustomer", "sbCustId", "sbCustName"),
        table("financial_metrics", "metric_id", "annual_debt_service", "noi"),
    ),
)
GLOSSARY = Glossary(
    metrics=(
        Metric(name="DSCR", meaning="debt service coverage ratio", formula="noi / debt service"),
        Metric(name="NOI", meaning="net operating income", formula="revenue - expenses"),
    )
)


@pytest.mark.parametrize(
    ("claimed", "request_text", "expected"),
    [
        (("tenants", "rents"), "Who pays most?", ("leases",)),
        (("property data",), "Everything by city", ("properties", "leases")),
        (("financial database",), "Something else", ("financial_metrics",)),
        ((), "Which customers are new?", ("sbCustomer",)),
        ((), "Show the DSCR", ("financial_metrics",)),
        ((), "Show the net operating income", ("financial_metrics",)),
    ],
)
def test_tables_are_found_by_the_words_for_them(
    claimed: tuple[str, ...], request_text: str, expected: tuple[str, ...]
) -> None:
    assert tables_meant(claimed, request_text, SCHEMA, GLOSSARY) == expected


@pytest.mark.parametrize(
    ("claimed", "request_text"),
    [
        ((), "Calculate the first 15 Fibonacci numbers"),
        (("weather_data",), "What is the weather in Rome?"),
        (("employees",), "How many employees work here?"),
        ((), "List the total number of them by name, id and date"),
        ((), "¿¡!?"),
    ],
)
def test_nothing_is_found_where_the_words_name_nothing(claimed: tuple[str, ...], request_text: str) -> None:
    assert tables_meant(claimed, request_text, SCHEMA, GLOSSARY) == ()
