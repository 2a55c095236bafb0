"""What a generated script may import and name: the allow-list, and what is denied with its reason.

Pure data. The longest matching dotted prefix decides, so ``urllib.parse`` may be allowed
where ``urllib`` is not, and ``os.path`` where most of ``os`` is not.
"""

from __future__ import annotations

from dataclasses import dataclass

from meta_agent.validators import rules
from meta_agent.validators.rules import Rule


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALLOWED_MODULES = _words(
    """
    __future__ abc argparse array asyncio atexit base64 binascii bisect calendar cmath codecs collections
    colorsys contextlib concurrent.futures copy csv dataclasses datetime decimal difflib enum errno fractions
    functools getopt getpass glob graphlib gzip hashlib heapq hmac html html.parser http.HTTPStatus
    importlib.metadata.version importlib.metadata.PackageNotFoundError io ipaddress itertools json
    keyword locale logging logging.config logging.handlers math mimetypes numbers
    operator os os.path pathlib platform pprint queue random re sched secrets shlex shutil signal stat
    statistics string struct sys tempfile textwrap threading time timeit tomllib traceback types
    typing unicodedata urllib.parse uuid warnings weakref xml.sax.saxutils xml.etree.ElementTree
    zipfile zlib zoneinfo configparser bz2 lzma gc ast fnmatch reprlib
    textwrap contextvars cProfile pstats psycopg2 sqlalchemy pandas numpy matplotlib mpl_toolkits
    openpyxl xlsxwriter reportlab flask flask_bootstrap jinja2 markupsafe werkzeug waitress gunicorn
    dotenv loguru simplejson tabulate dateutil pytz tzdata typing_extensions pydantic rich seaborn scipy
    PIL babel humanize
    """
)  # fmt: skip

ALLOWED_PACKAGES = _words(
    """
    psycopg2 psycopg2-binary sqlalchemy pandas numpy matplotlib openpyxl xlsxwriter reportlab flask
    bootstrap-flask jinja2 markupsafe werkzeug waitress gunicorn python-dotenv loguru tabulate
    python-dateutil pytz simplejson tzdata typing-extensions pydantic rich seaborn scipy pillow babel humanize
    et-xmlfile pydantic-core greenlet click itsdangerous blinker six
    """
)  # fmt: skip

ALLOWED_OS = _words(
    """
    os.path os.getenv os.environ os.sep os.linesep os.pathsep os.curdir os.pardir os.extsep
    os.altsep os.devnull os.name os.getcwd os.getpid os.cpu_count os.fspath os.fsencode os.fsdecode
    os.PathLike os.makedirs os.mkdir os.listdir os.scandir os.walk os.stat os.remove os.unlink
    os.rename os.replace os.rmdir os.access os.R_OK os.W_OK os.X_OK os.F_OK os.get_terminal_size
    os.urandom os.strerror os.times os.umask os.utime os.error os.open os.close os.fsync os.O_RDONLY
    os.DirEntry os.stat_result os.terminal_size os.uname
    """
)  # fmt: skip


@dataclass(frozen=True)
class Denial:
    """Why a dotted name is not for a generated script, and what to write instead."""

    rule: Rule
    what: str
    instead: str

    def message(self, name: str) -> str:
        """
        One sentence of what is wrong and what to do.
        """
        return f"{rules.quoted(name)} {self.what}; {self.instead}."


_DYNAMIC = Denial(rules.DYNAMIC_CODE, "runs code made from text", "write the code out")
_IMPORT = Denial(rules.DYNAMIC_IMPORT, "loads a module chosen at run time", "use a plain import statement")
_COMMAND = Denial(rules.SYSTEM_COMMAND, "starts another program", "do the work in Python and SQL")
_INSTALL = Denial(rules.RUNTIME_INSTALL, "installs software", "list the package in requirements.txt")
_NATIVE = Denial(rules.NATIVE_CODE, "reaches native code or raw memory", "use Python only")
_NETWORK = Denial(rules.NETWORK_ACCESS, "opens a network connection", "use the database of DATABASE_URL only")
_PICKLE = Denial(rules.DESERIALISATION, "can run code hidden in data", "read JSON or CSV instead")
_PROCESS = Denial(rules.PARALLEL_PROCESSES, "starts more processes", "let SQL do the work")
_SYSTEM = Denial(rules.OPERATING_SYSTEM, "changes the system or its processes", "leave it out")
_INSPECT = Denial(rules.INTROSPECTION, "reaches into the interpreter", "use plain functions and attributes")
_NAMESPACE = Denial(rules.NAMESPACE_ACCESS, "exposes all names of the program", "name the value you need")
_DEBUGGER = Denial(rules.DEBUG_SERVER, "lets every visitor run code", "leave it out")
_SQL_WRITE = Denial(rules.SQL_WRITE, "changes the database", "read with SELECT only")

