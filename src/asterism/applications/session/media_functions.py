"""Dialplan functions that change what a call's media are negotiated to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.functions import session_of
from asterism.applications.session.sdp_handlers.stream import RtpStream
from asterism.applications.session.state import SessionState
from asterism.config.values import is_boolean, is_true
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.media.formats import parse_formats
from asterism.media.stream import AUDIO
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function, function_writer

if TYPE_CHECKING:
    from asterism.media.formats import Format
    from asterism.pbx.channels.channel import Channel

DTMF_MODES = ("rfc4733", "inband", "info", "auto", "auto_info", "none")
"""The words of ``dtmf_mode``."""


class MediaFunctions:
    """``PJSIP_MEDIA_OFFER``, ``PJSIP_DTMF_MODE``, ``PJSIP_MOH_PASSTHROUGH``, ``PJSIP_SEND_SESSION_REFRESH``."""

    @function("PJSIP_MEDIA_OFFER", Documentation(
        "Read or set the codecs that a PJSIP call offers", "PJSIP_MEDIA_OFFER(media)",
        "What is written is added to the codecs that the call offers, as in an endpoint's allow: '!all,alaw' makes "
        "it alaw alone. On a call being made (in a pre-dial handler) it changes the INVITE; on an answered call the "
        "next re-INVITE or UPDATE, which PJSIP_SEND_SESSION_REFRESH sends.",
        (Argument("media", "The kind of stream.", True, (("audio", "the audio"), ("video", "the video"))),),
        ("PJSIP_SEND_SESSION_REFRESH",),
    ))  # fmt: skip
    def read_offer(self, channel: Channel | None, args: str) -> str:
        """The codecs of the next offer, by name."""
        session = session_of(channel)
        return ",".join(one.name for one in _offered(channel)) if _is_audio(args) and session.formats else ""

    @function_writer("PJSIP_MEDIA_OFFER")
    def write_offer(self, channel: Channel | None, args: str, value: str) -> None:
        """Change them."""
        session = session_of(channel)
        if not _is_audio(args):
            raise FunctionError("only the codecs of audio can be chosen")
        try:
            wanted = parse_formats(",".join(one.name for one in _offered(channel)), value)
        except UsageError as error:
            raise FunctionError(str(error)) from error
        if not wanted:
            raise FunctionError("that leaves no codec")
        own = {one.name: one for one in session.formats}
        session.media.wanted = tuple([own.get(one.name, one) for one in wanted])

    @function("PJSIP_DTMF_MODE", Documentation(
        "Read or set how a PJSIP call sends digits", "PJSIP_DTMF_MODE()",
        "The words are those of an endpoint's dtmf_mode. On an answered call a change of what is negotiated is told to "
        "the far end at once.",
        (), ("PJSIP_SEND_SESSION_REFRESH",),
    ))  # fmt: skip
    def read_mode(self, channel: Channel | None, args: str) -> str:
        """The mode in force."""
        session = session_of(channel)
        return session.media.dtmf_mode or session.endpoint.dtmf_mode

    @function_writer("PJSIP_DTMF_MODE")
    def write_mode(self, channel: Channel | None, args: str, value: str) -> None:
        """Change it."""
        session = session_of(channel)
        mode = value.strip().lower()
        if mode not in DTMF_MODES:
            raise FunctionError(f"no DTMF mode: '{value}'; known: {', '.join(DTMF_MODES)}")
        session.media.dtmf_mode = mode
        if session.state is SessionState.CONFIRMED and session.media.would_change(session):
            session.refresh("INVITE")

    @function("PJSIP_MOH_PASSTHROUGH", Documentation(
        "Read or set whether hold is passed on to a PJSIP phone", "PJSIP_MOH_PASSTHROUGH()",
        "yes: the phone is told by a re-INVITE that it is on hold. no: it hears music. It is the endpoint's "
        "moh_passthrough for this call.",
    ))  # fmt: skip
    def read_passthrough(self, channel: Channel | None, args: str) -> str:
        """Whether it is."""
        return "yes" if session_of(channel).moh_passthrough else "no"

    @function_writer("PJSIP_MOH_PASSTHROUGH")
    def write_passthrough(self, channel: Channel | None, args: str, value: str) -> None:
        """Change it."""
        if not is_boolean(value):
            raise FunctionError(f"'{value}' is neither yes nor no")
        session_of(channel).moh_passthrough = is_true(value)

    @function("PJSIP_SEND_SESSION_REFRESH", Documentation(
        "Offer the media of a PJSIP call anew", "PJSIP_SEND_SESSION_REFRESH([method])",
        "Sends a re-INVITE or UPDATE when the media would be others than those agreed, after PJSIP_MEDIA_OFFER for "
        "example; nothing is sent while they would stay the same. The method is what is written, or else the argument.",
        (Argument("method", "What to send.", False, (("invite", "a re-INVITE"), ("update", "an UPDATE"))),),
        ("PJSIP_MEDIA_OFFER",),
    ))  # fmt: skip
    def read_refresh(self, channel: Channel | None, args: str) -> str:
        """Refuse reading: the function can only be written."""
        raise FunctionError("it can only be written")

    @function_writer("PJSIP_SEND_SESSION_REFRESH")
    def write_refresh(self, channel: Channel | None, args: str, value: str) -> None:
        """Send one."""
        session = session_of(channel)
        method = (value.strip() or args.strip() or "invite").upper()
        if method not in ("INVITE", "UPDATE"):
            raise FunctionError(f"no way to refresh: '{value}'; known: invite, update")
        if session.state is not SessionState.CONFIRMED:
            raise FunctionError("the call is not answered")
        if session.media.would_change(session):
            session.refresh(method)


def _is_audio(args: str) -> bool:
    kind = args.strip().lower()
    if kind not in ("audio", "video"):
        raise FunctionError(f"no media '{args}'; known: audio, video")
    return kind == "audio"


def _offered(channel: Channel | None) -> tuple[Format, ...]:
    """The codecs of the next offer: those set, those agreed, or those of the call."""
    session = session_of(channel)
    agreed = next((one for one in session.media.streams if isinstance(one, RtpStream) and one.type == AUDIO), None)
    if session.media.wanted or agreed is None:
        return session.offers_of(AUDIO)
    return tuple(one for _, one in agreed.terms.types.formats)
