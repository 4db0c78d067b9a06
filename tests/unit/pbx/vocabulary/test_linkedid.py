"""The oldest channel of a call gives the call its identifier."""

from __future__ import annotations

import pytest

from asterism.pbx.vocabulary.linkedid import oldest_of


@pytest.mark.parametrize(
    ("ids", "oldest"),
    [
        (("1795259951.39", "1795259950.37"), "1795259950.37"),
        (("1795259950.100", "1795259950.37"), "1795259950.37"),
        (("a-1795259951.39", "b-1795259950.37"), "b-1795259950.37"),
        (("chosen by the caller", "1795259950.37"), "1795259950.37"),
        (("9" * 80 + ".1", "1795259950.37"), "1795259950.37"),
    ],
)
def test_the_oldest(ids: tuple[str, str], oldest: str) -> None:
    assert oldest_of(ids) == oldest_of(reversed(ids)) == oldest
