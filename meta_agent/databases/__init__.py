"""One module per kind of database, behind one interface.

base.py               the interface every database offers, and what it tells about itself
url.py                database URLs: reading, normalising and masking them
names.py              quoting of names
postgresql.py         PostgreSQL behind the interface; the others below are its means
connection_errors.py  why a connection failed, in the user's words
statements.py         exactly one SELECT, before the server sees it
discovery.py          from catalogue and inspection to one DatabaseSchema
catalogue.py          the catalogue in a few queries: relations, columns, keys, fingerprint
reflection.py         columns and keys by SQLAlchemy's inspection
row_counts.py         exact counts of small tables, estimates of large ones
column_values.py      whether a text stands in a column, and which texts do
column_facts.py       few texts, ranges and missing values of each column; what no row repeats
column_readings.py    what is read of columns, and what of it is worth telling
column_statistics.py  the same for large tables, from what the server has sampled
inferred_keys.py      foreign keys that are not declared: what names say, confirmed by rows
key_names.py          how tables and columns are named after one another
key_values.py         whether every value of a column occurs in another
bounded_reads.py      many small questions in few round trips, within a budget
rights.py             what a role may do besides reading
public_rights.py      what every role may write, and how to take it away
reader_plan.py        what it takes to make a role that may only read
reader.py             makes it
reader_url.py         its URL
steps.py              statements that are shown before they are run
"""

from __future__ import annotations

from dataclasses import replace

from meta_agent.databases.base import Database, Endpoint, RoleRights
from meta_agent.databases.url import URL_SETTING, mask_url, normalise_url, parse_url, renamed
from meta_agent.errors import DatabaseError

__all__ = ["Database", "Endpoint", "RoleRights", "mask_url", "normalise_url", "open_database", "parse_url"]


def open_database(url: str, *, connect_timeout: int = 5, setting: str = URL_SETTING) -> Database:
    """Connect to the database a URL names.

    ``connect_timeout`` is in seconds, per address the host's name resolves to; ``setting`` is what
    the URL stands in. Raises DatabaseError when the URL cannot be used or the server cannot be reached.
    """
    try:
        target = replace(parse_url(url), setting=setting)
    except DatabaseError as error:
        raise renamed(error, setting) from error
    from meta_agent.databases.postgresql import PostgresDatabase

    return PostgresDatabase(target, connect_timeout=connect_timeout)
