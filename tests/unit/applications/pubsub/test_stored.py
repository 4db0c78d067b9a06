"""Rows of subscriptions that are taken up again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.applications.pubsub.stored import _numbers_of


def row(text: str) -> Any:
    return SimpleNamespace(generator_data=text)


def test_numbers() -> None:
    assert _numbers_of(row('{"cseq": 3, "version": 4}')) == {"cseq": 3, "version": 4, "pending": False}


@pytest.mark.parametrize("text", ["", "7", "null", "[]", "{}", '{"cseq": 1}', '{"cseq": "1", "version": null}', "{"])
def test_a_damaged_row_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        _numbers_of(row(text))
