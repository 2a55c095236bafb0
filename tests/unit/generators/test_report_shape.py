# ruff: noqa: E501 - queries and replies stay on one line
from __future__ import annotations

from pathlib import Path

import pytest
from sample_schema import PORTFOLIO, database, table

from meta_agent.generators.report_shape import (
    RatioOfSums,
    ReportShape,
    count_rows_once,
    repeated_rows,
    repeated_sums,
    shape_of,
    show_what_repeats,
)
from meta_agent.generators.sql_parsing import parse_queries
from meta_agent.glossary import load_glossary

NO_KEYS = database(table("journal", "jid:integer name:text"), table("publication", "pid:integer jid:integer"))
GLOSSARY = load_glossary(Path(__file__).parents[3] / "glossary.yaml")
P_F = "properties p JOIN financial_metrics f ON f.property_id = p.property_id"
P_L = "properties p JOIN leases l ON l.property_id = p.property_id"


def shape(sql: str) -> ReportShape:
    return shape_of(parse_queries(sql)[0], PORTFOLIO, GLOSSARY)


@pytest.mark.parametrize(
    ("sql", "totals"),
    [
        ("SELECT property_id, noi, cap_rate, occupancy_rate FROM financial_metrics", ("noi",)),
        (f"SELECT p.property_name, f.noi, p.square_feet FROM {P_F}", ("noi", "square_feet")),
        (f"SELECT f.noi, p.square_feet FROM {P_F} WHERE p.city = 'x' ORDER BY noi LIMIT 3", ("noi", "square_feet")),
        (f"SELECT p.square_feet, l.annual_rent FROM {P_L}", ("annual_rent",)),
        ("SELECT p.city, f.noi, l.annual_rent FROM properties p JOIN financial_metrics f USING (property_id)"
         " JOIN leases l USING (property_id)", ("annual_rent",)),
        ("SELECT square_feet, annual_rent FROM properties p, leases l", ()),
        ("SELECT p.square_feet FROM properties p JOIN leases l ON l.annual_rent > 5 OR l.property_id = p.property_id", ()),
        ("SELECT a.noi AS noi FROM monthly_income a JOIN monthly_income b ON a.property_id = b.property_id", ()),
        ("SELECT f.noi FROM financial_metrics f JOIN monthly_income m ON m.property_id = f.property_id"
         " AND m.month = '2025-01-01'", ("noi",)),
        ("SELECT DISTINCT noi FROM financial_metrics", ()),
        ("SELECT noi FROM financial_metrics UNION ALL SELECT noi FROM monthly_income", ()),
        ("SELECT city, COUNT(*) AS count, SUM(square_feet) AS feet FROM properties GROUP BY city", ("count", "feet")),
        ("SELECT city, ROUND(SUM(square_feet), 0) AS feet, COALESCE(SUM(square_feet), 0) AS total FROM properties"
         " GROUP BY city", ("feet", "total")),
        ("SELECT city, AVG(square_feet) AS feet, MAX(square_feet) AS feet2 FROM properties GROUP BY city", ()),
        ("SELECT city, COUNT(DISTINCT state) AS count FROM properties GROUP BY city", ()),
        ("SELECT city, SUM(square_feet) AS feet FROM properties GROUP BY ROLLUP (city)", ()),
        (f"SELECT p.city, SUM(p.square_feet) AS feet, SUM(l.annual_rent) AS rent FROM {P_L} GROUP BY p.city", ()),
        ("SELECT SUM(noi) AS noi FROM financial_metrics", ()),
        (f"SELECT p.property_name, f.noi FROM {P_F} GROUP BY p.property_name, f.noi", ("noi",)),
        (f"SELECT p.city, f.noi FROM {P_F} GROUP BY p.city, f.noi", ()),
        (f"SELECT p.property_name, p.square_feet FROM {P_L} GROUP BY p.property_name, p.square_feet", ()),
        ("SELECT month, SUM(noi) OVER (ORDER BY month) AS running_noi FROM monthly_income", ()),
        ("SELECT annual_rent, UNNEST(ARRAY[1, 2]) AS n FROM leases", ()),
        ("SELECT annual_rent, generate_series(1, 3) AS n FROM leases", ()),
        ("SELECT noi::text AS noi FROM financial_metrics", ()),
        ("SELECT t.noi FROM (SELECT noi FROM financial_metrics) t", ()),
        ("WITH loans AS (SELECT 1 AS current_balance) SELECT current_balance FROM loans", ()),
        ("SELECT lender, current_balance FROM loans", ("current_balance",)),
        ("SELECT origination_date, current_balance FROM loans", ()),
        ("SELECT f.noi, x.n FROM financial_metrics f CROSS JOIN LATERAL (SELECT 1 AS n) x", ()),
    ],
)  # fmt: skip
def test_only_what_adds_up_is_totalled(sql: str, totals: tuple[str, ...]) -> None:
    assert shape(sql).totals == totals


COLUMNS = "noi, annual_debt_service"


