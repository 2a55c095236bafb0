from __future__ import annotations

import pytest

from meta_agent.databases import mask_url, normalise_url, open_database, parse_url
from meta_agent.errors import DatabaseError

SECRET = "hunter2secret"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2", "POSTGRESQL"])
def test_every_spelling_of_the_scheme_is_read(scheme: str) -> None:
    target = parse_url(f"{scheme}://ann:{SECRET}@db.example:5433/sales")
    assert (target.host, target.port, target.user, target.password, target.database) == (
        "db.example",
        5433,
        "ann",
        SECRET,
        "sales",
    )


def test_driver_suffix_is_dropped_for_libpq() -> None:
    assert (
        normalise_url(" postgresql+psycopg2://a@h/d?sslmode=require\n")
        == "postgresql://a@h/d?sslmode=require"
    )


def test_encoded_password_is_decoded() -> None:
    assert parse_url("postgresql://u:p%40ss%2Fw%3Ard%23%25%3F@h/d").password == "p@ss/w:rd#%?"


def test_defaults() -> None:
    target = parse_url("postgresql://u@h")
    assert (target.port, target.database, target.password) == (5432, "u", None)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@%2Fvar%2Frun%2Fpg:6000/d",
        "postgresql:///d?host=/var/run/pg&port=6000",
        "postgresql://u@/d?host=/var/run/pg&port=6000",
    ],
)
def test_unix_sockets(url: str) -> None:
    endpoint = parse_url(url).endpoint
    assert endpoint.is_socket
    assert endpoint.socket_path == "/var/run/pg/.s.PGSQL.6000"


def test_libpq_parameters_are_kept() -> None:
    target = parse_url("postgresql://u@h/d?sslmode=verify-full&application_name=x")
    assert target.endpoint.sslmode == "verify-full"
    assert target.parameters["application_name"] == "x"


def test_ipv6_and_several_hosts() -> None:
    assert parse_url("postgresql://u@[::1]:7/d").endpoint.host == "::1"
    several = parse_url("postgresql://u@one:1,two:2/d")
    assert (several.endpoint.host, several.endpoint.port) == ("one", 1)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "sales",
        "mysql://u:hunter2secret@h/d",
        "host=h password=hunter2secret",
        "postgresql://u:hunter2@secret@h/d",
        "postgresql://u:hunter2/secret@h:5432/d",
        "postgresql://u:hunter2secret%zz@h/d",
        "postgresql://u:hunter2/x?secret@h/d",
        "postgresql://u:hunter2secret@h:port/d",
        "postgresql://u:hunter2secret@h:0/d",
        "postgresql://u:hunter2secret@h:99999/d",
        "postgresql://u:hunter2secret@h/d?nonsense=1",
        "postgresql://u:hunter2 secret@h/d",
        "postgresql://u:hunter2secret@h/d\nx",
    ],
)
def test_unusable_urls_are_refused_without_their_password(url: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        open_database(url)
    shown = caught.value.cause + caught.value.remedy
    assert "hunter2" not in shown
    assert "secret" not in shown
    assert caught.value.remedy
    # Nor may a traceback shown with --debug carry it: libpq's own message would.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_unsupported_kind_is_named() -> None:
    with pytest.raises(DatabaseError, match="'mysql' are not supported"):
        parse_url("mysql://u@h/d")


def test_bad_port_is_named() -> None:
    with pytest.raises(DatabaseError, match="port"):
        parse_url("postgresql://u@h:70000/d")


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://u:pw@h:1/d", "postgresql://u:***@h:1/d"),
        ("postgresql://u:p@w/x@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql:///d?user=u&password=pw&host=h", "postgresql:///d?user=u&password=***&host=h"),
        ("host=h password='p w' dbname=d", "host=h password=*** dbname=d"),
        ("connect postgresql://u:pw@h/d", "connect postgresql://u:***@h/d"),
        ("no url", "no url"),
    ],
)
def test_masking(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_a_url_does_not_show_its_password_when_printed() -> None:
    assert SECRET not in repr(parse_url(f"postgresql://u:{SECRET}@h/d"))
