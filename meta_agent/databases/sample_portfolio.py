"""The sample portfolio of ``--demo`` and the tests: ten properties, their loans, leases and income.

Everything is computed from the few facts below, without chance, so that a test
can work out an expected number by hand. The rows agree with one another: the
months of 2025 add up to the year's metrics, the loans' payments to the debt
service, the leases to the occupancy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from meta_agent.databases import sample_facts
from meta_agent.databases.sample_facts import FACTS, LeaseFacts, LoanFacts, PropertyFacts

AS_OF = date(2025, 12, 31)
SCHEMA_FILE = Path(__file__).with_name("sample_portfolio.sql")
AMORTIZATION_MONTHS = 360
OTHER_INCOME_PERCENT = 6
"""Of gross revenue."""
SEASON = (92, 91, 96, 98, 100, 101, 99, 98, 99, 102, 110, 114)
"""Weight of each month of a year in income."""
COST_SEASON = (106, 103, 98, 95, 97, 102, 106, 106, 100, 95, 94, 98)
"""Weight of each month of a year in operating expenses."""


# --- the rows, fields in the order of the tables' columns -----------------------------


@dataclass(frozen=True)
class Property:
    """A row of ``properties``."""

    property_id: int
    property_name: str
    property_address: str
    city: str
    state: str
    property_type: str
    year_built: int | None
    square_feet: int


@dataclass(frozen=True)
class FinancialMetrics:
    """A row of ``financial_metrics``: US dollars a year, rates in percent."""

    metric_id: int
    property_id: int
    noi: Decimal
    annual_debt_service: Decimal
    gross_revenue: Decimal
    operating_expenses: Decimal
    property_value: Decimal
    occupancy_rate: Decimal
    cap_rate: Decimal
    as_of_date: date


@dataclass(frozen=True)
class Loan:
    """A row of ``loans``: US dollars, interest in percent a year."""

    loan_id: int
    property_id: int
    lender: str
    loan_type: str
    original_amount: Decimal
    current_balance: Decimal
    interest_rate: Decimal
    monthly_payment: Decimal
    origination_date: date
    maturity_date: date


@dataclass(frozen=True)
class Lease:
    """A row of ``leases``; no end date means month to month."""

    lease_id: int
    property_id: int
    tenant_name: str
    suite: str | None
    leased_square_feet: int
    annual_rent: Decimal
    start_date: date
    end_date: date | None


@dataclass(frozen=True)
class MonthlyIncome:
    """A row of ``monthly_income``: US dollars a month."""

    income_id: int
    property_id: int
    month: date
    rental_income: Decimal
    other_income: Decimal | None
    operating_expenses: Decimal
    noi: Decimal


@dataclass(frozen=True)
class Portfolio:
    """All tables, in the order in which foreign keys let them be loaded."""

    properties: tuple[Property, ...]
    financial_metrics: tuple[FinancialMetrics, ...]
    loans: tuple[Loan, ...]
    leases: tuple[Lease, ...]
    monthly_income: tuple[MonthlyIncome, ...]


def portfolio() -> Portfolio:
    """The whole sample portfolio; every call gives equal rows."""
    numbered = list(enumerate(FACTS, start=1))
    loans = [loan for number, facts in numbered for loan in _loans(number, facts)]
    leases = [lease for number, facts in numbered for lease in _leases(number, facts)]
    months = [month for number, facts in numbered for month in _months(number, facts)]
    return Portfolio(
        properties=tuple(_property(number, facts) for number, facts in numbered),
        financial_metrics=tuple(_metrics(number, facts) for number, facts in numbered),
        loans=tuple(replace(loan, loan_id=row) for row, loan in enumerate(loans, start=1)),
        leases=tuple(replace(lease, lease_id=row) for row, lease in enumerate(leases, start=1)),
        monthly_income=tuple(replace(month, income_id=row) for row, month in enumerate(months, start=1)),
    )


def portfolio_version() -> str:
    """Changes whenever the tables or the numbers may have changed."""
    digest = hashlib.sha256()
    for file in (SCHEMA_FILE, Path(__file__), Path(sample_facts.__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _property(number: int, facts: PropertyFacts) -> Property:
    place = (facts.name, facts.address, facts.city, facts.state)
    return Property(number, *place, facts.kind, facts.year_built, facts.square_feet)


# --- the years ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Year:
    """What a property earns and spends in one year, in whole US dollars."""

    number: int
    rental_income: int
    other_income: int
    operating_expenses: int

    @property
    def gross_revenue(self) -> int:
        return self.rental_income + self.other_income


def _latest_year(facts: PropertyFacts) -> _Year:
    noi = _round(Decimal(facts.dscr) * _debt_service(facts), 1_000)
    gross = _round(Decimal(noi) * 100 / (100 - facts.expense_percent), 1_000)
    return _split(AS_OF.year, gross, gross - noi)


def _year_before(facts: PropertyFacts) -> _Year:
    latest = _latest_year(facts)
    gross = _round(Decimal(latest.gross_revenue) * 100 / (100 + facts.growth_percent), 1_000)
    return _split(AS_OF.year - 1, gross, _round(latest.operating_expenses / Decimal("1.03"), 1_000))


def _split(year: int, gross: int, expenses: int) -> _Year:
    other = _round(Decimal(gross) * OTHER_INCOME_PERCENT / 100, 100)
    return _Year(year, gross - other, other, expenses)


def _debt_service(facts: PropertyFacts) -> int:
    return 12 * sum(_monthly_payment(loan) for loan in facts.loans)


def _metrics(number: int, facts: PropertyFacts) -> FinancialMetrics:
    year = _latest_year(facts)
    noi = year.gross_revenue - year.operating_expenses
    value = _round(noi * 100 / Decimal(facts.cap_rate), 100_000)
    leased = sum(_area(facts, lease) for lease in facts.leases if _is_current(lease))
    return FinancialMetrics(
        metric_id=number,
        property_id=number,
        noi=_dollars(noi),
        annual_debt_service=_dollars(_debt_service(facts)),
        gross_revenue=_dollars(year.gross_revenue),
        operating_expenses=_dollars(year.operating_expenses),
        property_value=_dollars(value),
        occupancy_rate=_percent(leased, facts.square_feet),
        cap_rate=_percent(noi, value),
        as_of_date=AS_OF,
    )


def _months(number: int, facts: PropertyFacts) -> list[MonthlyIncome]:
    """Both years, month by month; each year's months add up to the year exactly."""
    rows = []
    for year in (_year_before(facts), _latest_year(facts)):
        months = [date(year.number, month, 1) for month in range(1, 13)]
        season = dict(zip(months, SEASON, strict=True))
        rental = _spread(year.rental_income, {m: season[m] * (m not in facts.vacant_months) for m in months})
        other = _spread(year.other_income, {m: season[m] * (m not in facts.quiet_months) for m in months})
        expenses = _spread(year.operating_expenses, dict(zip(months, COST_SEASON, strict=True)))
        for month in months:
            noi = rental[month] + other[month] - expenses[month]
            extra = None if month in facts.quiet_months else _dollars(other[month])
            money = (_dollars(rental[month]), extra, _dollars(expenses[month]), _dollars(noi))
            rows.append(MonthlyIncome(0, number, month, *money))
    return rows


