"""What became of a fax: the words for T.30's completion codes, and where they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_technology import FakeServer

from asterism.media.fax.terminal import Transfer
from asterism.pbx.calls.fax.result import FaxResult, result_of, tell_result
from asterism.pbx.calls.fax.settings import FaxSettings, details_of
from asterism.pbx.dialplan.language.foreign import is_foreign


class Over:
    """A terminal that is over."""

    remote_station = "+49 40 2"

    def __init__(self, code: int | None, pages: int) -> None:
        self.result = code
        self._pages = pages

    def transfer(self) -> Transfer:
        return Transfer(9600, True, self._pages, 8031, 3850, 1728, 100, 0)


def result(code: int | None, pages: int = 0, **more: bool) -> FaxResult:
    terminal: Any = Over(code, pages)
    return result_of(terminal, "T38", (Path("a.tif"),), **({"too_long": False, "left": False} | more))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (2, "TIMEOUT"), (21, "TIMEOUT"), (28, "TIMEOUT"), (34, "TIMEOUT"), (6, "PROTOCOL_ERROR"),
        (48, "PROTOCOL_ERROR"), (41, "FILE_ERROR"), (46, "FILE_ERROR"), (47, "MEMORY_ERROR"), (49, "HANGUP"),
        (None, "HANGUP"), (0, "PROTOCOL_ERROR"),
    ],
)  # fmt: skip
def test_a_fax_that_failed(code: int | None, error: str) -> None:
    found = result(code)
    assert (found.success, found.error, found.pages, found.resolution) == (False, error, 0, "")
    assert found.text


def test_a_fax_that_has_passed() -> None:
    assert result(0, 2) == FaxResult(
        True, "OK", "", 2, 9600, "8031x3850", "+49 40 2", "T38", (Path("a.tif"),)
    )  # fmt: skip
    assert result(0, 2, left=True).success  # who hangs up afterwards changes nothing


def test_one_that_was_ended_here_or_by_the_channel() -> None:
    assert (result(49, 1, too_long=True).error, result(0, 1, too_long=True).error) == ("TIMEOUT", "TIMEOUT")
    assert (result(6, left=True).error, result(2, left=True).error) == ("HANGUP", "TIMEOUT")


def test_what_is_told_is_in_variables_and_in_faxopt() -> None:
    channel = FakeServer().sip.incoming("alice", "1")
    details = details_of(channel, FaxSettings())
    details.station = "+49 30 1"
    tell_result(channel, details, result(0, 2))
    told = {
        "FAXSTATUS": "SUCCESS", "FAXERROR": "", "FAXSTATUSSTRING": "OK", "LOCALSTATIONID": "+49 30 1",
        "REMOTESTATIONID": "+49 40 2", "FAXPAGES": "2", "FAXBITRATE": "9600", "FAXRESOLUTION": "8031x3850",
        "FAXMODE": "T38",
    }  # fmt: skip
    assert {name: channel.get_variable(name) for name in told} == told
    assert is_foreign(channel.get_variable("REMOTESTATIONID") or "")
    assert (details.status, details.statusstr, details.error, details.pages) == ("SUCCESS", "OK", "", 2)
    assert (details.rate, details.resolution, details.remote) == (9600, "8031x3850", "+49 40 2")