_TABLE: tuple[tuple[Denial, str], ...] = (
    (_DYNAMIC, """
    builtins.eval builtins.exec builtins.compile code codeop runpy timeit.timeit timeit.repeat
    timeit.Timer trace bdb pdb doctest builtins.breakpoint cProfile.run cProfile.runctx
    types.FunctionType types.CodeType types.LambdaType pandas.eval pandas.core.computation
    logging.config.listen logging.config.dictConfigClass logging.config.fileConfig numpy.f2py
    numpy.testing sys.settrace sys.setprofile threading.settrace threading.setprofile
    cProfile.Profile().run cProfile.Profile().runctx typing.get_type_hints typing.ForwardRef
    reportlab.lib.rl_safe_eval reportlab.lib.utils.rl_exec PIL.ImageMath
    """),
    (_IMPORT, """
    builtins.__import__ builtins.__loader__ builtins.__spec__ importlib imp pkgutil zipimport
    sys.modules sys.meta_path sys.path_hooks sys.path_importer_cache pydoc site modulefinder
    types.ModuleType werkzeug.utils.import_string werkzeug.utils.find_modules jinja2.utils.import_string
    pandas.compat pydantic.ImportString pydantic.types.ImportString pydantic.v1 flask.cli
    logging.config.BaseConfigurator logging.config.DictConfigurator
    """),
    (_COMMAND, """
    os.system os.popen os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp
    os.execvpe os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp
    os.spawnvpe os.posix_spawn os.posix_spawnp os.startfile os.fork os.forkpty subprocess
    _posixsubprocess pty popen2 commands asyncio.create_subprocess_exec
    asyncio.create_subprocess_shell webbrowser sh pexpect plumbum fabric invoke posix nt
    asyncio.subprocess pandas.read_clipboard PIL.ImageShow PIL.ImageGrab
    """),
    (_INSTALL, """
    pip ensurepip setuptools pkg_resources venv distutils easy_install conda
    """),
    (_NATIVE, """
    ctypes _ctypes cffi mmap numpy.ctypeslib numpy.memmap resource fcntl termios syslog readline
    numpy.distutils _thread faulthandler numpy.lib.stride_tricks
    """),
    (_NETWORK, """
    socket _socket ssl socketserver select selectors requests urllib urllib3 urllib.request http
    http.client http.server http.cookiejar ftplib smtplib smtpd telnetlib poplib imaplib nntplib
    xmlrpc aiohttp httpx websocket websockets paramiko asyncssh boto3 botocore pycurl grpc zmq redis
    pymongo kafka asyncore asynchat logging.handlers.SocketHandler
    logging.handlers.DatagramHandler logging.handlers.HTTPHandler logging.handlers.SMTPHandler
    logging.handlers.SysLogHandler wsgiref dns scapy openai anthropic slack_sdk telegram email.mime
    ldap3 docker kubernetes asyncio.open_connection asyncio.start_server asyncio.open_unix_connection
    asyncio.start_unix_server asyncio.streams asyncio.sslproto asyncio.selector_events
    pandas.io.common pandas.read_gbq seaborn.load_dataset seaborn.get_dataset_names scipy.datasets
    numpy.DataSource numpy.lib.npyio.DataSource matplotlib.cbook.get_sample_data
    """),
    (_PICKLE, """
    pickle _pickle cPickle marshal shelve dill cloudpickle joblib jsonpickle copyreg dbm
    pandas.read_pickle pandas.io.pickle pandas.to_pickle pandas.read_hdf numpy.lib.format yaml.load
    yaml.unsafe_load yaml.full_load yaml.UnsafeLoader yaml.Loader torch pandas.HDFStore
    pandas.io.pytables sqlalchemy.PickleType sqlalchemy.types.PickleType sqlalchemy.ext.serializer
    """),
    (_PROCESS, """multiprocessing concurrent.futures.ProcessPoolExecutor concurrent.futures.process
      _multiprocessing     concurrent.interpreters"""),
    (_SYSTEM, """
    os.kill os.killpg os.setuid os.setgid os.seteuid os.setegid os.chmod os.chown os.lchown os.link
    os.symlink os.chroot os.nice os.putenv os.unsetenv os.abort os._exit os.mknod os.mkfifo
    os.ptrace os.setsid os.setpgid os.chdir os.dup os.dup2 os.pipe os.memfd_create
    os.register_at_fork shutil.chown shutil.disk_usage signal.pthread_kill signal.raise_signal
    signal.pause pathlib.Path().chmod pathlib.Path().lchmod sys.addaudithook sys.path sys.setswitchinterval
    """),
    (_INSPECT, """
    inspect dis builtins.__builtins__ builtins.object.__subclasses__ sys._getframe
    sys._current_frames sys.exc_info.tb_frame symtable gc.get_objects gc.get_referrers
    gc.get_referents types.FrameType
    """),
    (_NAMESPACE, "builtins"),
    (_DEBUGGER, "werkzeug.debug flask.debughelpers"),
    (_SQL_WRITE, """
    sqlalchemy.insert sqlalchemy.update sqlalchemy.delete sqlalchemy.sql.insert
    sqlalchemy.sql.update sqlalchemy.sql.delete sqlalchemy.schema.DropTable
    sqlalchemy.schema.CreateTable sqlalchemy.DDL sqlalchemy.dialects.postgresql.insert
    """),
)  # fmt: skip

