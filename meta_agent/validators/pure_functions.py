"""The functions and operators that the validator may call itself while it works out a constant.

Each only computes, on values of plain types that were worked out before, and none can be
made to take much time or memory: what would grow beyond the bounds is ``NotConstant``.
"""

from __future__ import annotations

import ast
import base64
import binascii
import codecs
import html
import json
import operator
import re
import string
import textwrap
import urllib.parse
import zlib
from collections.abc import Callable, Sized
from typing import Any

MOST_CHARACTERS = 100_000
MOST_ITEMS = 25_000
MOST_BITS = 4_096
_LONG_NUMBER = re.compile(r"\d{5}|\*")
"""A width or precision, as in ``%99999d``, that would make a text very long."""
_REACHING = re.compile(r"\{[^{}]*[.\[{]")
"""A field that looks into its value, or whose width is a field again."""


class NotConstant(Exception):
    """Raised where a value cannot be told, and returned as the answer that says so."""


def weight(value: Any) -> int:
    """How much work ``value`` makes for whoever uses it; ``NotConstant`` where that is too much."""
    if isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise NotConstant
        return 1
    if isinstance(value, str | bytes):
        if len(value) > MOST_CHARACTERS:
            raise NotConstant
        return 1 + len(value) // 100
    return _weight_of_items(value) if isinstance(value, list | tuple | set | frozenset | dict) else 1


def _weight_of_items(value: Any) -> int:
    """Items are counted as often as they are held, since comparing or hashing visits each again."""
    total = 0
    open_items: list[Any] = [value]
    while open_items:
        item = open_items.pop()
        total += 1
        if total > MOST_ITEMS:
            raise NotConstant
        if isinstance(item, dict):
            open_items += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple | set | frozenset):
            open_items += item
    return 1 + total // 10


def formatted(value: Any, how: str) -> str:
    """``format(value, how)`` without padding to great lengths."""
    if _LONG_NUMBER.search(how):
        raise NotConstant
    return format(value, how)


def _multiplied(left: Any, right: Any) -> Any:
    for many, times in ((left, right), (right, left)):
        if isinstance(many, Sized) and (not isinstance(times, int) or len(many) * times > MOST_CHARACTERS):
            raise NotConstant
    return left * right


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and (not isinstance(right, int) or abs(right) * left.bit_length() > MOST_BITS):
        raise NotConstant
    return left**right


def _shifted(left: int, right: int) -> int:
    if right > MOST_BITS:
        raise NotConstant
    return left << right


def _remainder(left: Any, right: Any) -> Any:
    if isinstance(left, str | bytes) and _LONG_NUMBER.search(
        left if isinstance(left, str) else left.decode("latin-1")
    ):
        raise NotConstant
    return left % right


BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: _multiplied, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: _remainder, ast.Pow: _power, ast.LShift: _shifted,
    ast.RShift: operator.rshift, ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
}  # fmt: skip


def _text(value: Any = "", *how: str) -> str:
    return str(value, *how) if how else str(value)


def _bytes(value: Any = b"", *how: str) -> bytes:
    if isinstance(value, int):
        raise NotConstant
    return bytes(value, *how)


def _range(*limits: int) -> list[int]:
    numbers = range(*limits)
    if len(numbers) > MOST_ITEMS:
        raise NotConstant
    return list(numbers)


def _zipped(*columns: Any) -> list[tuple[Any, ...]]:
    return list(zip(*columns, strict=False))


def _inflated(data: bytes, wbits: int = zlib.MAX_WBITS) -> bytes:
    return zlib.decompressobj(wbits).decompress(data, MOST_CHARACTERS)


def _decoded(data: Any, encoding: str = "utf-8", *_: str) -> Any:
    if encoding.lower().replace("_", "-") not in _ENCODINGS:
        raise NotConstant
    return codecs.decode(data, encoding)


def _encoded(data: Any, encoding: str = "utf-8", *_: str) -> Any:
    if encoding.lower().replace("_", "-") not in _ENCODINGS:
        raise NotConstant
    return codecs.encode(data, encoding)


