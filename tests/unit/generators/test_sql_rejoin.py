# ruff: noqa: E501 - queries stay on one line
"""Joins that cannot be meant are rebuilt from the keys; all others are left alone."""

from __future__ import annotations

import pytest
from sample_schema import database, table

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_parsing import parse_queries
from meta_agent.generators.sql_rejoin import mend_joins
from meta_agent.join_graph import JoinGraph

CLINIC = database(
    table("hospital", "hid:integer hname:text region:text", key=("hid",)),
    table(
        "doctor", "did:integer dname:text hid:integer", key=("did",), references=[("hid", "hospital", "hid")]
    ),
    table("specialty", "sid:integer sname:text", key=("sid",)),
    table(
        "doctor_specialty",
        "did:integer sid:integer",
        references=[("did", "doctor", "did"), ("sid", "specialty", "sid")],
    ),
    table("patient", "pid:integer pname:text", key=("pid",)),
    table(
        "visit",
        "vid:integer doctor_key:integer patient_key:integer fee",
        key=("vid",),
        references=[("doctor_key", "doctor", "did"), ("patient_key", "patient", "pid")],
    ),
    table(
        "referral",
        "from_doctor:integer to_doctor:integer reason:text",
        references=[("from_doctor", "doctor", "did"), ("to_doctor", "doctor", "did")],
    ),
    table("weather", "day:date degrees"),
)


def mended(sql: str, request: str = "", schema: DatabaseSchema = CLINIC) -> tuple[str, list[str]]:
    tree = parse_queries(sql)[0]
    repairs = mend_joins(tree, request, schema)
    return tree.sql(dialect="postgres"), repairs


REBUILT = [
    (  # a key that the table does not have
        "SELECT h.hname, COUNT(v.vid) FROM hospital h JOIN visit v ON v.hid = h.hid GROUP BY h.hname",
        "visits of each hospital",
        "SELECT h.hname, COUNT(v.vid) FROM hospital AS h JOIN doctor ON h.hid = doctor.hid JOIN visit AS v ON doctor.did = v.doctor_key GROUP BY h.hname",
    ),
    (  # keys of two different things
        "SELECT h.region, COUNT(DISTINCT d.did) FROM hospital h LEFT JOIN doctor d ON h.hid = d.did GROUP BY h.region",
        "doctors by region",
        "SELECT h.region, COUNT(DISTINCT d.did) FROM hospital AS h LEFT JOIN doctor AS d ON h.hid = d.hid GROUP BY h.region",
    ),
    (  # a table that does not exist, and that nothing is taken from
        "SELECT p.pname FROM patient p JOIN person x ON p.pid = x.pid",
        "names of all patients",
        "SELECT p.pname FROM patient AS p",
    ),
    (  # the key of another table under its own name there
        "SELECT d.dname, COUNT(v.did) FROM doctor d JOIN visit v ON d.did = v.did GROUP BY d.dname",
        "visits per doctor",
        "SELECT d.dname, COUNT(v.doctor_key) FROM doctor AS d JOIN visit AS v ON d.did = v.doctor_key GROUP BY d.dname",
    ),
    (  # what a join filters by stays
        "SELECT h.hname, COUNT(*) FROM hospital h JOIN visit v ON h.hid = v.hid AND v.fee > 10 GROUP BY h.hname",
        "visits above 10 per hospital",
        "SELECT h.hname, COUNT(*) FROM hospital AS h JOIN doctor ON h.hid = doctor.hid JOIN visit AS v ON doctor.did = v.doctor_key AND v.fee > 10 GROUP BY h.hname",
    ),
    (  # which of two keys is meant is said by the one right half of the join
        "SELECT d.dname, r.reason FROM referral r JOIN doctor d ON r.to_doctor = d.doctor_id",
        "who was referred to, and why",
        "SELECT d.dname, r.reason FROM referral AS r JOIN doctor AS d ON r.to_doctor = d.did",
    ),
    (  # a table the request speaks of is not lost, one of a junction is
        "SELECT DISTINCT h.hname FROM hospital h JOIN doctor_specialty x ON h.hid = x.hid JOIN doctor d ON x.did = d.did",
        "hospitals that have a doctor",
        "SELECT DISTINCT h.hname FROM hospital AS h JOIN doctor AS d ON h.hid = d.hid",
    ),
]


@pytest.mark.parametrize(("sql", "request_text", "expected"), REBUILT)
def test_joins_that_cannot_be_meant_follow_the_keys(sql: str, request_text: str, expected: str) -> None:
    written, repairs = mended(sql, request_text)
    assert written == expected
    assert len(repairs) == 1


LEFT_ALONE = [
    "SELECT d.dname FROM doctor d JOIN hospital h ON d.hid = h.hid",
    "SELECT d.dname FROM doctor d JOIN visit v ON v.doctor_key = d.did JOIN doctor_specialty s ON s.did = v.doctor_key",
    "SELECT a.dname FROM doctor a JOIN doctor b ON a.hid = b.hid",
    "SELECT d.dname FROM doctor d JOIN patient p ON d.dname = p.pname",
    "SELECT v.vid FROM visit v JOIN weather w ON w.degrees > v.fee",
    "SELECT d.dname FROM doctor d, hospital h WHERE d.hid = h.hid",
    "WITH v AS (SELECT doctor_key AS did FROM visit) SELECT d.dname FROM doctor d JOIN v ON v.nothing = d.did",
    "SELECT d.dname FROM doctor d JOIN (SELECT * FROM visit) v ON v.nothing = d.did",
    "SELECT d.dname FROM doctor d FULL JOIN visit v ON v.nothing = d.did",
    # wrong, but there is no way to the weather, and two equal ways from referral to doctor
    "SELECT d.dname, w.degrees FROM doctor d JOIN weather w ON d.did = w.did",
    "SELECT d.dname, r.reason FROM referral r JOIN doctor d ON r.doctor_id = d.did",
    # a subquery reads one of the tables
    "SELECT d.dname FROM doctor d JOIN visit v ON v.x = d.did WHERE EXISTS (SELECT 1 FROM patient p WHERE p.pid = v.patient_key)",
]


@pytest.mark.parametrize("sql", LEFT_ALONE)
def test_everything_else_is_left_as_it_is(sql: str) -> None:
    before = parse_queries(sql)[0].sql(dialect="postgres")
    assert mended(sql, "doctors") == (before, [])


def test_the_graph_takes_the_shortest_way_and_none_where_two_are_equal() -> None:
    graph = JoinGraph(CLINIC)
    hospital, patient, doctor, referral = (
        ("public", name) for name in ("hospital", "patient", "doctor", "referral")
    )
    way = graph.connect([hospital, patient])
    assert way is not None
    assert {(link.child[1], link.parent[1]) for link in way} == {
        ("doctor", "hospital"),
        ("visit", "doctor"),
        ("visit", "patient"),
    }
    assert graph.connect([doctor, referral]) is None
    named = graph.connect([doctor, referral], named=[(*referral, "to_doctor")])
    assert named is not None
    assert named[0].pairs == (("to_doctor", "did"),)
    assert graph.connect([hospital]) == ()
    assert graph.connect([hospital, ("public", "weather")]) is None


def test_the_graph_knows_what_a_key_refers_to() -> None:
    graph = JoinGraph(CLINIC)
    assert graph.referent(("public", "visit", "doctor_key")) == ("public", "doctor", "did")
    assert graph.referent(("public", "doctor", "did")) == ("public", "doctor", "did")
    assert graph.referent(("public", "visit", "fee")) is None
