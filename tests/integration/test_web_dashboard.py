"""Example 2 of the requirements, word for word: its page over the sample portfolio, held against SQL."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import openpyxl
import psycopg2
import pytest
from page_support import engine, fetch, name_of, page_of, parts_of, shown
from pipeline_support import Runner

from meta_agent.contracts import RunRecord
from meta_agent.databases.embedded import SampleDatabase

pytestmark = [pytest.mark.docker, pytest.mark.database]

BY_HAND = """SELECT property_name, noi, annual_debt_service, noi / annual_debt_service
FROM properties JOIN financial_metrics USING (property_id)"""


@pytest.fixture(scope="module")
def runner(sample_database: SampleDatabase, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("web"), sample_database.reader_url)


@pytest.fixture(scope="module")
def record(runner: Runner) -> Iterator[RunRecord]:
    """The run; its page is shown until the tests of this module are over."""
    with shown(runner) as answered:
        yield answered


@pytest.fixture(scope="module")
def by_hand(sample_database: SampleDatabase) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """Property to NOI, debt service and their ratio, as the database has them."""
    connection = psycopg2.connect(sample_database.reader_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(BY_HAND)
            return {name: (noi, debt, dscr) for name, noi, debt, dscr in cursor.fetchall()}
    finally:
        connection.close()


def rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def label(dscr: Decimal) -> str:
    return "Strong" if dscr >= Decimal("1.25") else "Acceptable" if dscr >= 1 else "Risky"


def test_the_run_has_the_typed_result_and_the_address(record: RunRecord, by_hand: dict[str, Any]) -> None:
    assert (record.status, record.warnings) == ("ok", ())
    assert page_of(record).startswith("http://127.0.0.1:")
    assert record.execution is not None and record.execution.result is not None
    rows = record.execution.result.tables[0].rows
    expected = {name: (noi, debt, rounded(dscr)) for name, (noi, debt, dscr) in by_hand.items()}
    assert {r["property_name"]: (r["noi"], r["annual_debt_service"], r["dscr"]) for r in rows} == expected
    assert (Path(record.run_dir) / "results" / "result.json").is_file()


def test_the_api_gives_the_figures_of_the_database(record: RunRecord, by_hand: dict[str, Any]) -> None:
    rows = fetch(page_of(record), "/api/data?sort=dscr&down=1").json["rows"]
    best_first = sorted(by_hand.items(), key=lambda item: rounded(item[1][2]), reverse=True)
    assert [row["dscr"] for row in rows] == [rounded(dscr) for _, (_, _, dscr) in best_first]
    assert {r["property_name"]: r["dscr_rating"] for r in rows} == {
        name: label(rounded(dscr)) for name, (_, _, dscr) in by_hand.items()
    }


def test_the_summary_is_the_ratio_of_the_sums(record: RunRecord, by_hand: dict[str, Any]) -> None:
    summary = fetch(page_of(record), "/api/summary").json
    noi, debt = (sum(figures[n] for figures in by_hand.values()) for n in (0, 1))
    assert (summary["Rows"], summary["Total noi"]) == (len(by_hand), noi)
    assert summary["Overall dscr"] == round(noi / debt, 4)


def test_the_what_if_moves_both_parts_of_the_ratio(record: RunRecord, by_hand: dict[str, Any]) -> None:
    path = "/api/what-if?change_noi=-10&change_annual_debt_service=5"
    answer = fetch(page_of(record), path).json
    expected = {
        name: rounded(noi * Decimal("0.9") / (debt * Decimal("1.05")))
        for name, (noi, debt, _) in by_hand.items()
    }
    assert {r["property_name"]: r["dscr (what if)"] for r in answer["rows"]} == expected
    assert {r["property_name"]: r["dscr_rating (what if)"] for r in answer["rows"]} == {
        name: label(dscr) for name, dscr in expected.items()
    }
    noi, debt = (sum(figures[n] for figures in by_hand.values()) for n in (0, 1))
    assert answer["what_if"]["Overall dscr"] == round(noi * Decimal("0.9") / (debt * Decimal("1.05")), 4)
    assert answer["base"]["Overall dscr"] == round(noi / debt, 4)


def test_rows_can_be_filtered_by_text_and_by_rating(record: RunRecord, by_hand: dict[str, Any]) -> None:
    page = page_of(record)
    named = [r["property_name"] for r in fetch(page, "/api/data?text=MALL").json["rows"]]
    assert sorted(named) == sorted(name for name in by_hand if "mall" in name.lower())
    risky = [r["property_name"] for r in fetch(page, "/api/data?rating=Risky").json["rows"]]
    assert risky == [name for name, (_, _, dscr) in by_hand.items() if rounded(dscr) < 1]


def test_the_downloads_hold_every_row(record: RunRecord, by_hand: dict[str, Any]) -> None:
    lines = fetch(page_of(record), "/data.csv").body.decode("utf-8-sig").splitlines()
    assert (lines[0], len(lines)) == (
        "property_name,noi,annual_debt_service,dscr,dscr_rating",
        len(by_hand) + 1,
    )
    sheet = openpyxl.load_workbook(io.BytesIO(fetch(page_of(record), "/data.xlsx").body)).active
    assert sheet is not None
    read = {row[0]: row[1] for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert read == {name: float(noi) for name, (noi, _, _) in by_hand.items()}


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/api/what-if?change_noi=abc", 400, "must be a number"),
        ("/api/what-if?change_noi=-101", 400, "between -100 and 1000"),
        ("/api/what-if?change_noi=NaN", 400, "between -100 and 1000"),
        ("/api/data?report=7", 400, "no such report"),
        ("/?change_noi=1e9", 400, "between -100 and 1000"),
        ("/nothing", 404, "not found"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(record: RunRecord, path: str, status: int, sentence: str) -> None:
    answer = fetch(page_of(record), path)
    assert answer.status == status
    assert sentence in answer.body.decode()
    assert b"Traceback" not in answer.body


def test_text_from_outside_is_escaped(record: RunRecord) -> None:
    body = fetch(page_of(record), "/?text=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").body.decode()
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert" in body


def test_nothing_may_be_loaded_from_elsewhere(record: RunRecord) -> None:
    answer = fetch(page_of(record), "/")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
    assert "https://" not in answer.body.decode()


def test_other_methods_and_other_names_are_refused(record: RunRecord) -> None:
    assert fetch(page_of(record), "/", method="POST").status == 405
    assert fetch(page_of(record), "/", Host="evil.example").status == 400


def test_the_page_listens_on_this_machine_only_and_the_script_has_no_network(
    record: RunRecord, runner: Runner
) -> None:
    port = int(page_of(record).rpartition(":")[2])
    lines = [Path(f"/proc/net/{table}").read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
    listening = [line.split()[1] for table in lines for line in table if line.split()[3] == "0A"]
    assert [place for place in listening if place.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
    with engine() as client:
        app = parts_of(client, runner.folder)["app"]
        devices = app.exec_run(["cat", "/proc/net/dev"]).output.decode().splitlines()[2:]
        assert [line.split(":")[0].strip() for line in devices] == ["lo"]
        assert app.exec_run(["cat", "/proc/net/tcp"]).output.decode().splitlines()[1:] == []


def test_all_three_containers_are_hardened(record: RunRecord, runner: Runner) -> None:
    assert name_of(record)
    with engine() as client:
        parts = parts_of(client, runner.folder)
        assert set(parts) == {"app", "gateway", "door"}
        for container in parts.values():
            host = container.attrs["HostConfig"]
            assert host["CapDrop"] == ["ALL"] and host["ReadonlyRootfs"] and host["Memory"]
            assert container.attrs["Config"]["User"] == "10001:10001"
            assert host["RestartPolicy"]["Name"] == "unless-stopped"
