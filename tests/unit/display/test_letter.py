"""The message that carries an answer: safe headers, escaped HTML, attachments with a limit."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import display_examples as examples
import pytest

from meta_agent.contracts import ScriptResult
from meta_agent.errors import UsageError
from meta_agent.mail import message as letters
from meta_agent.mail.message import letter_of
from meta_agent.mail.options import MailOptions, check_address

HOSTILE = "DSCR\r\nBcc: evil@example.com\n\nhello <script>alert(1)</script> \u202e"


def sent(files: list[Path] | None = None, **changes: object) -> EmailMessage:
    """The message as it arrives."""
    letter = letter_of(examples.record(**changes), files or [], "tool@example.com", ["ada@example.com"])
    arrived = message_from_bytes(letter.message.as_bytes(), policy=policy.default)
    assert isinstance(arrived, EmailMessage)
    return arrived


def text_of(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_the_answer_stands_in_both_bodies() -> None:
    message = sent()
    assert (message["Subject"], message["To"]) == ("Calculate the DSCR of every property", "ada@example.com")
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = text_of(message, "plain"), text_of(message, "html")
    for expected in (
        "Harbour View Apartments",
        "1,250,000.00",
        "4,833,250.85",
        "DSCR = noi / annual debt service",
    ):
        assert expected in text
        assert expected in html
    ends = [line.index("Strong") for line in text.splitlines() if line.rstrip().endswith("Strong")]
    assert len(ends) == 2
    assert len(set(ends)) == 1, "the columns are not aligned"
    assert "script_20260301_101500" in text


def test_nothing_of_a_request_becomes_a_header_or_markup() -> None:
    rows = [{"</td><script>": "<img src=x onerror=alert(1)>", "b": "x\r\nBcc: evil@example.com"}]
    result = ScriptResult(tables=(examples.table(rows, HOSTILE),), summary={HOSTILE: HOSTILE})
    message = sent(request=HOSTILE, execution=examples.execution(result=result), warnings=(HOSTILE,))
    assert message["Bcc"] is None
    assert message.keys().count("Subject") == 1
    assert "evil" in message["Subject"]
    html = text_of(message, "html")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "\u202e" not in html + text_of(message, "plain") + str(message["Subject"])


def test_long_tables_are_cut_and_told() -> None:
    table = examples.table([{"n": n} for n in range(250)])
    text = text_of(sent(execution=examples.execution(result=ScriptResult(tables=(table,)))), "plain")
    assert "… and 50 more rows" in text
    assert "  249" not in text


def test_files_are_attached_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "MOST_ATTACHED", 100)
    sizes = {"ü b.xlsx": 60, "big.pdf": 50, "small.csv": 40}
    files = [tmp_path / name for name in sizes]
    for file in files:
        file.write_bytes(b"x" * sizes[file.name])
    message = sent(files)
    attached = {part.get_filename(): len(part.get_content()) for part in message.iter_attachments()}
    assert attached == {"ü b.xlsx": 60, "small.csv": 40}
    assert "Too large to be attached: big.pdf" in text_of(message, "plain")


@pytest.mark.parametrize("address", ["ada@example.com", "a.b+c@mail.example.co.uk", "root@localhost"])
def test_plain_addresses_are_taken(address: str) -> None:
    check_address(address, "--email")


@pytest.mark.parametrize(
    "address",
    [
        *("", "ada", "@example.com", "ada@", "a b@example.com", "Ada <ada@example.com>", "a@b.com,c@d.com"),
        *("ada@example.com\nBcc: x@y.com", "ada@example.com\r", "ada@exa mple.com", "ada@-example.com"),
        *("ada@exämple.com", '"a"@example.com', "a@b@c.com", f"{'a' * 65}@example.com", "a@b..com"),
    ],
)
def test_anything_else_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="not an e-mail address"):
        check_address(address, "--email")


def test_settings_that_would_give_a_password_away_are_refused() -> None:
    login = {"host": "mail.example.com", "sender": "a@example.com", "port": 25, "user": "u", "password": "p"}
    MailOptions(**login, security="starttls").check()
    MailOptions(**{**login, "host": "127.0.0.1"}, security="none").check()
    with pytest.raises(UsageError, match="unencrypted"):
        MailOptions(**login, security="none").check()
    with pytest.raises(UsageError, match="only one is set"):
        MailOptions(**{**login, "password": None}).check()
    with pytest.raises(UsageError, match="SMTP_FROM"):
        MailOptions(**{**login, "sender": "nobody"}).check()
