"""Shared libraries of codecs, found at run time."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from typing import Any

from asterism.core.errors import AsterismError


class MissingLibraryError(AsterismError):
    """The library of a codec is not there, or lacks what is needed of it; the text says what to install."""


Signature = tuple[Any, tuple[Any, ...]]
"""Type of what a function gives, and of what it takes."""


def open_library(names: Iterable[str], package: str, functions: Mapping[str, Signature]) -> ctypes.CDLL:
    """Load the first of the shared libraries ``names`` (sonames or paths) that is there, and declare its functions.

    Each call gives a handle of its own, so that declarations do not meet those of others.

    Raises:
        MissingLibraryError: none can be loaded, or it lacks one of ``functions``.
    """
    wanted = f"install {package}"
    found = None
    for name in names:
        try:
            found = ctypes.CDLL(name)
            break
        except OSError:
            continue
    if found is None:
        raise MissingLibraryError(wanted)
    for name, (result, arguments) in functions.items():
        try:
            function = getattr(found, name)
        except AttributeError as error:
            raise MissingLibraryError(f"{wanted}: the one that is there has no {name}") from error
        function.restype, function.argtypes = result, arguments
    return found
