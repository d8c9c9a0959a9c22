"""Compiles the simulator's functions once, and again when any of them changed.

numba's own cache looks at one file at a time: after an edit of `dynamics.py` a kernel in
another file would go on with the old formula. Here the compiled code lies in a folder named
after the digest of all the simulator's sources.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

_SOURCES = Path(__file__).parent
_NUMBA: Any = numba.config
_njit: Any = numba.njit
_typeof: Any = numba.typeof

# numba counts references to every array that a function is handed: with structs of arrays, most
# of a kernel's time. Without its runtime (as numba's extension guide has it) nothing is
# counted, and a kernel that would allocate does not compile.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}


def compiled(function: Function) -> Function:
    """The function as machine code: it lets go of the GIL and divides as numpy does.

    Without `fastmath`, which would let results depend on how a loop was vectorised.
    """
    before = _NUMBA.CACHE_DIR
    _NUMBA.CACHE_DIR = str(_FOLDER)
    try:
        fast: Any = _njit(cache=True, forceinline=True, **_OPTIONS)(function)
    finally:
        _NUMBA.CACHE_DIR = before
    return cast(Function, fast)


def called(function: Function) -> Function:
    """Like `compiled`, but a caller calls it: for what is long, used often, and not in a hurry.

    Every copy of an inlined function is compiled anew, and that is what a user waits for.
    """
    before = _NUMBA.CACHE_DIR
    _NUMBA.CACHE_DIR = str(_FOLDER)
    try:
        fast: Any = _njit(cache=True, **_OPTIONS)(function)
    finally:
        _NUMBA.CACHE_DIR = before
    return cast(Function, fast)


def entry_point(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """The machine code for exactly these arguments' types, compiled now if need be.

    numba's dispatch looks at every array of every struct on each call: 20 microseconds for a
    kernel, which are steps of several worlds.
    """
    compile_for = getattr(function, "compile", None)
    if compile_for is None:  # NUMBA_DISABLE_JIT opens the kernels to a debugger.
        return function
    types = tuple(_typeof(each) for each in arguments)
    code: Callable[..., Any] = compile_for(types)
    return code


def inlined(function: Function) -> Function:
    """A piece of a kernel, for compiled callers only: it becomes part of them.

    Forced, because a call would pass every array of its structs, some hundred numbers.
    """
    fast: Any = _njit(
        forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS
    )(function)
    return cast(Function, fast)


def _folder() -> Path:
    """Where compiled code is kept: NUMBA_CACHE_DIR, else beside the sources, else at home."""
    digest = hashlib.sha256()
    for source in sorted(_SOURCES.rglob("*.py")):
        digest.update(source.read_bytes())
    return _cache_root() / digest.hexdigest()[:16]


def _cache_root() -> Path:
    if _NUMBA.CACHE_DIR:
        return Path(_NUMBA.CACHE_DIR) / "drivetrain"
    if os.access(_SOURCES, os.W_OK):
        return _SOURCES / "__pycache__" / "compiled"
    return Path.home() / ".cache" / "drivetrain" / "compiled"


_FOLDER = _folder()
