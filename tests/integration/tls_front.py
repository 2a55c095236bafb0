"""TLS in front of a PostgreSQL built without it: real handshakes, real certificates.

By default the certificate is one that nobody vouches for; a company's own authority can
sign it instead, and then clients may have to show one of that authority's, too.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
OWN_NAME = "subjectAltName=DNS:localhost"


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path


class TlsFront:
    """Listens on 127.0.0.1, takes nothing but TLS, forwards to ``port``."""

    def __init__(self, port: int, own: Certificate, clients_of: Certificate | None) -> None:
        self.certificate = own.certificate
        self.connections = 0
        self._port = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(own.certificate, own.key)
        if clients_of:
            self._context.load_verify_locations(clients_of.certificate)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    def serve(self) -> None:
        with suppress(OSError):  # closing the listener is how this ends
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._admit, args=(client,), daemon=True).start()

    def _admit(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            if client.recv(8) != SSL_REQUEST:
                return
            client.sendall(b"S")
            with (
                self._context.wrap_socket(client, server_side=True) as secured,
                socket.create_connection(("127.0.0.1", self._port)) as server,
            ):
                self.connections += 1
                _converse(secured, server)


def _converse(secured: ssl.SSLSocket, server: socket.socket) -> None:
    """The protocol takes turns, so short waits on both sides are enough for a test."""
    for side in (secured, server):
        side.settimeout(0.01)
    while True:
        for source, target in ((secured, server), (server, secured)):
            with suppress(TimeoutError):
                data = source.recv(65536)
                if not data:
                    return
                target.sendall(data)


def make_authority(folder: Path, name: str) -> Certificate:
    """A certificate that signs others."""
    made = _in(folder, name)
    _openssl("req", "-x509", "-days", "2", "-subj", f"/CN={name}", *_new(made.key), "-out", made.certificate)
    return made


def make_certificate(folder: Path, name: str, authority: Certificate, names: str = OWN_NAME) -> Certificate:
    """One signed by ``authority``, good for ``names``."""
    made, request = _in(folder, name), folder / f"{name}.csr"
    extensions = folder / f"{name}.ext"
    extensions.write_text(names)
    _openssl("req", "-new", "-subj", f"/CN={name}", *_new(made.key), "-out", request)
    signer = ["-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial"]
    _openssl(
        *("x509", "-req", "-days", "2", "-in", request, *signer),
        *("-extfile", extensions, "-out", made.certificate),
    )
    return made


def _self_signed(folder: Path) -> Certificate:
    made = _in(folder, "server")
    names = ["-subj", "/CN=localhost", "-addext", OWN_NAME]
    _openssl("req", "-x509", "-days", "2", *names, *_new(made.key), "-out", made.certificate)
    return made


def _in(folder: Path, name: str) -> Certificate:
    return Certificate(folder / f"{name}.crt", folder / f"{name}.key")


def _new(key: Path) -> tuple[str | Path, ...]:
    return "-newkey", "rsa:2048", "-nodes", "-keyout", key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@contextmanager
def start_tls_front(
    folder: Path, port: int, own: Certificate | None = None, clients_of: Certificate | None = None
) -> Iterator[TlsFront]:
    """The front while the ``with`` block lasts; with ``clients_of`` clients must show a certificate of it."""
    front = TlsFront(port, own or _self_signed(folder), clients_of)
    thread = threading.Thread(target=front.serve, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.listener.shutdown(socket.SHUT_RDWR)
        front.listener.close()
        thread.join()
