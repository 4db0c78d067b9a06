"""The options of user and bridge profiles: what each takes, its default, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from asterism.config.values import is_boolean
from asterism.data import OptionSpec
from asterism.data.kinds import Bool, Choice, Integer, Kind, Text

SAMPLE_RATES = (8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000)
MIXING_INTERVALS = ("10", "20", "40", "80")
VIDEO_MODES = ("none", "follow_talker", "last_marked", "first_marked", "sfu")
REMB_BEHAVIOURS = ("average", "lowest", "highest", "average_all", "lowest_all", "highest_all", "force")
LONGEST_TEXT = 1024
NEVER = -1
"""Value of ``announce_user_count_all`` for no."""
_LONGEST_TIME = 10_000_000


class Switch(Bool):
    """Yes or no; anything else is an error, and leaves what was there."""

    def parse(self, text: str, current: bool) -> bool:
        """Read it; raises ``ValueError``."""
        if not is_boolean(text):
            raise ValueError(f"'{text}' is not yes or no")
        return super().parse(text, current)


class CountAll(Kind[int]):
    """No, yes, or the number of users above which it is yes."""

    accepted = "yes, no, or a number of users"

    def parse(self, text: str, current: int) -> int:
        """Read it; raises ``ValueError``."""
        if is_boolean(text) and not text.isdigit():
            return 0 if Switch().parse(text, False) else NEVER
        return Integer(0, 1_000_000).parse(text, current)

    def format(self, value: int) -> str:
        """As it is written."""
        return "no" if value == NEVER else str(value) if value else "yes"


class Rate(Kind[int]):
    """A sample rate in Hz; ``word`` stands for 0, which leaves it open."""

    def __init__(self, word: str) -> None:
        self._word = word
        self.accepted = ", ".join((word, *map(str, SAMPLE_RATES)))

    def parse(self, text: str, current: int) -> int:
        """Read it; raises ``ValueError``."""
        if text.lower() == self._word:
            return 0
        if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) not in SAMPLE_RATES:
            raise ValueError(f"'{text}' is no rate that can be mixed at")
        return int(text)

    def format(self, value: int) -> str:
        """As it is written."""
        return str(value) if value else self._word


class Interval(Kind[int]):
    """Milliseconds of audio that are mixed at a time."""

    accepted = ", ".join(MIXING_INTERVALS)

    def parse(self, text: str, current: int) -> int:
        """Read it; raises ``ValueError``."""
        if text not in MIXING_INTERVALS:
            raise ValueError(f"'{text}' is not one of the intervals")
        return int(text)


class ShortText(Text):
    """Text of a bounded length."""

    def parse(self, text: str, current: str) -> str:
        """Read it; raises ``ValueError``."""
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"it is longer than {LONGEST_TEXT} characters")
        return super().parse(text, current)


_YES_NO = Switch()
_TEXT = ShortText()
_SOUND = ShortText("the name of a sound without ending")
_SOUND_OR_NONE = ShortText("the name of a sound without ending; empty: none")


_ONLY_MANAGER = "Events of conferences are told to the manager and to programs only."


def _table(
    *rows: tuple[str, Kind[Any], object, str], without_effect: Mapping[str, str] = MappingProxyType({})
) -> Mapping[str, OptionSpec]:
    return MappingProxyType(
        {
            name: OptionSpec(kind, default, text, name, no_effect=without_effect.get(name, ""))
            for name, kind, default, text in rows
        }
    )


USER_OPTIONS = _table(
    ("admin", _YES_NO, False,
     "An admin: may use `admin_...` actions of menus, enters locked rooms, is never muted with the participants."),
    ("marked", _YES_NO, False, "Whether the user is marked: others may wait for marked users, and leave with them."),
    ("startmuted", _YES_NO, False, "Whether the user only hears at first."),
    ("quiet", _YES_NO, False,
     "Whether nothing is said when the user comes and goes, and nothing to the user when he enters."),
    ("hear_own_join_sound", _YES_NO, True, "Whether the user hears the sound of his own coming."),
    ("announce_user_count", _YES_NO, False, "Whether the user hears how many others are there when he enters."),
    ("announce_user_count_all", CountAll(), NEVER,
     "Whether all hear how many are there when this user enters; a number: only if there are more."),
    ("announce_only_user", _YES_NO, True, "Whether the user hears that he is the only one."),
    ("announce_join_leave", _YES_NO, False,
     "Whether the user is asked for his name, and all hear it when he comes and goes."),
    ("announce_join_leave_review", _YES_NO, False, "The same, and he may listen to it and record it again."),
    ("announcement", _SOUND_OR_NONE, "", "Sound that the user hears when he enters."),
    ("wait_marked", _YES_NO, False, "Whether the user waits until a marked user is there."),
    ("end_marked", _YES_NO, False, "Whether it is over for the user when the last marked user leaves."),
    ("end_marked_any", _YES_NO, False, "Whether it is over for the user when any marked user leaves."),
    ("pin", ShortText("digits"), "", "Digits that the user has to dial; three attempts. Empty: none."),
    ("music_on_hold_when_empty", _YES_NO, False, "Whether the user hears music while alone, or waiting."),
    ("music_on_hold_class", _TEXT, "", "Class of that music; empty: the channel's."),
    ("timeout", Integer(0, _LONGEST_TIME), 0, "Seconds after which the user is put out; 0: never."),
    ("dtmf_passthrough", _YES_NO, False, "Whether the others get the user's digits."),
    ("denoise", _YES_NO, False, "Whether noise is taken out of what the user says."),
    ("jitterbuffer", _YES_NO, False, "Whether what the user sends passes a jitter buffer."),
    ("dsp_drop_silence", _YES_NO, False, "Whether what the user sends while silent is not mixed."),
    ("dsp_talking_threshold", Integer(0, 32767), 160,
     "Mean amplitude of the samples of a frame, 0 to 32767, above which the user talks."),
    ("dsp_silence_threshold", Integer(0, _LONGEST_TIME), 2500,
     "Milliseconds of silence after which the user has stopped talking."),
    ("talk_detection_events", _YES_NO, False,
     "Whether `ConfbridgeTalking` tells when the user begins and stops talking."),
    ("text_messaging", _YES_NO, True, "Whether the user gets the texts that others send."),
    ("answer_channel", _YES_NO, True, "Whether the call is answered when it enters."),
    ("send_events", _YES_NO, False, "Whether the user's channel gets events of the conference as texts."),
    ("echo_events", _YES_NO, False, "Whether these are also about the user's own doings."),
    without_effect={"send_events": _ONLY_MANAGER, "echo_events": _ONLY_MANAGER},
)  # fmt: skip
"""Options of ``type=user``."""

SOUNDS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "sound_only_person": ("conf-onlyperson", "To a user who enters alone."),
    "sound_only_one": ("conf-onlyone", "Before the count: there is one other user."),
    "sound_has_joined": ("conf-hasjoin", "After the name of a user who enters."),
    "sound_has_left": ("conf-hasleft", "After the name of a user who leaves."),
    "sound_kicked": ("conf-kicked", "To a user who was put out."),
    "sound_muted": ("conf-muted", "To a user who is muted now."),
    "sound_unmuted": ("conf-unmuted", "To a user who is not muted any more."),
    "sound_binaural_on": ("confbridge-binaural-on", "Binaural sound is on."),
    "sound_binaural_off": ("confbridge-binaural-off", "Binaural sound is off."),
    "sound_there_are": ("conf-thereare", "Before the count: there are ..."),
    "sound_other_in_party": ("conf-otherinparty", "After the count: ... others."),
    "sound_place_into_conference": ("conf-placeintoconf", "To those who waited, when the first marked user enters."),
    "sound_wait_for_leader": ("conf-waitforleader", "To a user who waits for a marked user."),
    "sound_leader_has_left": ("conf-leaderhasleft", "To those who stay when the last marked user has left."),
    "sound_get_pin": ("conf-getpin", "Asks for the PIN."),
    "sound_invalid_pin": ("conf-invalidpin", "After a wrong PIN."),
    "sound_locked": ("conf-locked", "To a user who does not get in, as it is locked."),
    "sound_unlocked_now": ("conf-unlockednow", "To the admin who has unlocked it."),
    "sound_locked_now": ("conf-lockednow", "To the admin who has locked it."),
    "sound_error_menu": ("conf-errormenu", "To a user whose action of a menu cannot be done."),
    "sound_join": ("confbridge-join", "To all when a user enters."),
    "sound_leave": ("confbridge-leave", "To all when a user leaves."),
    "sound_participants_muted": ("conf-now-muted", "To all when an admin has muted the participants."),
    "sound_participants_unmuted": ("conf-now-unmuted", "To all when an admin has unmuted them."),
    "sound_begin": ("confbridge-conf-begin", "To all when the first marked user enters and others waited."),
})  # fmt: skip
"""Sounds of a bridge profile: the default, and who hears it when."""

BRIDGE_OPTIONS = _table(
    ("max_members", Integer(0, 1_000_000), 0, "Users that it takes; an admin always gets in. 0: no limit."),
    ("language", _TEXT, "en", "Language of what all hear."),
    ("internal_sample_rate", Rate("auto"), 0, "Rate in Hz at which it mixes; `auto`: the highest that two users have."),
    ("maximum_sample_rate", Rate("none"), 0, "The highest rate in Hz that `auto` takes."),
    ("mixing_interval", Interval(), 20, "Milliseconds of audio that are mixed at a time."),
    ("binaural_active", _YES_NO, False, "Binaural sound."),
    ("record_conference", _YES_NO, False, "Whether it is recorded from the first user to the last."),
    ("record_file", _TEXT, "", "File of the recording; empty: `confbridge-NAME-TIME.wav`."),
    ("record_file_append", _YES_NO, True, "Whether a recording is added to a file that is there."),
    ("record_file_timestamp", _YES_NO, True, "Whether the time of the beginning is in the file's name."),
    ("record_options", _TEXT, "", "Options of MixMonitor for the recording."),
    ("record_command", _TEXT, "", "Command that is run with the file afterwards, if commands are allowed."),
    ("regcontext", _TEXT, "", "Context in which there is an extension with the conference's name while it lasts."),
    ("video_mode", Choice(*VIDEO_MODES), "none", "Whose video the users see."),
    ("video_update_discard", Integer(0, _LONGEST_TIME), 2000,
     "Milliseconds after a request for a whole picture in which further ones become one, at their end."),
    ("remb_send_interval", Integer(0, _LONGEST_TIME), 0,
     "Milliseconds between two reports to senders of video about the bandwidth of the receivers; 0: none."),
    ("remb_behavior", Choice(*REMB_BEHAVIOURS), "average", "How these reports sum up what receivers have."),
    ("remb_estimated_bitrate", Integer(), 0, "Bits per second that they tell with `force`."),
    ("enable_events", _YES_NO, False, "Whether users with `send_events` get events as texts."),
    *((name, _SOUND, sound, text) for name, (sound, text) in SOUNDS.items()),
    without_effect={"binaural_active": "Everybody is heard in the middle.", "enable_events": _ONLY_MANAGER},
)  # fmt: skip
"""Options of ``type=bridge``."""
