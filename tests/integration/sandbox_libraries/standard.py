"""The standard library where it asks the kernel for something: files, time, chance, archives, SQLite."""

import fcntl
import logging
import logging.handlers
import mmap
import os
import resource
import secrets
import selectors
import shutil
import signal
import socket
import sqlite3
import ssl
import tempfile
import time
import uuid
import zipfile
import zoneinfo
from pathlib import Path

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    (folder / "a").write_text("x" * 100_000)
    shutil.copy2(folder / "a", folder / "b")
    shutil.copytree(folder, "/tmp/tree")
    shutil.move(folder / "b", folder / "moved")
    for kind in ("zip", "gztar", "xztar"):
        shutil.make_archive("/tmp/archive", kind, "/tmp/tree")
    assert zipfile.ZipFile("/tmp/archive.zip").testzip() is None
    shutil.unpack_archive("/tmp/archive.tar.gz", "/tmp/unpacked", filter="data")
    (folder / "symbolic").symlink_to("a")
    (folder / "hard").hardlink_to(folder / "a")
    (folder / "a").chmod(0o600)
    (folder / "deep" / "deeper").mkdir(parents=True)
    os.utime(folder / "a", (1, 1))
    os.truncate(folder / "a", 5)
    assert sorted(path.name for path in folder.rglob("*")) == [
        *("a", "deep", "deeper", "hard", "moved", "symbolic")
    ]
    with (folder / "a").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX)
        os.posix_fallocate(file.fileno(), 0, 8192)
        os.fsync(file.fileno())
        with mmap.mmap(file.fileno(), 8192) as mapped:
            mapped[0] = 1
            mapped.flush()
    assert shutil.disk_usage(folder).total

database = sqlite3.connect("/tmp/standard.db")
database.execute("PRAGMA journal_mode = WAL")
database.execute("CREATE TABLE numbers (number)")
database.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in range(100)])
database.commit()
assert database.execute("SELECT sum(number) FROM numbers").fetchone() == (4950,)

log = logging.getLogger()
log.addHandler(logging.handlers.RotatingFileHandler("/tmp/rotated", maxBytes=100, backupCount=2))
for _ in range(9):
    log.warning("x" * 50)

signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.pause()
left, right = socket.socketpair()
with selectors.DefaultSelector() as selector:
    selector.register(left, selectors.EVENT_READ)
    right.send(b"x")
    assert selector.select(10)

assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
assert os.sched_getaffinity(0)
assert len({uuid.uuid1(), uuid.uuid4(), secrets.token_hex()}) == 3
assert zoneinfo.ZoneInfo("America/New_York").key
assert ssl.create_default_context().get_ca_certs()
assert time.get_clock_info("monotonic").monotonic
assert not os.isatty(1)
assert shutil.get_terminal_size((80, 24)).columns == 80
