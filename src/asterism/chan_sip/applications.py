"""Dialplan applications of ``chan_sip``: SIPAddHeader, SIPRemoveHeader, SIPDtmfMode, SIPSendCustomINFO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import Sessions, sessions
from asterism.chan_sip import added_headers
from asterism.chan_sip.channels import sip_session, user_agent
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.media.rtp import RtpSession
from asterism.media.stream import AUDIO
from asterism.pbx.channels.inband_digits import detect_digits
from asterism.pbx.vocabulary.marks import application, register_marked

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

MODES = {"inband": "inband", "info": "info", "shortinfo": "short_info", "rfc2833": "rfc4733"}
"""The words of ``SIPDtmfMode`` and how digits are sent then."""
_LONGEST_BODY = 16_384
"""Bytes of the body of SIPSendCustomINFO."""


class SipApplications:
    """The applications."""

    def __init__(self, registry: Sessions) -> None:
        self._registry = registry

    @application("SIPAddHeader", Documentation(
        "Queue a header for the next INVITE to a SIP peer", "SIPAddHeader(Name: value)",
        "The channels that this one calls from now on by the technology SIP carry the header in their first INVITE; "
        "with refer_addheaders of sip.conf, a REFER that this channel is sent carries it too. The whole argument is "
        "one header: what is before the first colon is its name, and commas need no quotes. Quotes around the whole "
        "are taken off.\n"
        "The headers are kept in the variables SIPADDHEADER01 to SIPADDHEADER50, which called channels inherit, in the "
        "first that is free. The header that was added last is sent first. In a pre-dial handler (option b of Dial) it "
        "is added to that call alone.\n"
        "A header that would be several, whose name is none, or that the server writes itself (Via, From, To, Contact, "
        "Call-ID, CSeq, Max-Forwards, Content-Length, Content-Type) is refused with a warning; text without a colon is "
        "kept and not sent.",
        (Argument("Header", "The header, such as X-Account: 1234. Names that no standard has begin with X-.", True),),
        ("SIPRemoveHeader", "SIP_HEADER", "PJSIP_HEADER"),
    ))  # fmt: skip
    async def add_header(self, channel: Channel, args: str) -> None:
        """Run SIPAddHeader."""
        log = channel.pbx.log
        if not args:
            log.warning("This application requires the argument: Header")
            return
        why = added_headers.refusal(args)
        if why:
            log.warning("SIPAddHeader: the header is not added: %s", why)
        elif not added_headers.add(channel, args):
            log.warning("Too many SIP headers added, max %d", added_headers.SLOTS)

    @application("SIPRemoveHeader", Documentation(
        "Take back headers that SIPAddHeader has queued", "SIPRemoveHeader([Header])",
        "Headers of the INVITE that are not from SIPAddHeader stay. The slots of those that are taken back are free "
        "again.",
        (Argument("Header", "The beginning of the headers to take back, in any case: P- means all whose names begin "
                  "so, P-Asserted-Identity: only that one. Without it all are taken back."),),
        ("SIPAddHeader",),
    ))  # fmt: skip
    async def remove_header(self, channel: Channel, args: str) -> None:
        """Run SIPRemoveHeader."""
        added_headers.remove(channel, args)

    @application("SIPDtmfMode", Documentation(
        "Change how a SIP call sends digits", "SIPDtmfMode(mode)",
        "It holds for the channel that runs it, from now on, and takes the place of dtmfmode of its peer. The far end "
        "is not told: digits as telephone events need that it has agreed to them. Another word is refused with a "
        "warning and changes nothing.",
        (Argument("mode", "How digits are sent.", True, (
            ("inband", "as tones in the audio; tones of the far end are recognised"),
            ("info", "in INFO requests of type application/dtmf-relay"),
            ("shortinfo", "in INFO requests of type application/dtmf, which hold its number (RFC 4733) alone"),
            ("rfc2833", "as telephone events (RFC 4733)"))),),
        ("SendDTMF", "PJSIP_DTMF_MODE"),
    ))  # fmt: skip
    async def dtmf_mode(self, channel: Channel, args: str) -> None:
        """Run SIPDtmfMode."""
        log = channel.pbx.log
        session = sip_session(channel)
        if session is None:
            log.warning("Call this application only on SIP incoming calls")
            return
        mode = MODES.get(args.lower())
        if mode is None:
            log.warning("I don't know about this dtmf mode: %s", args)
            return
        session.media.dtmf_mode = mode
        audio = session.media.port(AUDIO)
        if isinstance(audio, RtpSession):
            audio.digits_as_tones = mode == "inband"
            detect_digits(channel, mode == "inband")

    @application("SIPSendCustomINFO", Documentation(
        "Send an INFO request to SIP calls", "SIPSendCustomINFO(Data[,UserAgent])",
        "Every answered call of the technology SIP is sent an INFO request with the text as its body (text/plain), or "
        "those whose far end has that User-Agent. The text adds no header.",
        (Argument("Data", "The body.", True),
         Argument("UserAgent", "The whole User-Agent of the far ends that are meant, in any case.")),
        ("SIPAddHeader",),
    ))  # fmt: skip
    async def send_custom_info(self, channel: Channel, args: str) -> None:
        """Run SIPSendCustomINFO."""
        data, _, agent = args.partition(",")
        body = data.encode("utf-8", "surrogateescape")
        if not body:
            channel.pbx.log.warning("You must provide data to be sent")
            return
        if len(body) > _LONGEST_BODY:
            channel.pbx.log.warning("SIPSendCustomINFO: the data are longer than %d bytes", _LONGEST_BODY)
            return
        wanted = str(agent).lower()
        for session in list(self._registry.live):
            if session.endpoint.habits.technology != TECHNOLOGY or not session.confirmed or session.bye_pending:
                continue
            if not wanted or user_agent(session).lower() == wanted:
                session.work.push(session.send_request, "INFO", (), body, "text/plain")


class SipApplicationsModule(Module):
    """Registers the applications."""

    name = "chan_sip_applications"
    part_of = ("chan_sip",)
    requires = ("chan_sip", "session")
    description = "Dialplan applications of chan_sip"

    def load(self, server: Any) -> None:
        """Register them."""
        register_marked(server.pbx, SipApplications(sessions(server)))
