"""The smaller libraries: logs, tables, dates, settings."""

import os
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytz
import simplejson
from dateutil.relativedelta import relativedelta
from dotenv import dotenv_values
from jinja2 import Environment
from loguru import logger
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tabulate import tabulate

logs = Path(os.environ["LOG_DIR"])
logger.add(logs / "rotated.log", rotation="1 KB", compression="gz", retention=3)
logger.add(logs / "queued.log", enqueue=True)  # a process-wide lock and a pipe
for number in range(40):
    logger.info("line {} of the log", number)
logger.complete()
assert "line 39" in (logs / "queued.log").read_text()

table = Table("a", "b")
table.add_row("1", "2")
Console().print(table)
assert sum(track(range(10), transient=True)) == 45
assert tabulate([[1, 2]], headers=["a", "b"]).count("\n") == 2
assert simplejson.dumps({"a": Decimal("1.10")}) == '{"a": 1.10}'
assert date(2024, 1, 31) + relativedelta(months=1) == date(2024, 2, 29)
assert pytz.timezone("Europe/Rome").localize(datetime(2024, 7, 1)).utcoffset().seconds == 7200
assert Environment(autoescape=True).from_string("{{ a }}").render(a="<") == "&lt;"
Path("/tmp/settings").write_text("A=1\n")
assert dotenv_values("/tmp/settings") == {"A": "1"}
