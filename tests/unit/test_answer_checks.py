from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meta_agent.answer_checks import table_doubts
from meta_agent.contracts import ResultTable
from meta_agent.ranking import Ranking


def table(**columns: list[Any]) -> ResultTable:
    rows = tuple(dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return ResultTable(title="t", columns=tuple(columns), rows=rows)


@pytest.mark.parametrize(
    ("shown", "request_text", "ranking", "doubts"),
    [
        (table(noi=[1, 2, 3]), "top 2", Ranking(2, "high"), ["2 rows were asked for and 3 are shown."]),
        (table(noi=[1, 2]), "top 2", Ranking(2, "high"), []),
        (table(noi=[1, 2], ltv=[None, None]), "", None, ["The column ltv has no value in any row."]),
        (table(noi=[]), "top 2", Ranking(2, "high"), []),
        (
            table(occupancy=[Decimal("0.95"), Decimal("0.8")]),
            "occupancy in percent",
            None,
            ["All of occupancy lies between 0 and 1: it may be a share of 1, not a percentage."],
        ),
        (table(occupancy=[Decimal("0.95"), 0.8]), "occupancy", None, []),
        (table(occupancy=[Decimal("0.95")]), "occupancy in %", None, []),
        (table(dscr_ratio=[0.5, 0.7]), "DSCR and the change in %", None, []),
        (
            table(occupancy=[95, 104]),
            "",
            None,
            ["occupancy goes above 100, which a share of a whole cannot."],
        ),
        (table(ltv_pct=[95, 120]), "in %", None, []),
        (table(occupancy=["high", None, True]), "in %", None, []),
    ],
)
def test_what_a_table_shows(
    shown: ResultTable, request_text: str, ranking: Ranking | None, doubts: list[str]
) -> None:
    assert list(table_doubts(shown, request_text, ranking)) == doubts
