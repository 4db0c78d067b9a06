"""Page: many phones hear one caller, in a conference of their own."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.soundfiles import SoundError
from asterism.pbx.calls.conference.conference import CREATOR, Conference, User
from asterism.pbx.calls.conference.profiles import DEFAULT_USER, UserProfile
from asterism.pbx.calls.dialing import Dialer, Leg
from asterism.pbx.calls.features.table import KEY as FEATURES
from asterism.pbx.calls.features.table import inherit
from asterism.pbx.calls.recording.settings import RecordingError
from asterism.pbx.channels.playing import play
from asterism.pbx.dialplan.applications.dial.called import ending_with, gosub
from asterism.pbx.dialplan.language.arguments import number, split_arguments, split_letters, split_names
from asterism.pbx.dialplan.language.places import Place, parse_place
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import ChannelHangup, RequestError
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.pbx.channels.channel import Channel

MAX_PAGED = 500
"""Destinations of one Page; more are left out."""
SLICE = 0.005
"""Seconds of the loop's time that calling takes at a time."""
BEEP = "beep"
_LETTERS = "AbBdinqrs"
_WITH_ARGUMENT = frozenset("AbB")


@dataclass(slots=True)
class Options:
    """The options of Page; ``timeout`` in seconds, ``None``: as long as the page lasts."""

    timeout: float | None = None
    called_gosub: Place | None = None
    caller_gosub: Place | None = None
    duplex: bool = False
    ignore_forwards: bool = False
    quiet: bool = False
    record: bool = False
    only_free: bool = False
    announcement: str = ""
    spare_caller: bool = False
    problems: list[str] = field(default_factory=list)


def parse(letters: str, timeout: str) -> Options:
    """Read the options; what cannot be honoured is in ``problems``."""
    found = Options()
    given: dict[str, str] = {}
    for letter, argument in split_letters(letters, _WITH_ARGUMENT):
        if letter in _LETTERS:
            given[letter] = (argument or "").strip()
        else:
            found.problems.append(f"option '{letter}' is not supported")
    for letter in _WITH_ARGUMENT & given.keys():
        if not given[letter]:
            found.problems.append(f"option '{letter}' needs an argument")
    if given.get("b"):
        found.called_gosub = parse_place(given["b"])
    if given.get("B"):
        found.caller_gosub = parse_place(given["B"])
    found.announcement = given.get("A", "")
    found.duplex, found.ignore_forwards, found.quiet = "d" in given, "i" in given, "q" in given
    found.record, found.only_free, found.spare_caller = "r" in given, "s" in given, "n" in given
    if timeout.strip():
        seconds = number(timeout)
        if seconds is None:
            found.problems.append(f"'{timeout.strip()}' is no time in seconds")
        found.timeout = seconds or None
    return found


_LEADER = UserProfile(DEFAULT_USER, marked=True, end_marked=True)
_PARTY = UserProfile(DEFAULT_USER, end_marked=True)
_LISTENER = UserProfile(DEFAULT_USER, end_marked=True, startmuted=True)