@pytest.mark.parametrize(
    ("expression", "factor"),
    [
        ("noi / annual_debt_service", 1.0),
        ("noi / NULLIF(annual_debt_service, 0)", 1.0),
        ("ROUND(noi / NULLIF(annual_debt_service, 0), 2)", 1.0),
        ("ROUND((noi::numeric / NULLIF(annual_debt_service, 0))::numeric, 2)", 1.0),
        ("100.0 * noi / annual_debt_service", 100.0),
        ("noi * 100 / annual_debt_service", 100.0),
        ("noi / annual_debt_service * 100", 100.0),
        ("ROUND(100 * (noi / annual_debt_service), 1)", 100.0),
        ("(noi / 12) / annual_debt_service", pytest.approx(1 / 12)),
        ("noi / (annual_debt_service / 12)", 12.0),
        ("noi / (2 * annual_debt_service)", 0.5),
    ],
)
def test_a_ratio_is_known_whatever_is_around_it(expression: str, factor: float) -> None:
    found = shape(f"SELECT {COLUMNS}, {expression} AS dscr FROM financial_metrics").ratios
    assert found == (RatioOfSums("dscr", "noi", "annual_debt_service", factor),)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT noi, noi / annual_debt_service AS dscr FROM financial_metrics",
        f"SELECT {COLUMNS}, (noi + 1) / annual_debt_service AS dscr FROM financial_metrics",
        f"SELECT {COLUMNS}, noi / annual_debt_service + 1 AS dscr FROM financial_metrics",
        f"SELECT {COLUMNS}, 1 / annual_debt_service AS dscr FROM financial_metrics",
        f"SELECT {COLUMNS}, noi - annual_debt_service AS dscr FROM financial_metrics",
    ],
)
def test_what_is_no_ratio_of_two_totals_has_none(sql: str) -> None:
    assert shape(sql).ratios == ()


def test_sums_of_groups_make_ratios_too() -> None:
    found = shape(
        "SELECT p.city, SUM(f.noi) AS noi, SUM(f.annual_debt_service) AS service,"
        f" SUM(f.noi) / NULLIF(SUM(f.annual_debt_service), 0) AS dscr FROM {P_F} GROUP BY p.city"
    ).ratios
    assert found == (RatioOfSums("dscr", "noi", "service", 1.0),)


def test_columns_named_like_a_metric_with_thresholds_are_rated() -> None:
    found = shape(
        'SELECT noi, noi / 2 AS "Debt Service Coverage Ratio", 1 AS dscrs FROM financial_metrics'
    ).rated
    assert [(name, metric.name) for name, metric in found] == [
        ("Debt Service Coverage Ratio", "DSCR"),
        ("dscrs", "DSCR"),
    ]


@pytest.mark.parametrize(
    ("sql", "warned"),
    [
        (f"SELECT SUM(p.square_feet) AS feet FROM {P_L}", True),
        (f"SELECT AVG(p.square_feet) AS feet FROM {P_L}", True),
        (f"SELECT COUNT(p.property_id) AS n FROM {P_L}", True),
        (f"SELECT COUNT(DISTINCT p.property_id) AS n FROM {P_L}", False),
        (f"SELECT COUNT(*) AS n, SUM(l.annual_rent) AS rent FROM {P_L}", False),
        (f"SELECT SUM(p.square_feet) AS feet, SUM(f.noi) AS noi FROM {P_F}", False),
        ("SELECT city FROM properties p WHERE square_feet > (SELECT SUM(q.square_feet)"
         " FROM properties q JOIN loans l ON l.property_id = q.property_id)", True),
    ],
)  # fmt: skip
def test_a_sum_over_repeated_rows_is_said_to_be_one(sql: str, warned: bool) -> None:
    found = list(repeated_sums(parse_queries(sql)[0], PORTFOLIO))
    assert bool(found) is warned
    assert all("counts a row of properties once for each of its rows in" in text for text in found)


def test_joins_of_tables_without_keys_are_not_suspected_but_nothing_is_totalled_over_them() -> None:
    tree = parse_queries(
        "SELECT j.name, COUNT(p.pid) AS count FROM journal j JOIN publication p ON p.jid = j.jid GROUP BY j.name"
    )[0]
    assert not list(repeated_sums(tree, NO_KEYS))
    assert not count_rows_once(tree, NO_KEYS)
    assert shape_of(tree, NO_KEYS, GLOSSARY).totals == ()


@pytest.mark.parametrize(
    ("sql", "changed"),
    [
        (f"SELECT COUNT(p.property_id) FROM {P_L}", True),
        (f"SELECT COUNT(l.lease_id) FROM {P_L}", False),
        (f"SELECT COUNT(p.city) FROM {P_L}", False),
        (f"SELECT COUNT(*) FROM {P_L}", False),
        (f"SELECT COUNT(p.property_id) FROM {P_F}", False),
        (f"SELECT COUNT(DISTINCT p.property_id) FROM {P_L}", False),
        (f"SELECT SUM(p.property_id) FROM {P_L}", False),
    ],
)
def test_only_counts_of_repeated_keys_become_distinct(sql: str, changed: bool) -> None:
    tree = parse_queries(sql)[0]
    before = tree.sql()
    assert bool(count_rows_once(tree, PORTFOLIO)) is changed
    assert (tree.sql() != before) is changed
    assert not list(count_rows_once(tree, PORTFOLIO))


def test_rows_chosen_by_a_hidden_table_are_told_apart_by_what_they_were_chosen_by() -> None:
    tree = parse_queries(f"SELECT p.property_name FROM {P_L} WHERE l.annual_rent > 5 AND p.city = 'x'")[0]
    assert list(repeated_rows(tree, PORTFOLIO))
    assert show_what_repeats(tree, PORTFOLIO) == [
        "annual_rent is shown, because the rows of leases are chosen by it"
    ]
    assert tree.named_selects == ["property_name", "annual_rent"]
    assert not list(repeated_rows(tree, PORTFOLIO))
    assert not show_what_repeats(tree, PORTFOLIO)
