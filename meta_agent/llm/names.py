"""Whether two names mean the same model.

LM Studio answers with its own key, llama.cpp with a file's path; a user writes
whatever they read in a window. Folder, case, file ending, LM Studio's instance
number and a quantisation that only one side names do not make another model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_INSTANCE = re.compile(r":\d+$")
_QUANTISATION = re.compile(r"[-_.@]((i?q\d\w*)|(b?f(p)?(16|32))|(\d+bit)|(int\d+)|(mxfp\d+))$")


def same_model(asked: str, served: str) -> bool:
    """Whether ``served`` may answer where ``asked`` was asked for."""
    left, right = _base_name(asked), _base_name(served)
    if left == right:
        return True
    bare_left, bare_right = _QUANTISATION.sub("", left), _QUANTISATION.sub("", right)
    only_one_is_quantised = (left == bare_left) != (right == bare_right)
    return only_one_is_quantised and bare_left == bare_right


def find_model(asked: str, served: Iterable[str]) -> str | None:
    """The served name that means ``asked``, the exact one first; None when there is none."""
    names = list(served)
    if asked in names:
        return asked
    return next((name for name in names if same_model(asked, name)), None)


def _base_name(name: str) -> str:
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].lower()
    return _INSTANCE.sub("", last).removesuffix(".gguf")
