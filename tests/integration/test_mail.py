"""Answers sent through a real SMTP server: encrypted, with a login, and everything that can go wrong."""

from __future__ import annotations

import socket
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from command_line import CommandLine
from mail_server import PASSWORD, USER, mail_server, make_certificate, unused_port

from meta_agent.errors import ExitCode, MailError
from meta_agent.mail.options import MailOptions, Security
from meta_agent.mail.sending import send

ADA = ("ada@example.com",)
SCRIPT = """
import json
import os
from pathlib import Path

table = {"title": "Figures", "columns": ["n"], "rows": [{"n": 42}]}
result = {"tables": [table], "summary": {}, "files": [], "warnings": []}
Path(os.getenv("OUTPUT_DIR", "results"), "result.json").write_text(json.dumps(result))
Path(os.getenv("EXPORT_DIR", "exports"), "reports", "figures.csv").write_text("n\\n42\\n")
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("mail"))


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate, which is believed."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


def options(port: int, security: Security = "none", **changes: object) -> MailOptions:
    given: dict[str, object] = {"host": "localhost", "sender": "tool@example.com", "timeout": 10.0}
    return MailOptions(**{**given, "port": port, "security": security, **changes})  # type: ignore[arg-type]


def message(size: int = 10) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = "Größe", "tool@example.com", "ada@example.com"
    letter.set_content("x" * size)
    return letter


LOGIN = {"user": USER, "password": PASSWORD}


def test_starttls_with_a_login(trusted: Path) -> None:
    with mail_server(starttls=trusted, login=True) as box:
        send(message(), ADA, options(box.port, "starttls", **LOGIN))
    assert (box.recipients, box.encrypted, box.logins) == ([list(ADA)], [True], [PASSWORD])
    assert box.messages[0]["Subject"] == "Größe"


def test_tls_from_the_beginning(trusted: Path) -> None:
    with mail_server(tls=trusted, login=True) as box:
        send(message(), ADA, options(box.port, "tls", **LOGIN))
    assert (box.encrypted, box.logins) == ([True], [PASSWORD])


def test_none_for_a_relay_of_ones_own() -> None:
    with mail_server() as box:
        send(message(), ADA, options(box.port))
    assert box.encrypted == [False]


def failure(act: Callable[[], None]) -> str:
    with pytest.raises(MailError) as caught:
        act()
    assert caught.value.remedy
    assert caught.value.exit_code == ExitCode.MAIL
    return caught.value.cause


def test_a_wrong_password(trusted: Path) -> None:
    with mail_server(starttls=trusted, login=True) as box:
        wrong = options(box.port, "starttls", user=USER, password="nope")
        assert "refused the login" in failure(lambda: send(message(), ADA, wrong))
    assert box.messages == []


def test_a_login_that_is_missing(trusted: Path) -> None:
    with mail_server(starttls=trusted, login=True) as box:
        assert "wants a login" in failure(lambda: send(message(), ADA, options(box.port, "starttls")))


def test_a_server_without_logins() -> None:
    with mail_server() as box:
        assert "offers no login" in failure(lambda: send(message(), ADA, options(box.port, **LOGIN)))


def test_a_certificate_nobody_vouches_for(certificate: Path) -> None:
    for security in ("starttls", "tls"):
        with mail_server(**{security: certificate}, login=True) as box:  # type: ignore[arg-type]
            unknown = options(box.port, security, **LOGIN)
            assert "cannot be trusted" in failure(lambda given=unknown: send(message(), ADA, given))  # type: ignore[misc]
        assert (box.messages, box.logins) == ([], [])


def test_a_certificate_of_another_name(trusted: Path) -> None:
    with mail_server(tls=trusted) as box:
        other = options(box.port, "tls", host="127.0.0.1")
        assert "cannot be trusted" in failure(lambda: send(message(), ADA, other))
    assert box.messages == []


def test_no_password_leaves_where_encryption_is_not_offered() -> None:
    with mail_server(login=True) as box:
        plain = options(box.port, "starttls", **LOGIN)
        assert "offers no STARTTLS" in failure(lambda: send(message(), ADA, plain))
    assert (box.messages, box.logins) == ([], [])


def test_tls_at_a_port_that_speaks_plain() -> None:
    with mail_server() as box:
        assert "No encrypted connection" in failure(lambda: send(message(), ADA, options(box.port, "tls")))


def test_a_recipient_that_is_refused() -> None:
    with mail_server(unknown=("bob@example.com",)) as box:
        alone = failure(lambda: send(message(), ("bob@example.com",), options(box.port)))
        assert "does not take mail for bob@example.com: 550 no such mailbox." in alone
        assert box.messages == []
        both = (*ADA, "bob@example.com")
        assert "for bob@example.com" in failure(lambda: send(message(), both, options(box.port)))
    assert box.recipients == [list(ADA)]


def test_a_message_that_is_too_large() -> None:
    with mail_server(data_size_limit=2_000) as box:
        assert "too large" in failure(lambda: send(message(5_000), ADA, options(box.port)))
    assert box.messages == []


def test_a_server_that_is_not_there() -> None:
    assert "refused" in failure(lambda: send(message(), ADA, options(unused_port())))
    nowhere = options(25, host="no-such-host.invalid")
    assert (
        failure(lambda: send(message(), ADA, nowhere))
        == "There is no mail server called no-such-host.invalid."
    )
    assert "no mail server" in failure(lambda: send(message(), ADA, options(25, host="a..b")))


def test_a_server_that_says_nothing_or_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        mute = options(port, host="127.0.0.1", timeout=0.3)
        assert "did not answer within 0.3 s" in failure(lambda: send(message(), ADA, mute))


# --- the whole command ----------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path, trusted: Path) -> CommandLine:
    (tmp_path / "given.py").write_text(SCRIPT, encoding="utf-8")
    settings = {"SSL_CERT_FILE": str(trusted), "SMTP_FROM": "tool@example.com", "SMTP_HOST": "localhost"}
    settings |= {"SMTP_USER": USER, "SMTP_PASSWORD": PASSWORD}
    return CommandLine(tmp_path / "runs", settings)


@pytest.mark.docker
def test_an_answer_goes_out_with_its_files(program: CommandLine) -> None:
    with mail_server(starttls=Path(program.settings["SSL_CERT_FILE"]), login=True) as box:
        program.settings["SMTP_PORT"] = str(box.port)
        done = program.run("execute", "given.py", "--email", *ADA, "--output", "mine.csv")
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout
    assert "Written: mine.csv" in done.stderr
    assert "Sent to ada@example.com" in done.stderr
    names = [part.get_filename() for part in box.messages[0].iter_attachments()]
    assert names == ["figures.csv", "mine.csv"]
    record = program.records()[0]
    assert "exports/reports/figures.csv" in record["execution"]["files"]
    assert PASSWORD not in str(record)


@pytest.mark.docker
def test_what_cannot_be_sent_is_shown_all_the_same(program: CommandLine) -> None:
    program.settings["SMTP_PORT"] = str(unused_port())
    done = program.run("execute", "given.py", "--email", *ADA, "--output", "mine.md")
    assert done.returncode == ExitCode.MAIL
    assert "42" in done.stdout
    assert "Written: mine.md" in done.stderr
    assert "The answer could not be sent" in done.stderr
    answer = program.json("execute", "given.py", "--email", *ADA)
    assert (answer["exit_code"], answer["tables"][0]["rows"]) == (ExitCode.MAIL, [{"n": 42}])
    assert "refused" in answer["error"]["cause"]
    assert [record["status"] for record in program.records()] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--email", "ada"), "--email is not an e-mail address"),
        (("--email", "a@b.com\nBcc: c@d.com"), "--email is not an e-mail address"),
        (("--output", "answer.docx"), "No answer can be written as answer.docx"),
        (("--output", "no/folder/a.csv"), "cannot be written"),
        (("--format", "xml"), "xml"),
    ],
)
def test_what_cannot_work_is_told_before_anything_runs(
    program: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    done = program.run("execute", "given.py", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert program.records() == []


def test_without_a_mail_server_in_the_settings_nothing_is_asked(program: CommandLine) -> None:
    del program.settings["SMTP_HOST"]
    done = program.run("execute", "given.py", "--email", *ADA)
    assert done.returncode == 2
    assert "No mail server is configured" in done.stderr
