"""The items of ``FAXOPT``: what may be set for a channel's faxes, and what is told of its last one."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.config.values import is_true
from asterism.media.fax.terminal import RATES
from asterism.pbx.calls.fax.settings import MODEMS, modem_names, shortened, why_not_rates
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.vocabulary.flow import FunctionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asterism.pbx.calls.fax.settings import FaxDetails

_LONGEST = 86_400
_DETECTED = ("yes", "cng", "t38", "no")


def _flag(value: bool) -> str:
    return "yes" if value else "no"


def _gateway(details: FaxDetails) -> str:
    if not details.gateway:
        return "no"
    return f"yes,{details.gateway_timeout}" if details.gateway_timeout else "yes"


def _filenames(details: FaxDetails) -> str:
    """What of them is from outside stays so."""
    return joined(part for name in details.files for part in (",", name))[1:]


_ITEMS: Mapping[str, tuple[str, Callable[[FaxDetails], str]]] = MappingProxyType({
    "ecm": ("yes or no: error correction, where the far end can; may be set", lambda of: _flag(of.ecm)),
    "error": ("a word for the reason why the last fax failed", lambda of: of.error),
    "filename": ("the first file of the last fax", lambda of: of.files[0] if of.files else ""),
    "filenames": ("all of its files, joined by commas", _filenames),
    "headerinfo": ("text of the line above each page that is sent; may be set", lambda of: of.header),
    "localstationid": ("the identification that the far end is told; may be set", lambda of: of.station),
    "minrate": ("the lowest bit rate to begin with; may be set", lambda of: str(of.minrate)),
    "maxrate": ("the highest bit rate; may be set", lambda of: str(of.maxrate)),
    "modem": ("the modems, v17, v27, v29, joined by commas; may be set", lambda of: modem_names(of.modems)),
    "gateway": (
        "yes[,seconds] or no: a gateway between audio and T.38 on bridges, that waits so long for a fax; may be set",
        _gateway,
    ),
    "faxdetect": (
        "yes, cng, t38[,seconds] or no: go to extension fax at a fax's tone (cng) or request of T.38 (t38); may be set",
        lambda of: of.faxdetect or "no",
    ),
    "pages": ("number of pages of the last fax", lambda of: str(of.pages)),
    "rate": ("its bit rate", lambda of: str(of.rate)),
    "remotestationid": ("what its far end calls itself", lambda of: foreign(of.remote)),
    "resolution": ("of its last page, in dots a metre: 8031x3850", lambda of: of.resolution),
    "sessionid": ("its number", lambda of: "" if of.session is None else str(of.session)),
    "status": ("SUCCESS or FAILED", lambda of: of.status),
    "statusstr": ("the same in words", lambda of: of.statusstr),
    "t38timeout": (
        "milliseconds that the far end has to change to T.38; may be set", lambda of: str(of.t38timeout)
    ),
    "negotiate_both": (
        "yes or no: a gateway that hears a fax asks both parties for T.38, not one after the other; may be set",
        lambda of: _flag(of.negotiate_both),
    ),
})  # fmt: skip
ITEMS = tuple((name, text) for name, (text, _) in _ITEMS.items())
"""Each item and what it is."""
_WRITTEN = (
    "ecm", "headerinfo", "localstationid", "minrate", "maxrate", "modem", "gateway", "faxdetect", "t38timeout",
    "negotiate_both",
)  # fmt: skip


def read(details: FaxDetails, item: str) -> str:
    """The value of an item.

    Raises:
        FunctionError: there is no such item.
    """
    name = _name(item)
    return _ITEMS[name][1](details)


def _name(item: str) -> str:
    name = {"modems": "modem", "t38_timeout": "t38timeout"}.get(item.strip().lower(), item.strip().lower())
    if name not in _ITEMS:
        raise FunctionError(f"there is no item '{item.strip()}': {', '.join(_ITEMS)}")
    return name


def write(details: FaxDetails, item: str, value: str) -> None:
    """Set an item.

    Raises:
        FunctionError: it cannot be set, or not to that.
    """
    name, text = _name(item), value.strip()
    if name not in _WRITTEN:
        raise FunctionError(f"'{name}' cannot be set, only {', '.join(_WRITTEN)}")
    if name == "ecm":
        details.ecm = is_true(text)
    elif name == "headerinfo":
        details.header = shortened(text, header=True)
    elif name == "localstationid":
        details.station = shortened(text)
    elif name == "negotiate_both":
        details.negotiate_both = is_true(text)
    elif name == "t38timeout":
        details.t38timeout = _whole(text, 1, 60_000, "milliseconds")
    elif name in ("minrate", "maxrate", "modem"):
        _write_rates(details, name, text)
    elif name == "gateway":
        word, _, seconds = text.partition(",")
        timeout = _whole(seconds.strip(), 0, _LONGEST, "seconds") if seconds.strip() else 0
        details.gateway, details.gateway_timeout = is_true(word.strip()), timeout
    else:
        _check_detection(text)
        details.faxdetect = text


def _check_detection(text: str) -> None:
    *words, last = [word.strip().lower() for word in text.split(",")]
    if words and last.isascii() and last.isdigit():
        _whole(last, 1, _LONGEST, "seconds")
    else:
        words.append(last)
    if len(words) > 2 or any(word not in _DETECTED for word in words):
        raise FunctionError(f"'{text}' is none of {', '.join(_DETECTED)}, with seconds")


def _write_rates(details: FaxDetails, name: str, text: str) -> None:
    maxrate, minrate, modems = details.maxrate, details.minrate, details.modems
    if name == "modem":
        try:
            modems = MODEMS.parse(text, modems)
        except ValueError as error:
            raise FunctionError(str(error)) from error
    else:
        rate = _whole(text, 0, 33_600, "bits a second")
        if rate not in RATES:
            raise FunctionError(f"'{text}' is none of the rates {', '.join(map(str, RATES))}")
        maxrate, minrate = (rate, minrate) if name == "maxrate" else (maxrate, rate)
    if why := why_not_rates(maxrate, minrate, modems):
        raise FunctionError(why)
    details.maxrate, details.minrate, details.modems = maxrate, minrate, modems


def _whole(text: str, low: int, high: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and low <= int(text) <= high):
        raise FunctionError(f"'{text}' is no number of {what} from {low} to {high}")
    return int(text)
