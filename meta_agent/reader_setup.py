"""``doctor --create-reader``: gives the database a role that may only read, after asking.

Shown first, then asked, then done. What affects other roles, too, is asked about apart from
the rest. The password goes into .env and nowhere else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meta_agent.consent import Question
from meta_agent.databases.names import quote_name
from meta_agent.databases.url import READER_SETTING, URL_SETTING, parse_url
from meta_agent.doctor import Check, leftovers_of
from meta_agent.env_file import set_variable
from meta_agent.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from meta_agent.consent import Consent
    from meta_agent.databases.base import RoleRights
    from meta_agent.databases.reader import ReaderMaker
    from meta_agent.databases.reader_plan import ReaderPlan
    from meta_agent.databases.steps import Step, Undone

PASSWORD_BYTES = 24
LONGEST_NAME_BYTES = 63
_FOR_ALL = (
    "Every role has these rights through PUBLIC. To take them away affects all roles of this database:"
    " who writes large objects, makes temporary tables or creates tables there needs a grant of its own."
)


@dataclass(frozen=True)
class ReaderWish:
    """What the user asked for."""

    name: str | None = None
    """Of the role; None: the database's with ``_reader``."""
    revoke_public: bool = False
    """Whether an agreement given beforehand also covers what is taken from PUBLIC."""


class ReaderSetup:
    """Makes a reader with the role of DATABASE_URL."""

    def __init__(
        self,
        url: str | None,
        reader: str | None,
        env_file: Path | None,
        consent: Consent,
        show: Callable[[str], None],
    ) -> None:
        """``reader``: the URL that is configured already, if any. ``show`` prints what would be done."""
        self._url = url
        self._reader = reader
        self._env_file = env_file
        self._consent = consent
        self._show = show

    def run(self, wish: ReaderWish) -> Iterator[Check]:
        """All of it. Raises UsageError where it cannot begin or nobody agrees, DatabaseError."""
        from meta_agent.databases.reader import ReaderMaker

        if self._url is None or self._env_file is None:
            raise UsageError(
                "There is no database of yours to make a reader for.",
                "Set DATABASE_URL in .env; the sample portfolio has its reader already.",
            )
        _check_name(wish.name)
        own = _rights_of(self._url, URL_SETTING)
        if not own.can_write:
            yield Check("Reader", "ok", f"{own.detail.rstrip('.')} already; no other role is needed")
            return
        with ReaderMaker(self._url) as maker:
            plan, revokes = maker.plan(wish.name), maker.plan_revokes()
            _refuse_foreign_role(plan)
            keeps = plan.maker.reader_exists and self._still_works(plan.reader)
            self._show(_script(maker, plan, revokes, keeps_password=keeps))
            _require_right_to_create(plan)
            self._agree(plan, keeps_password=keeps)
            yield from self._make(maker, plan, self._env_file, keeps_password=keeps)
            yield from self._revoke(maker, revokes, wish)
        yield _verdict(_rights_of(self._new_url, READER_SETTING))

    # --- before anything is done ------------------------------------------------------

    def _still_works(self, reader: str) -> bool:
        """Whether the configured reader URL is this role's and lets us in: then its password stays."""
        if self._reader is None:
            return False
        try:
            if parse_url(self._reader).user != reader:
                return False
            _rights_of(self._reader, READER_SETTING)
        except DatabaseError:
            return False
        return True

    def _agree(self, plan: ReaderPlan, *, keeps_password: bool) -> None:
        what = "renews its rights" if plan.maker.reader_exists else "makes it"
        question = Question(
            f"The SQL above {what}: {plan.reader}, a role that reads {_amount(plan)} of"
            f" {plan.maker.database}.",
            (),
            "Run it?",
            tuple(self._changes(plan, keeps_password=keeps_password)),
        )
        reply = self._consent.ask(question)
        if reply == "no":
            raise UsageError(
                "You did not agree; nothing was changed.", "Run the command again when you like."
            )
        if reply == "nobody":
            raise UsageError(
                "Nobody could be asked whether the SQL may be run.",
                "Run the command in a terminal, agree with --yes, or give the SQL to whoever administers the"
                " database.",
            )

    def _changes(self, plan: ReaderPlan, *, keeps_password: bool) -> Iterator[str]:
        """What is not in the SQL and has to be known before."""
        yield from plan.notes
        if plan.maker.reader_exists and not keeps_password:
            yield (
                f"{plan.reader} gets a new password: who uses the old one, packages of earlier runs too,"
                " cannot log in any more."
            )
        if self._reader is not None and not keeps_password:
            yield f"The present {READER_SETTING} is replaced."

    # --- doing it -----------------------------------------------------------------------

    def _make(
        self, maker: ReaderMaker, plan: ReaderPlan, env_file: Path, *, keeps_password: bool
    ) -> Iterator[Check]:
        from meta_agent.databases.reader_url import reader_url

        password = None if keeps_password else secrets.token_urlsafe(PASSWORD_BYTES)
        undone = maker.make(plan, password)
        yield Check("Reader", "ok", _made(plan, keeps_password=keeps_password))
        yield from _not_done(undone)
        if password is None:
            self._new_url = self._reader or ""
            return
        self._new_url = reader_url(
            self._url or "", user=plan.reader, password=password, database=plan.maker.database
        )
        _require_login(self._new_url)
        set_variable(env_file, READER_SETTING, self._new_url)
        yield Check("Settings", "ok", f"{READER_SETTING} is in {env_file}, which only you can read")

    def _revoke(self, maker: ReaderMaker, revokes: tuple[Step, ...], wish: ReaderWish) -> Iterator[Check]:
        """Take from PUBLIC what writes, where that is wanted; told is what stays."""
        possible = tuple(step for step in revokes if step.possible)
        impossible = tuple(step for step in revokes if not step.possible)
        if possible and self._may_revoke(maker.shown(possible), wish):
            undone = maker.revoke(possible)
            yield Check(
                "PUBLIC", "ok", f"{len(possible) - len(undone)} rights to write were taken from PUBLIC"
            )
            yield from _not_done(undone)
        elif possible:
            yield Check(
                "PUBLIC",
                "warning",
                f"PUBLIC keeps {len(possible)} rights to write, and the reader with it.",
                "--revoke-public takes them away, from all roles.",
            )
        for statement in maker.shown(impossible):
            yield _not_possible(statement, "the right to do it is missing")

    def _may_revoke(self, statements: tuple[str, ...], wish: ReaderWish) -> bool:
        """--yes alone does not speak for the other roles."""
        question = Question(
            "The reader itself is made. What PUBLIC may write, it may write, too.",
            statements,
            "Take these rights from PUBLIC?",
            (_FOR_ALL,),
        )
        reply = self._consent.ask(question)
        return reply == "terminal" or (reply == "--yes" and wish.revoke_public)


