"""The library, and what is said where it is not there."""

from __future__ import annotations

import sys

import pytest

from asterism.media.fax import library
from asterism.media.fax.library import MissingFaxLibraryError, spandsp, why_missing


@pytest.fixture(autouse=True)
def _anew() -> object:
    spandsp.cache_clear()
    yield
    spandsp.cache_clear()


def test_it_is_opened_once() -> None:
    assert why_missing() == ""
    assert spandsp() is spandsp()


def test_without_cffi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cffi", None)
    assert "pip install 'asterism[fax]'" in why_missing()


@pytest.mark.parametrize(
    ("soname", "words"), [("libnosuch.so.2", "install the package libspandsp2"), ("libc.so.6", "fax_init")]
)
def test_without_the_library_or_with_another(monkeypatch: pytest.MonkeyPatch, soname: str, words: str) -> None:
    monkeypatch.setattr(library, "SONAME", soname)
    with pytest.raises(MissingFaxLibraryError, match=words):
        spandsp()
