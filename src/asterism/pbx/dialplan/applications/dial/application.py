"""The application ``Dial``: call one or more destinations and connect the caller with the first that answers."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.dialplan.applications.dial.call import begin
from asterism.pbx.dialplan.language.arguments import find_outside, number, split_arguments
from asterism.pbx.vocabulary.controls import DialStatus
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.marks import application, register_marked

if TYPE_CHECKING:
    from asterism.pbx.calls.dialing import DialResult
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

OPTIONS = (
    ("A([called][:calling])", "Play sounds, joined by &, to the called party and to the caller before they talk."),
    ("a", "Answer the caller as soon as a destination answers."),
    ("b([[context^]exten^]priority[(arg1[^...])])", "Run a subroutine on each called channel before it is called."),
    ("B([[context^]exten^]priority[(arg1[^...])])", "Run a subroutine on the caller first."),
    ("C", "Begin the call's detail records anew, as ResetCDR does."),
    ("c", "Tell cancelled destinations that the call was answered elsewhere."),
    ("d", "A digit of the caller that is an extension, of EXITCONTEXT or its context, takes it there."),
    (
        "D([called][:calling[:progress[:mf[:mfwink[:sf[:sfwink]]]]]])",
        "Send digits after the answer; progress, mf and sf before it, as DTMF, MF and SF. w and W are pauses.",
    ),
    ("e", "The called channel runs the extension h when the call is over."),
    ("E", "The caller hears the MF and SF digits of option D."),
    ("f[(callerid)]", "Caller ID that who is called is shown; without one, the extension, to who is forwarded to."),
    (
        "F[([[context^]exten^]priority)]",
        "When the caller hangs up, the called goes on there, or at the next priority.",
    ),
    ("g", "Go on with the dialplan when the called party hangs up."),
    ("G([[context^]exten^]priority)", "Both go on there, the called one a priority later."),
    ("h", "The called party may end the call by the key `disconnect` of features.conf."),
    ("H", "The caller may, before the answer as well."),
    ("i", "Do not follow forwarding."),
    ("I", "Ignore updates of who is connected, and where the call is forwarded to."),
    ("j", "Offer the streams that the caller began with, not those that it has by now."),
    ("k", "The called party may park the caller by the key `parkcall`."),
    ("K", "The caller may park the called party."),
    (
        "L(ms[:left[:every]])",
        "Limit the conversation, in milliseconds; warn when so much is left, and again every so much.",
    ),
    ("m[(class)]", "Play music instead of ringing."),
    ("N", "With p and P: no screening of a caller that shows its number."),
    ("n[(delete)]", "With p and P: keep no introduction; with 1 not even when the caller hangs up before an answer."),
    ("o[(callerid)]", "Caller ID of the called channel: the one given, or the caller's."),
    ("O[(mode)]", "Operator services on analogue lines; ignored on other channels, as all here are."),
    ("p", "The called party hears who calls and decides whether to take the call."),
    ("P[(key)]", "The same, and it is remembered in the database, by the key, or the extension, and the caller."),
    ("Q(cause)", "Hangup cause of destinations that lose; none or 0 for no cause."),
    ("r[(tone)]", "Indicate ringing at once, or play a tone, and pass no early media."),
    ("R", "Indicate ringing until there is early media."),
    ("s(tag)", "Tag of the caller ID that is sent."),
    ("S(seconds)", "Limit the conversation, in seconds."),
    ("t", "The called party may transfer the caller by the keys `blindxfer` and `atxfer`."),
    ("T", "The caller may transfer the called party."),
    ("u(presentation)", "Presentation of the caller ID that is sent."),
    (
        "U(context[^arg1[^...]])",
        "Run a subroutine on the called channel after its answer; its GOSUB_RESULT says what then.",
    ),
    ("w", "The called party may begin and end a recording by the key `automon`."),
    ("W", "The caller may."),
    ("x", "The called party may begin and end a recording by the key `automixmon`."),
    ("X", "The caller may."),
    ("z", "A forward ends the timeout."),
)


def dial_as(channel: Channel, args: str) -> tuple[Coroutine[Any, Any, DialResult], bool]:
    """A run of Dial as ``destinations,timeout,options`` say, to be awaited, and whether a conversation has option g.

    With it the dialplan goes on behind a conversation; behind any other end it always does.
    """
    destinations, timeout_text, options = [*split_arguments(args, limit=3), "", "", ""][:3]
    timeout = number(timeout_text) if timeout_text.strip() else None
    if timeout_text.strip() and timeout is None:
        channel.pbx.log.warning("Dial: invalid timeout '%s'", timeout_text)
    comma = find_outside(options, ",") if "," in options else -1
    if comma >= 0:
        options = options[:comma]  # a URL for telephones that show one
    call = begin(channel, options)
    return call.run(destinations, timeout or None), "g" in call.options.letters


class DialApplication(Module):
    """The application ``Dial``."""

    name: ClassVar[str] = "app_dial"
    description: ClassVar[str] = "Dialing Application"

    def load(self, server: HostServer) -> None:
        """Register the application."""
        register_marked(server.pbx, self)

    @application(
        "Dial",
        Documentation(
            "Call one or more channels and connect the caller with the first that answers.",
            "Dial(Technology/Resource[&Technology2/Resource2[&...]][,timeout[,options]])",
            "Calls every destination at once. The first to answer is connected with the caller, the others "
            "are cancelled. When nobody answers within the timeout, or every destination fails, the dialplan "
            "goes on with the next priority and DIALSTATUS tells why: BUSY, NOANSWER, CANCEL, CONGESTION, CHANUNAVAIL, "
            "INVALIDARGS, and DONTCALL or TORTURE by the options p and P. By the GOSUB_RESULT of option U the caller "
            "goes on as if BUSY or CONGESTION, or with CONTINUE, ends with ABORT, or goes elsewhere with "
            "GOTO:[[context^]exten^]priority. After a conversation the call ends, "
            "unless option g asks to go on.\n"
            "Variables of the caller say what is heard of the limit of option L: LIMIT_PLAYAUDIO_CALLER (yes) and "
            "LIMIT_PLAYAUDIO_CALLEE (no), by whom; LIMIT_CONNECT_FILE at the beginning, LIMIT_WARNING_FILE instead of "
            "the time that is left, LIMIT_TIMEOUT_FILE at the end.",
            (
                Argument("Technology/Resource", "Destinations, joined with &.", True),
                Argument("timeout", "Seconds to wait for an answer, fractions allowed; no limit when empty."),
                Argument(
                    "options",
                    "Letters, some with an argument. Arguments of subroutines are divided by ^ or commas, except in "
                    "quotes.",
                    values=OPTIONS,
                ),
            ),
            see_also=("Answer", "Hangup", "RetryDial"),
        ),
    )
    async def dial(self, channel: Channel, args: str) -> None:
        """Run ``Dial``; ends the call after a conversation unless option ``g`` is given."""
        run, goes_on = dial_as(channel, args)
        result = await run
        if result.status is DialStatus.ANSWER and not goes_on:
            raise EndDialplan
