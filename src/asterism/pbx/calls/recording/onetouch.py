"""One-touch recording: a party of a call has it recorded by a key, or by a button of its phone, and ends that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from asterism.pbx.calls.features.applications import run
from asterism.pbx.calls.features.table import options_of
from asterism.pbx.calls.recording.announcing import announce
from asterism.pbx.calls.recording.settings import RecordingError, parse_mixmonitor
from asterism.pbx.dialplan.language.foreign import foreign, joined

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_KEY = "one_touch"
"""Where ``channel.data`` of the recorded party keeps the identifier of its one-touch recording."""
_VARIABLE = "TOUCH_MIXMONITOR"


def toggle(
    presser: Channel, peer: Channel, *, wanted: bool | None = None, courtesy: str = "", failed: str = ""
) -> bool:
    """Begin to record a call, or end that.

    The recording is of ``peer``, as Asterisk has it. These variables of the presser, or else of the peer, say more:
    ``TOUCH_MIXMONITOR`` (end of the file's name instead of the two numbers), ``TOUCH_MIXMONITOR_PREFIX`` (``auto``),
    ``TOUCH_MIXMONITOR_FORMAT`` (``wav``), ``TOUCH_MIXMONITOR_BEEP`` (seconds between beeps),
    ``TOUCH_MIXMONITOR_MESSAGE_START`` and ``_STOP`` (sounds that both hear). ``TOUCH_MIXMONITOR_OUTPUT`` of both is set
    to the file's name.

    Args:
        presser: who asks for it.
        peer: with whom it talks.
        wanted: begin or end it, and do nothing where that is so already; ``None``: whichever it is not.
        courtesy: a sound that both hear when it begins and ends, where no message is set.
        failed: a sound that the presser hears when it cannot begin.

    Returns:
        Whether it is recorded now.
    """
    recordings = presser.pbx.recordings
    running = recordings.find(peer, peer.data.get(_KEY, ""))
    if running is not None:
        if wanted:
            return True
        running.stop()
        del peer.data[_KEY]
        _tell((presser, peer), "STOP", courtesy)
        return False
    if wanted is False:
        return False
    name = _file_name(presser, peer)  # numbers are text from outside
    beep = _variable((presser, peer), "_BEEP")
    options = f"bB({beep})" if beep.isdigit() else "b"
    try:
        settings, _ = parse_mixmonitor(name, options, "", recordings.folder)
        recording = recordings.start(peer, settings)
    except RecordingError as error:
        presser.pbx.log.warning("One-touch recording of %s: %s", peer.name, error)
        if failed:
            announce((presser,), failed)
        return False
    peer.data[_KEY] = recording.identifier
    for channel in (presser, peer):
        channel.set_variable(_VARIABLE + "_OUTPUT", foreign(name))
    _tell((presser, peer), "START", courtesy)
    return True


def _variable(channels: tuple[Channel, ...], suffix: str) -> str:
    """A variable of the first of the channels that has it."""
    for channel in channels:
        value = channel.get_variable(_VARIABLE + suffix)
        if value:
            return value.strip()
    return ""


def _file_name(presser: Channel, peer: Channel) -> str:
    both = presser, peer
    # A number in a name is data: it makes no folders.
    numbers = [(one.caller.number or one.name).replace("/", "-").replace("\0", "") for one in both]
    end = _variable(both, "") or "-".join(numbers)
    prefix, extension = _variable(both, "_PREFIX") or "auto", _variable(both, "_FORMAT") or "wav"
    return joined([prefix, f"-{int(time.time())}-", end, ".", extension])  # which text is from outside stays known


def _tell(channels: tuple[Channel, ...], when: str, courtesy: str) -> None:
    message = _variable(channels, f"_MESSAGE_{when}")
    if message or courtesy:
        announce(channels, message or courtesy)


def press(channel: Channel) -> None:
    """The key of one-touch recording (``automixmon``): begin to record the call of a channel, or end that."""
    _press(channel, None)


def _press(channel: Channel, wanted: bool | None) -> bool:
    """The same; with ``wanted`` as :func:`toggle`. Whether it is as it is wanted, or has changed."""
    bridge = channel.bridge
    peer = None if bridge is None else bridge.peer(channel)
    if peer is None:
        return False
    options = options_of(channel)
    now = toggle(
        channel, peer, wanted=wanted, courtesy=options.courtesytone, failed=options.recordingfailsound
    )  # fmt: skip
    return wanted is None or now is wanted


def record_by_feature(channel: Channel, feature: str, wanted: bool) -> bool:
    """Do what a phone's button for recording is to do.

    Args:
        channel: whose phone it is.
        feature: ``automixmon``, or the name of an application in ``[applicationmap]``: it is run as by its code.
        wanted: whether the call is to be recorded; an application is run either way.

    Returns:
        Whether it was done: the feature has a code in ``features.conf``, and the channel talks to somebody.
    """
    name = feature.strip()
    if name in ("automixmon", "automon"):
        return bool(getattr(options_of(channel), name)) and _press(channel, wanted)
    found = channel.pbx.features.settings.applications.get(name)
    if found is None or channel.bridge is None:
        return False
    run(channel, found)
    return True