_ENCODINGS = {
    "utf-8", "utf8", "ascii", "latin-1", "latin1", "utf-16", "rot13", "rot-13", "hex", "hex-codec", "base64",
    "unicode-escape", "raw-unicode-escape", "utf-16-le", "utf-16-be", "utf-32",
}  # fmt: skip

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "builtins.chr": chr, "builtins.ord": ord, "builtins.str": _text, "builtins.int": int,
    "builtins.float": float, "builtins.bool": bool, "builtins.bytes": _bytes, "builtins.len": len,
    "builtins.bytearray": _bytes, "builtins.list": list, "builtins.tuple": tuple, "builtins.set": set,
    "builtins.frozenset": frozenset, "builtins.dict": dict, "builtins.sorted": sorted, "builtins.sum": sum,
    "builtins.reversed": lambda items: list(reversed(items)), "builtins.min": min, "builtins.max": max,
    "builtins.abs": abs, "builtins.hex": hex, "builtins.oct": oct,
    "builtins.bin": bin, "builtins.repr": repr, "builtins.ascii": ascii, "builtins.range": _range,
    "builtins.zip": _zipped, "builtins.enumerate": lambda items, start=0: list(enumerate(items, start)),
    "builtins.iter": list, "builtins.next": lambda items: next(iter(items)), "builtins.format": formatted,
    "builtins.bytes.fromhex": bytes.fromhex, "builtins.bytearray.fromhex": bytes.fromhex,
    "builtins.str.maketrans": str.maketrans, "builtins.int.from_bytes": int.from_bytes,
    "builtins.pow": _power,
    "base64.b64decode": base64.b64decode, "base64.standard_b64decode": base64.standard_b64decode,
    "base64.urlsafe_b64decode": base64.urlsafe_b64decode, "base64.b32decode": base64.b32decode,
    "base64.b16decode": base64.b16decode, "base64.a85decode": base64.a85decode,
    "base64.b85decode": base64.b85decode, "base64.decodebytes": base64.decodebytes,
    "base64.b64encode": base64.b64encode, "binascii.unhexlify": binascii.unhexlify,
    "binascii.a2b_hex": binascii.a2b_hex, "binascii.a2b_base64": binascii.a2b_base64,
    "binascii.hexlify": binascii.hexlify, "codecs.decode": _decoded, "codecs.encode": _encoded,
    "zlib.decompress": _inflated, "json.loads": json.loads, "ast.literal_eval": ast.literal_eval,
    "html.unescape": html.unescape, "urllib.parse.unquote": urllib.parse.unquote,
    "urllib.parse.unquote_plus": urllib.parse.unquote_plus, "textwrap.dedent": textwrap.dedent,
    "string.Template": string.Template, "operator.add": operator.add, "operator.concat": operator.concat,
    "operator.getitem": operator.getitem, "operator.mul": _multiplied, "operator.mod": _remainder,
}  # fmt: skip

MAPPED: dict[str, Callable[..., Any]] = {
    f"builtins.str.{name}": getattr(str, name)
    for name in ("lower", "upper", "strip", "isalpha", "isdigit", "isupper", "islower", "isalnum", "swapcase")
}
"""Functions that ``map`` and ``filter`` are given by their full names."""


def _long_field(text: str) -> None:
    """Formats that pad to great lengths, or reach into their values, are not for this reading."""
    if _LONG_NUMBER.search(text) or _REACHING.search(text):
        raise NotConstant


def _formatted_text(text: str, *arguments: Any, **names: Any) -> str:
    _long_field(text)
    return text.format(*arguments, **names)


def _formatted_map(text: str, names: dict[str, Any]) -> str:
    _long_field(text)
    return text.format_map(names)


def _padded(name: str) -> Callable[..., Any]:
    def pad(text: Any, width: int, *fill: Any) -> Any:
        if width > MOST_CHARACTERS:
            raise NotConstant
        return getattr(text, name)(width, *fill)

    return pad


def _replaced(text: Any, old: Any, new: Any, *count: int) -> Any:
    if len(new) * (text.count(old) + 1) + len(text) > MOST_CHARACTERS:
        raise NotConstant
    return text.replace(old, new, *count)


def _joined(glue: Any, parts: Any) -> Any:
    items = list(parts)
    if sum(map(len, items)) + len(glue) * len(items) > MOST_CHARACTERS:
        raise NotConstant
    return glue.join(items)


def _translated(text: str, table: Any) -> str:
    if isinstance(table, dict) and any(isinstance(item, str) and len(item) > 10 for item in table.values()):
        raise NotConstant
    return text.translate(table)


_PADDING = ("ljust", "rjust", "center", "zfill")
_SHARED = """
    lower upper title capitalize swapcase strip lstrip rstrip split rsplit splitlines partition
    rpartition removeprefix removesuffix startswith endswith find rfind index rindex count isalpha
    isdigit isalnum isupper islower isspace
"""

METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    **{(kind, name): getattr(kind, name) for kind in (str, bytes) for name in _SHARED.split()},
    **{(kind, name): _padded(name) for kind in (str, bytes) for name in _PADDING},
    **{(kind, "replace"): _replaced for kind in (str, bytes)},
    **{(kind, "join"): _joined for kind in (str, bytes)},
    **{(str, name): getattr(str, name) for name in ("casefold", "isdecimal", "isidentifier", "__add__")},
    **{(list, name): getattr(list, name) for name in ("copy", "index", "count")},
    **{(string.Template, n): getattr(string.Template, n) for n in ("substitute", "safe_substitute")},
    (str, "encode"): _encoded, (bytes, "decode"): _decoded, (bytes, "hex"): bytes.hex, (str, "__str__"): str,
    (str, "format"): _formatted_text, (str, "format_map"): _formatted_map, (str, "translate"): _translated,
    (str, "maketrans"): lambda _, *tables: str.maketrans(*tables), (int, "to_bytes"): int.to_bytes,
    (tuple, "index"): tuple.index, (dict, "get"): dict.get, (dict, "keys"): lambda d: list(d.keys()),
    (dict, "values"): lambda d: list(d.values()), (dict, "items"): lambda d: list(d.items()),
    (dict, "copy"): dict.copy,
}  # fmt: skip
"""By the exact type of the value and the method's name."""
