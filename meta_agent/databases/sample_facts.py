"""The facts that the sample portfolio is computed from, and nothing that could be computed.

The names and debt service coverage ratios are those of the project's technical
documentation; everything else is invented at a realistic size.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class LoanFacts:
    """A loan as signed; payment and balance follow from it."""

    lender: str
    loan_type: str
    amount: int
    """US dollars."""
    rate: str
    """Percent a year."""
    origination: date
    term_years: int


@dataclass(frozen=True)
class LeaseFacts:
    """A lease as signed; area and rent follow from its shares."""

    tenant: str
    suite: str | None
    area_percent: int
    """Of the building's area."""
    rent_weight: int
    """Rent per square foot against the building's other tenants."""
    start: date
    end: date | None


@dataclass(frozen=True)
class PropertyFacts:
    """A property, what it should come out at, its loans and leases."""

    name: str
    address: str
    city: str
    state: str
    kind: str
    year_built: int | None
    square_feet: int
    dscr: str
    """What noi / annual_debt_service rounds to."""
    expense_percent: int
    """Operating expenses in gross revenue, 2025."""
    cap_rate: str
    """Percent, before the value is rounded."""
    growth_percent: int
    """Gross revenue of 2025 against 2024."""
    loans: tuple[LoanFacts, ...]
    leases: tuple[LeaseFacts, ...]
    vacant_months: tuple[date, ...] = ()
    """Months without rent."""
    quiet_months: tuple[date, ...] = ()
    """Months without other income."""


