"""Hands a message to an SMTP server; whatever goes wrong there becomes one sentence and a remedy."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from meta_agent.errors import MailError
from meta_agent.mail.options import MailOptions

_TOO_LARGE = (523, 552)
_NO_LOGIN_YET = (530,)


def send(message: EmailMessage, recipients: tuple[str, ...], options: MailOptions) -> None:
    """Send a message. Raises MailError where it, or a recipient of it, was not accepted."""
    with _translated(options):
        server = _connected(options)
        try:
            if options.user is not None and options.password is not None:
                server.login(options.user, options.password)
            refused = server.send_message(message, options.sender, recipients)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
    if refused:
        raise _not_taken(refused, options)


def _connected(options: MailOptions) -> smtplib.SMTP:
    """A session that is encrypted, with a certificate that was verified, unless the settings say none."""
    context = ssl.create_default_context()
    if options.security == "tls":
        return smtplib.SMTP_SSL(options.host, options.port, timeout=options.timeout, context=context)
    server = smtplib.SMTP(options.host, options.port, timeout=options.timeout)
    if options.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


@contextmanager
def _translated(options: MailOptions) -> Iterator[None]:
    place = f"{options.host}:{options.port}"
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise MailError(
            f"The mail server {place} refused the login: {_said(error.smtp_error)}.",
            "Correct SMTP_USER and SMTP_PASSWORD; many servers want a password made for programs.",
        ) from error
    except smtplib.SMTPRecipientsRefused as error:
        raise _not_taken(error.recipients, options) from error
    except smtplib.SMTPNotSupportedError as error:
        if options.security == "starttls" and "STARTTLS" in str(error):
            cause, remedy = "offers no STARTTLS", "Set SMTP_SECURITY=tls, often with SMTP_PORT=465."
        else:
            cause, remedy = "offers no login", "Leave SMTP_USER and SMTP_PASSWORD empty, or change the port."
        raise MailError(f"The mail server {place} {cause}.", remedy) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error, place) from error
    except ssl.SSLCertVerificationError as error:
        raise MailError(
            f"The certificate of the mail server {place} cannot be trusted: {error.verify_message}.",
            "Use the name that stands in it as SMTP_HOST; for an authority of your own set SSL_CERT_FILE.",
        ) from error
    except ssl.SSLError as error:
        raise MailError(
            f"No encrypted connection to the mail server {place} came about: {error.reason or error}.",
            "tls is usually for port 465, starttls for port 587: correct SMTP_SECURITY or SMTP_PORT.",
        ) from error
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise _unreachable(error, options, place) from error


def _refusal(error: smtplib.SMTPResponseException, place: str) -> MailError:
    said = _said(error.smtp_error)
    if error.smtp_code in _TOO_LARGE:
        return MailError(
            f"The message is too large for the mail server {place}: {said}.",
            "Ask for fewer or smaller files; they lie in the run's folder.",
        )
    if error.smtp_code in _NO_LOGIN_YET:
        return MailError(
            f"The mail server {place} wants a login: {said}.", "Set SMTP_USER and SMTP_PASSWORD."
        )
    if isinstance(error, smtplib.SMTPSenderRefused):
        return MailError(
            f"The mail server {place} does not take mail from {error.sender}: {said}.",
            "Set SMTP_FROM to an address that this login may use.",
        )
    return MailError(
        f"The mail server {place} did not take the message: {said}.", "Try again, or ask who runs the server."
    )


def _unreachable(error: Exception, options: MailOptions, place: str) -> MailError:
    if isinstance(error, socket.gaierror | UnicodeError):
        return MailError(f"There is no mail server called {options.host}.", "Correct SMTP_HOST.")
    if isinstance(error, ConnectionRefusedError):
        return MailError(
            f"Nothing listens at {place}: the connection was refused.", "Correct SMTP_HOST and SMTP_PORT."
        )
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return MailError(
            f"The mail server {place} did not answer within {options.timeout:g} s.",
            "Correct SMTP_PORT; a network may block it, and tls is for port 465.",
        )
    return MailError(
        f"The connection to the mail server {place} was lost: {_said(str(error).encode())}.",
        "Check SMTP_HOST, SMTP_PORT and SMTP_SECURITY, and try again.",
    )


def _not_taken(refused: dict[str, tuple[int, bytes]], options: MailOptions) -> MailError:
    address, (code, words) = next(iter(refused.items()))
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    return MailError(
        f"The mail server {options.host} does not take mail for {address}{more}: {code} {_said(words)}.",
        "Correct the address; those that were taken have got the message.",
    )


def _said(words: bytes | str) -> str:
    """What a server said, on one line without control characters."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    shown = "".join(c if c.isprintable() else " " for c in text[:300])
    return " ".join(shown.split()).rstrip(".") or "it gave no reason"