class Paging:
    """One page: the calls to the phones, and the conference."""

    def __init__(self, caller: Channel, options: Options) -> None:
        self._caller = caller
        self._pbx = caller.pbx
        self._options = options
        self._dialers: list[Dialer] = []
        self._timer: asyncio.TimerHandle | None = None
        self._paged: set[Channel] = set()
        """Channels that were answered and have not left."""
        self._conference: Conference | None = None
        self._name = str(random.SystemRandom().randrange(1, 1 << 31))
        self._over = False

    async def run(self, destinations: Sequence[str]) -> None:
        """Page; returns when the caller leaves the conference.

        Raises:
            ChannelHangup: The caller has hung up.
            Goto: It was sent elsewhere.
        """
        caller, options = self._caller, self._options
        try:
            if options.caller_gosub is not None:
                await gosub(caller, options.caller_gosub)
            await self._pbx.prepare(destinations)
            caller.check()
            begun = self._pbx.loop.time()
            for destination in destinations:
                await self._page(destination)
                if self._pbx.loop.time() - begun > SLICE:
                    await caller.wait(0)  # the loop has other work
                    begun = self._pbx.loop.time()
            if options.timeout is not None:
                self._timer = self._pbx.loop.call_later(options.timeout, self._time_out)
            caller.raw_answer()  # else it does not hear the beep: phones show audio before the answer where asked to
            caller.check()
            if not options.quiet:
                await _play(caller, BEEP)
            if options.announcement and not options.spare_caller:
                await _play(caller, options.announcement)
            await self._lead()
        finally:
            self._end()

    # -- the calls ---------------------------------------------------------------------------------------------

    async def _page(self, destination: str) -> None:
        """Call one phone, which comes into the conference when it answers."""
        caller, pbx, options = self._caller, self._pbx, self._options
        if destination.lower() == caller.device.lower():
            return  # nobody pages himself
        if options.only_free:
            state = pbx.device_states.get(destination)
            if state not in (DeviceState.NOT_INUSE, DeviceState.UNKNOWN):
                pbx.log.verbose(3, "Not paging '%s': it is %s", destination, state.name)
                return
        dialer = Dialer(pbx, None, lambda: None)
        dialer.ignore_forwards = options.ignore_forwards
        dialer.on_answer = self._answered
        dialer.on_forward = self._prepare
        try:
            called = pbx.request(destination, caller, () if caller.stream is None else caller.stream.formats)
        except RequestError as error:
            pbx.log.verbose(3, "Could not page %s: %s", destination, error)
            return
        self._dialers.append(dialer)
        self._prepare(called)
        if options.called_gosub is not None:
            await self._gosub_on(called, options.called_gosub)
        dialer.call(Leg(called, destination), options.timeout)

    def _prepare(self, called: Channel) -> None:
        """Give a called channel its caller and what it inherits."""
        caller = self._caller
        called.inherit_variables(caller)
        if FEATURES in caller.data:
            inherit(called, caller)
        called.redirecting = caller.redirecting
        called.connected = caller.caller
        called.new_exten("AppDial2", "(Outgoing Line)")
        called.peeraccount = caller.accountcode
        called.set_accountcode(called.accountcode or caller.accountcode)
        if caller.caller:
            called.set_connected(caller.caller, tell=False)

    async def _gosub_on(self, called: Channel, place: Place) -> None:
        """Run a subroutine on a called channel; the caller's hang-up ends it."""
        try:
            with ending_with(self._caller, called):
                await gosub(called, place)
        except (ChannelHangup, EndDialplan):
            called.hang_up()
        self._caller.check()

    def _time_out(self) -> None:
        for dialer in self._dialers:
            dialer.cancel(None, Cause.NO_ANSWER)

    def _answered(self, channel: Channel, _leg: Leg) -> None:
        if self._over:
            self._pbx.loop.call_soon(channel.hang_up)
            return
        self._paged.add(channel)
        self._pbx.loop.call_soon(self._begin, channel)  # after DialEnd has told of the answer

    def _begin(self, channel: Channel) -> None:
        if self._over or not channel.alive:
            self._paged.discard(channel)
            channel.hang_up()
        else:
            self._pbx.start(channel, self._follow, counts=0)

    # -- the conference ----------------------------------------------------------------------------------------

    def _room(self) -> Conference:
        """The conference, which begins with whoever comes first, and goes on for others though somebody leaves."""
        if self._conference is None or self._conference.over:
            self._conference = Conference(self._pbx, self._name)
        return self._conference

    async def _follow(self, channel: Channel) -> None:
        """What a paged channel does. It ends without its dialplan: it had none."""
        try:
            channel.new_exten(CREATOR, self._name)
            if self._options.announcement:
                await _play(channel, self._options.announcement)
            if not self._over:
                await self._room().attend(User(channel, _LISTENER if not self._options.duplex else _PARTY))
        except ChannelHangup:
            pass
        finally:
            self._paged.discard(channel)
        channel.hangup_cause = channel.hangup_cause or Cause.NORMAL_CLEARING
        channel.hang_up()

    async def _lead(self) -> None:
        """What the caller does; when it leaves, everybody does."""
        conference = self._room()
        self._record(conference)
        await conference.attend(User(self._caller, _LEADER))

    def _record(self, conference: Conference) -> None:
        """Record the conference, which ends the recording with itself."""
        if self._options.record:
            try:
                conference.start_recording()
            except RecordingError as error:
                self._pbx.log.warning("The page of %s is not recorded: %s", self._caller.name, error)

    def _end(self) -> None:
        """The page is over: end the calls that nobody has answered, and those that are not in the conference yet."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        for dialer in self._dialers:
            dialer.cancel(None, Cause.NORMAL_CLEARING)
            dialer.release()
        here = {} if self._conference is None else self._conference.users
        for channel in list(self._paged):
            if channel not in here and channel.bridge is None:
                self._pbx.loop.call_soon(partial(self._end_late, channel))
        if self._conference is not None:
            self._conference.end()

    def _end_late(self, channel: Channel) -> None:
        """One that has left the conference ends by itself; one that still hears the announcement does not."""
        if channel in self._paged and channel.alive and channel.bridge is None:
            channel.soft_hangup()


async def _play(channel: Channel, name: str) -> None:
    try:
        await play(channel, name)
    except SoundError as error:
        channel.pbx.log.warning("%s does not hear '%s': %s", channel.name, name, error)


class PageApplication(PbxModule):
    """The application."""

    name: ClassVar[str] = "app_page"
    description: ClassVar[str] = "Page Multiple Phones"

    @application(
        "Page",
        Documentation(
            "Speak to many phones at once.",
            "Page(Technology/Resource[&Technology2/Resource2[&...]][,options[,timeout]])",
            "Calls all of them; each that answers hears the caller, in a conference of its own. The phones are not "
            "asked to answer by themselves: option b sets what does that, such as a header. When the caller leaves, "
            "all leave; when they do, the caller stays. The caller's own device is left out. Afterwards "
            "CONFBRIDGE_RESULT is HANGUP, KICKED, or FAILED.",
            (
                Argument("Technology/Resource", "Destinations, joined with &.", True),
                Argument(
                    "options",
                    "Letters, some with an argument.",
                    values=(
                        ("A(sound)", "Everybody hears this sound before."),
                        (
                            "b([[context^]exten^]priority[(arg1[^...])])",
                            "Run this subroutine on each called channel before it is called.",
                        ),
                        (
                            "B([[context^]exten^]priority[(arg1[^...])])",
                            "Run this subroutine on this channel before.",
                        ),
                        ("d", "All may speak; otherwise only the caller is heard."),
                        ("i", "A phone that sends its calls elsewhere is not followed."),
                        ("n", "With A: the caller does not hear the sound."),
                        ("q", "The caller hears no beep."),
                        (
                            "r",
                            "Record the page: confbridge-NAME-TIME.wav in the folder monitor of the spool folder.",
                        ),
                        ("s", "Only call devices that are not in use."),
                    ),
                ),
                Argument("timeout", "End the calls that are not answered after so many seconds."),
            ),
            ("Dial", "DEVICE_STATE"),
        ),
    )
    async def page(self, channel: Channel, args: str) -> None:
        """Run Page."""
        log = self.pbx.dialplan.log
        destinations, letters, timeout, *_ = [*split_arguments(args, limit=3), "", "", ""]
        names = split_names(destinations)
        if not names:
            log.warning("Page needs a destination: Technology/Resource")
            return
        if len(names) > MAX_PAGED:
            log.warning("Page: %d destinations are called, not %d", MAX_PAGED, len(names))
            del names[MAX_PAGED:]
        options = parse(letters, timeout)
        for problem in options.problems:
            log.warning("Page: %s", problem)
        await Paging(channel, options).run(names)