FACTS: tuple[PropertyFacts, ...] = (
    PropertyFacts(
        *("Orlando Fashion Square", "3201 E Colonial Dr", "Orlando", "FL", "Retail", 1973, 1_083_000),
        *("1.94", 42, "7.75", 4),
        loans=(LoanFacts("First Coast Bank", "Fixed", 60_000_000, "4.250", date(2019, 6, 1), 10),),
        leases=(
            LeaseFacts("Dillard & Sons", "A100", 24, 60, date(2015, 2, 1), date(2030, 1, 31)),
            LeaseFacts("Cinema Twelve", "C300", 11, 80, date(2018, 7, 1), date(2028, 6, 30)),
            LeaseFacts("Sportsland", "B210", 14, 110, date(2020, 10, 1), date(2027, 9, 30)),
            LeaseFacts("Colonial Food Hall", "F010", 9, 190, date(2021, 4, 1), date(2026, 3, 31)),
            LeaseFacts("Inline Shops East", "D400", 30, 150, date(2022, 1, 1), date(2029, 12, 31)),
            LeaseFacts("Galaxy Arcade", "C310", 6, 100, date(2016, 5, 1), date(2024, 4, 30)),
        ),
    ),
    PropertyFacts(
        *("1893 Rouse Lake Rd", "1893 Rouse Lake Rd", "Orlando", "FL", "Industrial", None, 248_000),
        *("1.66", 24, "6.25", 6),
        loans=(LoanFacts("Sunbelt Life Insurance", "Fixed", 14_000_000, "4.100", date(2020, 3, 1), 15),),
        leases=(
            LeaseFacts("Central Freight Logistics", None, 100, 100, date(2024, 4, 1), date(2031, 3, 31)),
            LeaseFacts("Rouse Cold Storage", None, 100, 90, date(2014, 3, 1), date(2024, 2, 29)),
        ),
        vacant_months=(date(2024, 3, 1),),
        quiet_months=(date(2024, 3, 1),),
    ),
    PropertyFacts(
        *("Orlando Vineland Premium Outlets", "8200 Vineland Ave", "Orlando", "FL", "Retail", 2000, 656_000),
        *("1.21", 33, "6.00", 5),
        loans=(
            LoanFacts("Meridian National Bank", "Fixed", 230_000_000, "5.100", date(2022, 8, 1), 10),
            LoanFacts("Keystone Debt Fund", "Interest-Only", 25_000_000, "8.500", date(2023, 2, 1), 5),
        ),
        leases=(
            LeaseFacts("Atlas Sportswear", "110", 16, 95, date(2019, 3, 1), date(2029, 2, 28)),
            LeaseFacts("Bellini Leather", "120", 9, 160, date(2021, 9, 1), date(2026, 8, 31)),
            LeaseFacts("Northwind Outdoor", "205", 12, 105, date(2020, 6, 1), date(2030, 5, 31)),
            LeaseFacts("Outlet Shops West", "300", 46, 120, date(2022, 1, 1), date(2031, 12, 31)),
            LeaseFacts("Vineland Food Court", "400", 7, 150, date(2023, 5, 1), date(2028, 4, 30)),
            LeaseFacts("Kidsworld", "210", 8, 100, date(2017, 8, 1), date(2025, 7, 31)),
        ),
    ),
    PropertyFacts(
        *("Columbia Heights Shopping Mall", "3100 14th St NW", "Washington", "DC", "Retail", 2008, 546_000),
        *("1.50", 38, "6.50", 2),
        loans=(LoanFacts("Potomac Savings Bank", "Fixed", 95_000_000, "4.600", date(2021, 5, 1), 10),),
        leases=(
            LeaseFacts("Bullseye Stores", "100", 33, 80, date(2008, 3, 1), date(2033, 2, 28)),
            LeaseFacts("Capital Fitness", "210", 12, 95, date(2019, 1, 1), date(2028, 12, 31)),
            LeaseFacts("Homegoods Depot", "220", 17, 90, date(2017, 11, 1), date(2027, 10, 31)),
            LeaseFacts("Fourteenth Street Market", "130", 14, 135, date(2022, 6, 1), date(2032, 5, 31)),
            LeaseFacts("District Optics", "140", 2, 180, date(2020, 2, 1), None),
            LeaseFacts("Metro Shops", "300", 18, 140, date(2021, 1, 1), date(2026, 12, 31)),
        ),
    ),
    PropertyFacts(
        *("West Oaks Mall", "9401 W Colonial Dr", "Ocoee", "FL", "Retail", 1996, 1_062_000),
        *("1.82", 47, "8.50", -3),
        loans=(LoanFacts("First Coast Bank", "Fixed", 32_000_000, "4.400", date(2020, 11, 1), 7),),
        leases=(
            LeaseFacts("Dillard & Sons", "A1", 21, 50, date(2012, 9, 1), date(2027, 8, 31)),
            LeaseFacts("West Oaks Cinema", "C4", 10, 75, date(2016, 4, 1), date(2026, 3, 31)),
            LeaseFacts("Bookend Callcenter", "B2", 25, 85, date(2019, 10, 1), date(2029, 9, 30)),
            LeaseFacts("Oaks Inline Shops", "D1", 15, 130, date(2023, 1, 1), None),
            LeaseFacts("Searsucker Department Store", "A2", 18, 40, date(2009, 5, 1), date(2024, 9, 30)),
        ),
    ),
    PropertyFacts(
        *("Riverside Galleria", "1200 Riverside Ave", "Jacksonville", "FL", "Mixed-Use", 1984, 412_000),
        *("0.89", 52, "8.25", -6),
        loans=(LoanFacts("Harborview Capital", "Floating", 38_000_000, "7.900", date(2023, 4, 1), 5),),
        leases=(
            LeaseFacts("River Coworking", "500", 19, 100, date(2021, 7, 1), date(2026, 6, 30)),
            LeaseFacts("Galleria Grocers", "100", 22, 80, date(2018, 2, 1), date(2028, 1, 31)),
            LeaseFacts("Duval Dental Group", "310", 8, 130, date(2022, 9, 1), date(2029, 8, 31)),
            LeaseFacts("Riverside Shops", "200", 15, 120, date(2024, 3, 1), None),
            LeaseFacts("Stagecoach Theatre", "600", 14, 70, date(2013, 1, 1), date(2024, 12, 31)),
        ),
        quiet_months=(date(2025, 1, 1), date(2025, 2, 1)),
    ),
    PropertyFacts(
        *("Lakeside Plaza", "455 Lakeshore Blvd", "Tampa", "FL", "Retail", 1999, 187_000),
        *("1.18", 35, "7.25", 3),
        loans=(LoanFacts("Gulf Shore Credit Union", "Fixed", 18_500_000, "6.350", date(2023, 9, 1), 10),),
        leases=(
            LeaseFacts("Publico Supermarket", "1", 42, 80, date(2016, 1, 1), date(2035, 12, 31)),
            LeaseFacts("Lakeside Pharmacy", "4", 11, 120, date(2020, 8, 1), date(2030, 7, 31)),
            LeaseFacts("Bay Physical Therapy", "6", 7, 115, date(2022, 3, 1), date(2027, 2, 28)),
            LeaseFacts("Plaza Shops", "8", 30, 110, date(2023, 10, 1), date(2028, 9, 30)),
        ),
    ),
    PropertyFacts(
        *("Sunset Commons", "7001 Sunset Dr", "Miami", "FL", "Mixed-Use", 2012, 224_000),
        *("1.21", 36, "6.10", 7),
        loans=(
            LoanFacts("Meridian National Bank", "Fixed", 41_000_000, "5.600", date(2022, 5, 1), 10),
            LoanFacts("Harborview Capital", "Floating", 6_000_000, "7.250", date(2024, 1, 1), 5),
        ),
        leases=(
            LeaseFacts("Sunset Medical Center", "300", 34, 110, date(2019, 6, 1), date(2034, 5, 31)),
            LeaseFacts("Commons Organic Market", "100", 27, 85, date(2021, 2, 1), date(2031, 1, 31)),
            LeaseFacts("Palmetto Yoga", "210", 4, 120, date(2023, 8, 1), date(2026, 7, 31)),
            LeaseFacts("Coral Restaurants", "110", 18, 115, date(2022, 11, 1), date(2027, 10, 31)),
            LeaseFacts("South Miami Realty", "220", 9, 105, date(2024, 6, 1), date(2029, 5, 31)),
        ),
    ),
    PropertyFacts(
        *("Valley View Center", "13331 Preston Rd", "Dallas", "TX", "Office", 2005, 365_000),
        *("1.28", 41, "7.40", 1),
        loans=(LoanFacts("Lone Star Mortgage Bank", "Fixed", 47_000_000, "5.250", date(2022, 2, 1), 10),),
        leases=(
            LeaseFacts("Trinity Engineering", "1000", 26, 105, date(2020, 1, 1), date(2029, 12, 31)),
            LeaseFacts("Preston Law Partners", "900", 18, 120, date(2018, 5, 1), date(2028, 4, 30)),
            LeaseFacts("Metroplex Insurance", "600", 22, 95, date(2021, 9, 1), date(2026, 8, 31)),
            LeaseFacts("Valley Software", "400", 15, 100, date(2023, 7, 1), date(2028, 6, 30)),
            LeaseFacts("Lobby Cafe", "50", 1, 140, date(2019, 3, 1), None),
            LeaseFacts("Big D Staffing", "300", 12, 90, date(2017, 4, 1), date(2025, 3, 31)),
        ),
        quiet_months=(date(2024, 8, 1),),
    ),
    PropertyFacts(
        *("Harbor Town Mall", "740 Harbor Bend Rd", "Memphis", "TN", "Retail", 1988, 298_000),
        *("1.08", 45, "8.00", -2),
        loans=(
            LoanFacts("Delta Commerce Bank", "Fixed", 22_000_000, "6.600", date(2023, 6, 1), 7),
            LoanFacts("Keystone Debt Fund", "Interest-Only", 2_500_000, "9.000", date(2024, 7, 1), 3),
        ),
        leases=(
            LeaseFacts("Harbor Furniture", "A", 23, 75, date(2017, 10, 1), date(2027, 9, 30)),
            LeaseFacts("Bluff City Gym", "B", 14, 90, date(2021, 5, 1), date(2026, 4, 30)),
            LeaseFacts("Mud Island Books", "C2", 5, 120, date(2022, 12, 1), date(2025, 11, 30)),
            LeaseFacts("Harbor Town Shops", "D", 36, 120, date(2023, 3, 1), date(2030, 2, 28)),
            LeaseFacts("Memphis Eye Clinic", "C5", 6, 130, date(2025, 2, 1), date(2032, 1, 31)),
        ),
    ),
)
