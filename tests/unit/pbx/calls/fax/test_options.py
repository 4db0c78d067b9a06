"""The items of FAXOPT."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.media.fax.terminal import ALL_MODEMS, Modem
from asterism.pbx.calls.fax import options
from asterism.pbx.calls.fax.settings import FaxDetails
from asterism.pbx.vocabulary.flow import FunctionError


def details() -> FaxDetails:
    return FaxDetails(True, 14400, 2400, ALL_MODEMS, 5000)


@pytest.mark.parametrize(
    ("item", "value", "read"),
    [
        ("ecm", "no", "no"),
        ("headerinfo", "Our office", "Our office"),
        ("localstationid", "+49 30 123456789012345", "+49 30 1234567890123"),
        ("minrate", "4800", "4800"),
        ("maxrate", "9600", "9600"),
        ("modem", "v17, v29", "v17,v29"),
        ("modems", "v27", "v27"),
        ("gateway", "yes", "yes"),
        ("gateway", "yes,10", "yes,10"),
        ("gateway", "no,10", "no"),
        ("faxdetect", "cng,5", "cng,5"),
        ("t38timeout", "900", "900"),
        ("negotiate_both", "yes", "yes"),
    ],
)
def test_what_is_set_is_read(item: str, value: str, read: str) -> None:
    found = details()
    options.write(found, item, value)
    assert options.read(found, item.upper()) == read


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("pages", "3"),
        ("colour", "red"),
        ("maxrate", "9601"),
        ("maxrate", "many"),
        ("minrate", ""),
        ("modem", "v34"),
        ("modem", ""),
        ("gateway", "yes,soon"),
        ("t38timeout", "0"),
        ("faxdetect", "sometimes"),
        ("faxdetect", "cng,t38,x"),
    ],
)
def test_what_cannot_be_set(item: str, value: str) -> None:
    found = details()
    with pytest.raises(FunctionError):
        options.write(found, item, value)
    assert found == details()


def test_rates_and_modems_must_go_together() -> None:
    found = details()
    options.write(found, "modem", "v17")
    with pytest.raises(FunctionError, match="none of the modems"):
        options.write(found, "maxrate", "4800")
    assert (found.maxrate, found.modems) == (14400, Modem.V17)


def test_every_item_can_be_read() -> None:
    found = details()
    assert {name: options.read(found, name) for name, _ in options.ITEMS} == {
        "ecm": "yes", "error": "", "filename": "", "filenames": "", "headerinfo": "", "localstationid": "",
        "minrate": "2400", "maxrate": "14400", "modem": "v17,v27,v29", "gateway": "no", "faxdetect": "no",
        "pages": "0", "rate": "0", "remotestationid": "", "resolution": "", "sessionid": "", "status": "",
        "statusstr": "", "t38timeout": "5000", "negotiate_both": "no",
    }  # fmt: skip
    with pytest.raises(FunctionError, match="no item"):
        options.read(found, "colour")


@given(st.sampled_from([name for name, _ in options.ITEMS]), st.text(max_size=40))
def test_any_text_is_set_or_refused(item: str, value: str) -> None:
    found = details()
    try:
        options.write(found, item, value)
    except FunctionError:
        assert found == details()
    else:
        options.read(found, item)
