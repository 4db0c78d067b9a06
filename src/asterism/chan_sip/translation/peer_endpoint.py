"""Rules of a peer's options that become options of its endpoint."""

from __future__ import annotations

from asterism.chan_sip.translation.rules import Draft, Rule

_DTMF = {"rfc2833": "rfc4733", "info": "info", "shortinfo": "info", "inband": "inband", "auto": "auto"}


def _context(draft: Draft) -> None:
    draft.endpoint("context", draft.peer.context)


def _allow(draft: Draft) -> None:
    draft.endpoint("allow", str(draft.peer.allow))


def _dtmfmode(draft: Draft) -> None:
    draft.endpoint("dtmf_mode", _DTMF[draft.peer.dtmfmode])


RULES = (
    Rule("context", ("endpoint.context",), apply=_context),
    Rule("allow", ("endpoint.allow",), apply=_allow),
    Rule("disallow", ("endpoint.allow",)),
    Rule("dtmfmode", ("endpoint.dtmf_mode",), apply=_dtmfmode),
)
