"""TLS in front of a PostgreSQL built without it: real handshakes, a certificate nobody vouches for."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class TlsFront:
    """Listens on 127.0.0.1, takes nothing but TLS, forwards to ``port``."""

    def __init__(self, folder: Path, port: int) -> None:
        self.certificate = folder / "server.crt"
        self.connections = 0
        self._port = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, _make_certificate(self.certificate))
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


def _make_certificate(certificate: Path) -> Path:
    key = certificate.with_suffix(".key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return key


@contextmanager
def start_tls_front(folder: Path, port: int) -> Iterator[TlsFront]:
    front = TlsFront(folder, port)
    thread = threading.Thread(target=front.serve, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.listener.shutdown(socket.SHUT_RDWR)
        front.listener.close()
        thread.join()