def _check_name(name: str | None) -> None:
    if name is None:
        return
    if not name or len(name.encode()) > LONGEST_NAME_BYTES or not name.isprintable():
        raise UsageError("The reader's name is not usable.", "Choose one of 1 to 63 plain letters.")
    if name.lower().startswith("pg_") or name.lower() in ("public", "none"):
        raise UsageError(f"PostgreSQL reserves the name {name}.", "Choose another with --reader-name.")


def _refuse_foreign_role(plan: ReaderPlan) -> None:
    if plan.maker.reader_exists and not plan.maker.reader_is_ours:
        raise UsageError(
            f"There is a role {plan.reader} already, and it was not made by this tool.",
            "Choose another name with --reader-name.",
        )


def _require_right_to_create(plan: ReaderPlan) -> None:
    if not plan.maker.may_create_roles:
        raise DatabaseError(
            f"The role {plan.maker.role} may not create roles.",
            "Give the SQL above to whoever administers the database, and write the reader's URL into .env as"
            f" {READER_SETTING}.",
        )


def _require_login(url: str) -> None:
    """Before .env says so: the server may have rules of its own on who may log in."""
    try:
        _rights_of(url, READER_SETTING)
    except DatabaseError as error:
        raise DatabaseError(
            f"The reader was made, but it cannot be used: {error.cause}",
            f"{READER_SETTING} was not written; let the role log in and run the command again.",
        ) from error


def _script(maker: ReaderMaker, plan: ReaderPlan, revokes: tuple[Step, ...], *, keeps_password: bool) -> str:
    """All the SQL, as psql takes it: what would be run, then what somebody else would have to run."""
    can = plan.maker.may_create_roles
    ours = maker.shown(tuple(step for step in plan.steps if step.possible or not can))
    others = maker.shown(tuple(step for step in plan.steps if not step.possible and can))
    first = maker.shown_role(plan, with_password=not keeps_password)
    lines = [f"-- A role that may only read {quote_name(plan.maker.database)}.", first, *ours]
    if not keeps_password:
        lines.insert(1, "-- The password is made here. By hand: psql -v reader_password=...")
    if others:
        lines += ["", "-- Not possible for the role in DATABASE_URL:", *others]
    if revokes:
        lines += [
            "",
            "-- Asked about apart, as it affects every role: what PUBLIC may write.",
            *maker.shown(revokes),
        ]
    return "\n".join(lines) + "\n"


def _made(plan: ReaderPlan, *, keeps_password: bool) -> str:
    if not plan.maker.reader_exists:
        return f"The role {plan.reader} was made; it may read {_amount(plan)}"
    password = "kept its password" if keeps_password else "has a new password"
    return f"The role {plan.reader} was there; it {password}, and its rights were renewed"


def _amount(plan: ReaderPlan) -> str:
    return "1 table or view" if plan.tables == 1 else f"{plan.tables} tables and views"


def _not_done(undone: tuple[Undone, ...]) -> Iterator[Check]:
    for one in undone:
        yield _not_possible(one.statement, one.reason)


def _not_possible(statement: str, reason: str) -> Check:
    return Check("Not done", "warning", f"{statement} ({reason})")


def _rights_of(url: str, setting: str) -> RoleRights:
    from meta_agent.databases import open_database

    with closing(open_database(url, setting=setting)) as database:
        return database.rights()


def _verdict(rights: RoleRights) -> Check:
    if rights.can_write:
        return Check("Rights", "warning", rights.detail, "Have that right taken from it.")
    return Check("Rights", "ok", f"role {rights.role} may only read{leftovers_of(rights)}")
