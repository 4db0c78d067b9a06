"""What testers are told of a conference (``TestEvent``), while there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.conference import Conference
    from asterism.pbx.calls.conference.user import User


class Tester:
    """Tells of one conference. As in Asterisk 22 all but its state name the profile, not the conference."""

    __slots__ = ("_conference", "_state")

    def __init__(self, conference: Conference) -> None:
        self._conference = conference
        self._state = conference.attendance.state

    def _tell(self, state: str, *headers: tuple[str, object], user: User | None = None) -> None:
        conference = self._conference
        tests = conference.pbx.test_events
        if tests.wanted:
            tail = [
                ("Conference", conference.profile.name),
                *([] if user is None else [("Channel", user.channel.name)]),
            ]
            tests.send(state, (*headers, *tail), function="conference")

    def muted(self, user: User, muted: bool) -> None:
        """A user was muted or unmuted."""
        self._tell("CONF_MUTE", ("Message", f"participant {user.channel.name} {_word(muted)}"), user=user)

    def mute_updated(self, user: User, silenced: bool) -> None:
        """Whether the others hear a user was looked at anew."""
        self._tell("CONF_MUTE_UPDATE", ("Mode", _word(silenced)), user=user)

    def locked(self, locked: bool) -> None:
        """It was locked or unlocked."""
        self._tell("CONF_LOCK", ("Message", f"conference {'locked' if locked else 'unlocked'}"))

    def recording(self, begins: bool) -> None:
        """Its recording begins, or has ended."""
        state, word = ("CONF_START_RECORD", "started") if begins else ("CONF_STOP_RECORD", "stopped")
        self._tell(state, ("Message", f"{word} conference recording channel"))

    def state_changed(self) -> None:
        """Its state may have changed."""
        conference, told = self._conference, self._state
        state = self._state = conference.attendance.state
        if state is not told and conference.pbx.test_events.wanted:
            headers = (("Conference", conference.name), ("OldState", told.value), ("NewState", state.value))
            conference.pbx.test_events.send("CONF_CHANGE_STATE", headers, function="conference state")


def _word(muted: bool) -> str:
    return "muted" if muted else "unmuted"
