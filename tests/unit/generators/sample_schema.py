"""Schemas for the generator's tests: the sample portfolio's tables, and tables with awkward names."""

from __future__ import annotations

from collections.abc import Iterable

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, Table


def table(
    name: str,
    columns: str,
    *,
    schema: str = "public",
    key: tuple[str, ...] = (),
    unique: tuple[tuple[str, ...], ...] = (),
    references: Iterable[tuple[str, str, str]] = (),
) -> Table:
    """``columns``: ``name:type`` by blanks, the type numeric(14,2) where none is given; ``?``: nullable."""
    return Table(
        schema_name=schema,
        name=name,
        columns=tuple(_column(written) for written in columns.split()),
        primary_key=key,
        unique_keys=(*((key,) if key else ()), *unique),
        foreign_keys=tuple(
            ForeignKey(
                columns=(own,), referred_schema=schema, referred_table=other, referred_columns=(theirs,)
            )
            for own, other, theirs in references
        ),
    )


def _column(written: str) -> Column:
    name, _, sql_type = written.rstrip("?").partition(":")
    return Column(name=name, type=sql_type or "numeric(14,2)", nullable=written.endswith("?"))


def database(*tables: Table) -> DatabaseSchema:
    return DatabaseSchema(database="test", default_schema="public", fingerprint="f", tables=tables)


_TO_PROPERTY = (("property_id", "properties", "property_id"),)

PORTFOLIO = database(
    table(
        "properties",
        "property_id:integer property_name:text property_address:text city:text state:text"
        " property_type:text year_built:integer? square_feet:integer",
        key=("property_id",),
        unique=(("property_name",),),
    ),
    table(
        "financial_metrics",
        "metric_id:integer property_id:integer noi annual_debt_service gross_revenue operating_expenses"
        " property_value occupancy_rate:numeric(5,2) cap_rate:numeric(5,2) as_of_date:date",
        key=("metric_id",),
        unique=(("property_id",),),
        references=_TO_PROPERTY,
    ),
    table(
        "loans",
        "loan_id:integer property_id:integer lender:text loan_type:text original_amount current_balance"
        " interest_rate:numeric(5,3) monthly_payment origination_date:date maturity_date:date",
        key=("loan_id",),
        references=_TO_PROPERTY,
    ),
    table(
        "leases",
        "lease_id:integer property_id:integer tenant_name:text suite:text? leased_square_feet:integer"
        " annual_rent start_date:date end_date:date?",
        key=("lease_id",),
        references=_TO_PROPERTY,
    ),
    table(
        "monthly_income",
        "income_id:integer property_id:integer month:date rental_income other_income? operating_expenses noi",
        key=("income_id",),
        unique=(("property_id", "month"),),
        references=_TO_PROPERTY,
    ),
)

AWKWARD = database(
    table("Sales Order", "Id:integer type:text order:integer Net_Total customer:integer", key=("Id",),
          references=(("customer", "customers", "custid"),)),
    table("customers", "custid:integer name:text referred_by:integer?", key=("custid",),
          references=(("referred_by", "customers", "custid"),)),
    table("ledger", "entry:integer amount year_2023 year_2024 unpaid:boolean", schema="fin", key=("entry",)),
)  # fmt: skip
