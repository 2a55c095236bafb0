"""Where the script reads and writes: only below results, exports, logs, data and /tmp.

Paths are folded as far as they are known; what comes from the environment or from
``__file__`` is the deployment's own choice and passes, ``..`` after it does not.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from functools import cache

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import HOLE, argument, called_name
from meta_agent.validators.reading import Script

FOLDERS = ("results", "exports", "logs", "data")
_HOMES = ("/app", "/work", "/workspace")
_FREE = ("/tmp", "/var/tmp")  # noqa: S108 - the sandbox gives every script its own
_DEVICES = {"/dev/null", "/dev/stdout", "/dev/stderr"}
_SENSITIVE = re.compile(
    r"^/(etc|proc|sys|dev|root|boot|run|var/run|var/lib|var/spool|var/log|usr|bin|sbin|lib\w*|opt|mnt|media|srv)(/|$)"
    r"|(^|/)(\.ssh|\.aws|\.kube|\.docker|\.config|\.gnupg|\.git)(/|$)"
    r"|(^|/)(\.env(\.\w+)?|\.pgpass|\.netrc|\.bash\w*|\.profile|id_[a-z0-9]+|docker\.sock|authorized_keys)$"
)
_PATH_ARGUMENTS = """
    builtins.open 0 file
    io.open 0 file
    codecs.open 0 filename
    os.open 0 path
    os.makedirs 0 name
    os.mkdir 0 path
    os.listdir 0 path
    os.scandir 0 path
    os.walk 0 top
    os.remove 0 path
    os.unlink 0 path
    os.rmdir 0 path
    os.rename 1 dst
    os.replace 1 dst
    os.utime 0 path
    shutil.rmtree 0 path
    shutil.copy 1 dst
    shutil.copy2 1 dst
    shutil.copyfile 1 dst
    shutil.move 1 dst
    shutil.copytree 1 dst
    shutil.make_archive 0 base_name
    glob.glob 0 pathname
    glob.iglob 0 pathname
    gzip.open 0 filename
    bz2.open 0 filename
    lzma.open 0 filename
    zipfile.ZipFile 0 file
    logging.FileHandler 0 filename
    logging.handlers.RotatingFileHandler 0 filename
    logging.basicConfig 99 filename
    logging.handlers.TimedRotatingFileHandler 0 filename
    loguru.logger.add 0 sink
    openpyxl.load_workbook 0 filename
    xlsxwriter.Workbook 0 filename
    reportlab.pdfgen.canvas.Canvas 0 filename
    reportlab.platypus.SimpleDocTemplate 0 filename
    pandas.ExcelWriter 0 path
    pandas.read_csv 0 filepath_or_buffer
    pandas.read_excel 0 io
    pandas.read_json 0 path_or_buf
    pandas.read_table 0 filepath_or_buffer
    pandas.read_html 0 io
    pandas.read_xml 0 path_or_buffer
    pandas.read_parquet 0 path
    numpy.load 0 file
    numpy.save 0 file
    numpy.savetxt 0 fname
    numpy.loadtxt 0 fname
    numpy.genfromtxt 0 fname
    matplotlib.pyplot.savefig 0 fname
    flask.send_file 0 path
    configparser.ConfigParser().read 0 filenames
    dotenv.load_dotenv 0 dotenv_path
    tempfile.mkdtemp 2 dir
    pathlib.Path().rename 0 target
    pathlib.Path().replace 0 target
    shutil.copy 0 src
    shutil.copy2 0 src
    shutil.copyfile 0 src
    shutil.move 0 src
    shutil.copytree 0 src
    os.rename 0 src
    os.replace 0 src
"""
"""Functions that take a path: name, position, keyword."""
_WRITING_METHODS = {"to_csv", "to_excel", "to_json", "to_html", "to_parquet", "to_latex", "to_xml", "savefig"}
_PATH_METHODS = {
    "read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir", "rmdir", "touch", "iterdir",
    "glob", "rglob", "open",
}  # fmt: skip
_REMOTE = re.compile(r"^(https?|ftps?|s3|gs|file|sftp|ssh|hdfs)://", re.IGNORECASE)


def check_files(script: Script) -> Iterator[ValidationIssue]:
    """Findings on paths outside the script's own folders."""
    for call in script.program.calls:
        for path in _paths(script, call):
            for text in script.evaluator.texts(path):
                issue = _judge(call.lineno, text)
                if issue is not None:
                    yield issue


def _paths(script: Script, call: ast.Call) -> Iterator[ast.expr]:
    """The expressions of this call that name a file or folder."""
    origins = script.evaluator.origins(call.func)
    for origin in origins & _path_arguments().keys():
        for position, keyword in _path_arguments()[origin]:
            path = argument(call, position, keyword)
            if path is not None:
                yield path
    method = called_name(call)
    if not isinstance(call.func, ast.Attribute):
        return
    is_save = method == "save" and call.args and not isinstance(call.args[0], ast.Call)
    if is_save or (method in _WRITING_METHODS and call.args):
        yield call.args[0]
    elif method in _PATH_METHODS and _is_path(script, call.func.value):
        yield call.func.value


@cache
def _path_arguments() -> dict[str, list[tuple[int, str]]]:
    table: dict[str, list[tuple[int, str]]] = {}
    for line in _PATH_ARGUMENTS.strip().splitlines():
        name, position, keyword = line.split()
        table.setdefault(name, []).append((int(position), keyword))
    return table


def _is_path(script: Script, node: ast.expr) -> bool:
    """Whether this is a ``pathlib`` path, or one divided into."""
    if any(path.startswith("pathlib.P") for path in script.evaluator.origins(node)):
        return True
    return any(isinstance(v, ast.BinOp) and isinstance(v.op, ast.Div) for v in script.evaluator.values(node))


def _judge(line: int, text: str) -> ValidationIssue | None:
    shown = rules.quoted(text.replace(HOLE, "…"))
    if _REMOTE.match(text):
        return rules.NETWORK_ACCESS.at(
            line, f"{shown} is read over the network; use the database of DATABASE_URL only."
        )
    if not text or text == HOLE:
        return None
    if _SENSITIVE.search(_normal(text)) and _normal(text) not in _DEVICES:
        return rules.SENSITIVE_FILE.at(
            line, f"{shown} is not for a script to touch; use only results/, exports/ or data/."
        )
    if ".." in text.split("/") or text.startswith("~") or _is_outside(text):
        return rules.FILE_OUTSIDE_FOLDERS.at(
            line, f"{shown} lies outside the script's folders; use results/, exports/, logs/, data/ or /tmp."
        )
    if _is_misplaced(text):
        return rules.FILE_MISPLACED.at(
            line, f"{shown} has no folder of its own; put it below results/ or exports/."
        )
    return None


def _normal(text: str) -> str:
    """Without ``.``, ``..`` and doubled slashes; ``//etc`` is ``/etc`` on Linux."""
    path = posixpath.normpath(text)
    return f"/{path.lstrip('/')}" if path.startswith("/") else path


def _is_outside(text: str) -> bool:
    if not text.startswith("/"):
        return False
    path = _normal(text)
    own = (*_FREE, *(f"{home}/{folder}" for home in _HOMES for folder in FOLDERS))
    return path not in (*_HOMES, *_DEVICES) and not any(f"{path}/".startswith(f"{root}/") for root in own)


def _is_misplaced(text: str) -> bool:
    """A relative path that begins with neither a folder of ours nor something unknown."""
    if text.startswith("/"):
        return False
    parts = [part for part in text.split("/") if part not in ("", ".")]
    return bool(parts) and HOLE not in parts[0] and parts[0] not in FOLDERS