def _spread(total: int, weights: dict[date, int]) -> dict[date, int]:
    """Whole dollars in proportion to the weights; what rounding leaves goes to the last month."""
    amounts = {month: total * weight // sum(weights.values()) for month, weight in weights.items()}
    amounts[max(amounts)] += total - sum(amounts.values())
    return amounts


# --- loans ----------------------------------------------------------------------------


def _loans(number: int, facts: PropertyFacts) -> list[Loan]:
    return [_loan(number, loan) for loan in facts.loans]


def _loan(number: int, facts: LoanFacts) -> Loan:
    maturity = facts.origination.replace(year=facts.origination.year + facts.term_years)
    return Loan(
        loan_id=0,
        property_id=number,
        lender=facts.lender,
        loan_type=facts.loan_type,
        original_amount=_dollars(facts.amount),
        current_balance=_dollars(_balance(facts)),
        interest_rate=Decimal(facts.rate),
        monthly_payment=_dollars(_monthly_payment(facts)),
        origination_date=facts.origination,
        maturity_date=maturity,
    )


def _monthly_payment(loan: LoanFacts) -> int:
    """The level payment that repays the loan in 30 years, or the interest alone."""
    rate = Decimal(loan.rate) / 1200
    if loan.loan_type == "Interest-Only":
        return _round(loan.amount * rate, 1)
    return _round(loan.amount * rate / (1 - (1 + rate) ** -AMORTIZATION_MONTHS), 1)


def _balance(loan: LoanFacts) -> int:
    """What is owed at AS_OF, after one payment a month since the month after origination."""
    payments = (AS_OF.year - loan.origination.year) * 12 + AS_OF.month - loan.origination.month
    rate = Decimal(loan.rate) / 1200
    if loan.loan_type == "Interest-Only":
        return loan.amount
    growth = (1 + rate) ** payments
    return _round(loan.amount * growth - _monthly_payment(loan) * (growth - 1) / rate, 1)


# --- leases ---------------------------------------------------------------------------


def _leases(number: int, facts: PropertyFacts) -> list[Lease]:
    """The current leases' rents add up to about the latest year's rental income."""
    current = [lease for lease in facts.leases if _is_current(lease)]
    weight = sum(_area(facts, lease) * lease.rent_weight for lease in current)
    income = Decimal(_latest_year(facts).rental_income)
    return [
        Lease(
            lease_id=0,
            property_id=number,
            tenant_name=lease.tenant,
            suite=lease.suite,
            leased_square_feet=_area(facts, lease),
            annual_rent=_dollars(_round(income * _area(facts, lease) * lease.rent_weight / weight, 100)),
            start_date=lease.start,
            end_date=lease.end,
        )
        for lease in facts.leases
    ]


def _is_current(lease: LeaseFacts) -> bool:
    return lease.start <= AS_OF and (lease.end is None or lease.end >= AS_OF)


def _area(facts: PropertyFacts, lease: LeaseFacts) -> int:
    return facts.square_feet * lease.area_percent // 100


# --- numbers --------------------------------------------------------------------------


def _round(value: Decimal, step: int) -> int:
    """To the nearest multiple of ``step``, halves up."""
    return int((value / step).to_integral_value(ROUND_HALF_UP)) * step


def _dollars(value: int) -> Decimal:
    return Decimal(value).quantize(Decimal("0.01"))


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(part) * 100 / Decimal(whole)).quantize(Decimal("0.01"), ROUND_HALF_UP)