DENIED: dict[str, Denial] = {name: denial for denial, names in _TABLE for name in names.split()}

SMUGGLED_MODULES = _words(
    """
    os sys subprocess builtins importlib socket ctypes pickle marshal shutil posix pty
    multiprocessing inspect
    """
)
"""Modules that other modules carry as attributes, as in ``logging.os.system``."""
_NOT_SMUGGLED = {"sqlalchemy.inspect"}

TELLING_ATTRIBUTES = _words("ctypes subprocess builtins importlib")
"""Modules whose names mean nothing else, on whatever object they are found."""
TELLING_METHODS: dict[str, str] = {
    **dict.fromkeys(
        _words("popen execv execve execvp execvpe spawnv spawnve spawnl fork system chmod"), "os."
    ),
    **dict.fromkeys(_words("Popen check_output check_call"), "subprocess."),
    **dict.fromkeys(_words("import_module"), "importlib."),
    **dict.fromkeys(_words("urlopen urlretrieve"), "urllib.request."),
    **dict.fromkeys(_words("CDLL"), "ctypes."),
}
"""Functions that are recognised on an object nobody knows, by the module they come from."""

DENIED_METHODS: dict[str, Denial] = {
    "to_sql": _SQL_WRITE, "copy_from": _SQL_WRITE, "lobject": _SQL_WRITE, "create_all": _SQL_WRITE,
    "drop_all": _SQL_WRITE, "to_pickle": _PICKLE, "read_pickle": _PICKLE, "to_hdf": _PICKLE,
    "add_all": _SQL_WRITE, "bulk_save_objects": _SQL_WRITE, "bulk_insert_mappings": _SQL_WRITE,
    "callproc": Denial(rules.SQL_FUNCTION, "runs a stored procedure", "read with SELECT only"),
    "from_pyfile": _DYNAMIC, "from_envvar": _DYNAMIC, "subprocess_exec": _COMMAND,
    "subprocess_shell": _COMMAND,
    "create_connection": _NETWORK, "create_server": _NETWORK, "create_datagram_endpoint": _NETWORK,
    "create_unix_connection": _NETWORK, "create_unix_server": _NETWORK, "sock_connect": _NETWORK,
}  # fmt: skip

ALTERNATIVES: dict[str, str] = {
    "psycopg": "use psycopg2", "asyncpg": "use psycopg2", "pg8000": "use psycopg2",
    "sqlite3": "use psycopg2", "pymysql": "use psycopg2", "mysql": "use psycopg2", "polars": "use pandas",
    "plotly": "use matplotlib", "bokeh": "use matplotlib", "fpdf": "use reportlab", "docx": "use reportlab",
    "fastapi": "use flask", "django": "use flask", "streamlit": "use flask", "yaml": "use json",
    "toml": "use json", "xlrd": "use openpyxl",
}  # fmt: skip


def denial_of(path: str) -> Denial | None:
    """Why this dotted name is denied, None where it is not; what a call gives back is judged at the call."""
    if "()" in path:
        return DENIED.get(path)
    real = _smuggled(path) if path not in _NOT_SMUGGLED else None
    if real is not None:
        return denial_of(real) or _INSPECT
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in DENIED:
            return None if prefix == "builtins" and length < len(parts) else DENIED[prefix]
        if prefix == "os" and length < len(parts):
            return _SYSTEM
        if prefix in ALLOWED_OS or prefix in ALLOWED_MODULES:
            return None
    return None


def _smuggled(path: str) -> str | None:
    """
    The dotted name that really is reached when a module is taken out of another one.
    """
    parts = path.split(".")
    for index in range(1, len(parts)):
        name = parts[index].lstrip("_")
        if name in SMUGGLED_MODULES:
            return ".".join((name, *parts[index + 1 :]))
    return None


def is_allowed_import(path: str) -> bool:
    """Whether this module, or this name of a module, may be imported."""
    parts = path.split(".")
    return any(".".join(parts[:length]) in ALLOWED_MODULES for length in range(1, len(parts) + 1))
