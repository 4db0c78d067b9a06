"""Shared libraries: the first that is there, with what is needed of it."""

from __future__ import annotations

import ctypes

import pytest

from asterism.media.codecs.library import MissingLibraryError, open_library

LIBC = "libc.so.6"
ABS = {"abs": (ctypes.c_int, (ctypes.c_int,))}


def test_the_first_that_is_there_is_taken_with_its_functions_declared():
    library = open_library(("libnone.so.1", LIBC), "libc6", ABS)
    assert library.abs(-3) == 3
    assert library.abs.argtypes == (ctypes.c_int,)


def test_declarations_do_not_meet_those_of_others():
    library = open_library((LIBC,), "libc6", ABS)
    open_library((LIBC,), "libc6", {"abs": (ctypes.c_long, (ctypes.c_long,))})
    assert library.abs.argtypes == (ctypes.c_int,)


def test_none_of_them_says_what_to_install():
    with pytest.raises(MissingLibraryError, match=r"^install libnone1$"):
        open_library(("libnone.so.1", "/no/such/libnone.so"), "libnone1", {})


def test_one_without_a_function_is_none():
    with pytest.raises(MissingLibraryError, match="install libc6: the one that is there has no such_function"):
        open_library((LIBC,), "libc6", {"such_function": (None, ())})
