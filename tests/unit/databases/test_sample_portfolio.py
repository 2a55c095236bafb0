"""The sample portfolio agrees with the technical documentation and with itself."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from meta_agent.databases.sample_portfolio import AS_OF, Lease, portfolio, portfolio_version

PORTFOLIO = portfolio()
NAMES = {row.property_id: row.property_name for row in PORTFOLIO.properties}
METRICS = {NAMES[row.property_id]: row for row in PORTFOLIO.financial_metrics}
DOCUMENTED_DSCR = {
    "Orlando Fashion Square": "1.94",
    "1893 Rouse Lake Rd": "1.66",
    "Orlando Vineland Premium Outlets": "1.21",
    "Columbia Heights Shopping Mall": "1.50",
    "West Oaks Mall": "1.82",
    "Riverside Galleria": "0.89",
    "Lakeside Plaza": "1.18",
    "Sunset Commons": "1.21",
    "Valley View Center": "1.28",
    "Harbor Town Mall": "1.08",
}


def test_the_properties_are_those_of_the_documentation() -> None:
    assert list(NAMES.values()) == list(DOCUMENTED_DSCR)


@pytest.mark.parametrize(("name", "dscr"), DOCUMENTED_DSCR.items())
def test_the_coverage_rounds_to_the_documented_value(name: str, dscr: str) -> None:
    row = METRICS[name]
    assert f"{row.noi / row.annual_debt_service:.2f}" == dscr


@pytest.mark.parametrize("name", DOCUMENTED_DSCR)
def test_the_metrics_follow_from_one_another(name: str) -> None:
    row = METRICS[name]
    assert row.noi == row.gross_revenue - row.operating_expenses
    assert abs(row.cap_rate - row.noi * 100 / row.property_value) <= Decimal("0.005")
    assert row.as_of_date == AS_OF


def test_the_payments_of_the_loans_are_the_debt_service() -> None:
    payments: dict[str, Decimal] = defaultdict(Decimal)
    for loan in PORTFOLIO.loans:
        payments[NAMES[loan.property_id]] += 12 * loan.monthly_payment
    assert payments == {name: row.annual_debt_service for name, row in METRICS.items()}


def test_a_payment_and_a_balance_are_those_of_a_mortgage_table() -> None:
    # 60,000,000 at 4.25 % over 30 years: 295,163.94 a month; 78 payments made by the end of 2025.
    loan = PORTFOLIO.loans[0]
    assert loan.monthly_payment == Decimal("295164.00")
    balance = Decimal(60_000_000)
    for _ in range(78):
        balance = balance * (1 + Decimal("4.25") / 1200) - loan.monthly_payment
    assert abs(balance - loan.current_balance) < 1


def test_loans_are_owed_in_part_and_still_run() -> None:
    for loan in PORTFOLIO.loans:
        assert 0 < loan.current_balance <= loan.original_amount
        assert loan.origination_date < AS_OF < loan.maturity_date
        assert loan.loan_type in {"Fixed", "Floating", "Interest-Only"}


def test_the_months_of_the_last_year_add_up_to_the_metrics() -> None:
    for name, row in METRICS.items():
        months = [
            m for m in PORTFOLIO.monthly_income if NAMES[m.property_id] == name and m.month.year == 2025
        ]
        assert sum(month.noi for month in months) == row.noi
        assert sum(month.operating_expenses for month in months) == row.operating_expenses


def test_every_property_has_each_month_of_both_years_once() -> None:
    expected = {(number, date(year, m, 1)) for number in NAMES for year in (2024, 2025) for m in range(1, 13)}
    months = [(row.property_id, row.month) for row in PORTFOLIO.monthly_income]
    assert len(months) == 240
    assert set(months) == expected


def test_a_months_noi_takes_missing_income_as_none() -> None:
    missing = [row for row in PORTFOLIO.monthly_income if row.other_income is None]
    assert len(missing) == 4
    for row in PORTFOLIO.monthly_income:
        assert row.noi == row.rental_income + (row.other_income or 0) - row.operating_expenses


def test_the_vacant_month_has_no_rent() -> None:
    vacant = [row for row in PORTFOLIO.monthly_income if row.rental_income == 0]
    assert [(NAMES[row.property_id], row.month) for row in vacant] == [
        ("1893 Rouse Lake Rd", date(2024, 3, 1))
    ]


def is_current(lease: Lease) -> bool:
    return lease.start_date <= AS_OF and (lease.end_date is None or lease.end_date >= AS_OF)


def test_the_current_leases_make_the_occupancy() -> None:
    for row in PORTFOLIO.properties:
        leases = [
            lease for lease in PORTFOLIO.leases if lease.property_id == row.property_id and is_current(lease)
        ]
        leased = sum(lease.leased_square_feet for lease in leases)
        occupancy = METRICS[row.property_name].occupancy_rate
        assert abs(occupancy - Decimal(leased) * 100 / row.square_feet) <= Decimal("0.005")
        assert 0 < occupancy <= 100


def test_some_leases_have_ended_and_some_run_from_month_to_month() -> None:
    assert any(lease.end_date is None for lease in PORTFOLIO.leases)
    assert any(lease.end_date is not None and lease.end_date < AS_OF for lease in PORTFOLIO.leases)


def test_every_row_points_to_a_property_and_has_its_own_number() -> None:
    for rows, key in (
        (PORTFOLIO.loans, "loan_id"),
        (PORTFOLIO.leases, "lease_id"),
        (PORTFOLIO.monthly_income, "income_id"),
        (PORTFOLIO.financial_metrics, "metric_id"),
    ):
        assert {row.property_id for row in rows} == set(NAMES)
        assert [getattr(row, key) for row in rows] == list(range(1, len(rows) + 1))


def test_it_is_the_same_every_time() -> None:
    assert portfolio() == PORTFOLIO
    assert portfolio_version() == portfolio_version()
