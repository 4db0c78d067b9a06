"""``cdr.conf``, ``[general]``: whether records of calls are kept, and of which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from asterism.config.values import is_boolean, is_true
from asterism.core.errors import ConfigError
from asterism.pbx.records.lines import BatchSettings
from asterism.pbx.records.unread import unread_sections

if TYPE_CHECKING:
    from asterism.config import ConfigFile

FILE = "cdr.conf"
MOST_RECORDS = 100_000
"""Records of the largest batch."""
MOST_SECONDS = 86_400


class Spec(NamedTuple):
    """One option: the most it may be (``None``: yes or no), its default as it is written, and what it does."""

    most: int | None
    default: str
    help: str


OPTIONS: Mapping[str, Spec] = MappingProxyType({
    "enable": Spec(None, "yes", "Whether records are made. Without a file cdr.conf they are not."),
    "unanswered": Spec(None, "no", "Also records of calls that nobody answered and that called nobody, such as one "
                       "that was hung up in a menu. Whoever called somebody has a record in any case."),
    "congestion": Spec(None, "no", "Disposition CONGESTION for calls that failed for that; otherwise they are FAILED."),
    "endbeforehexten": Spec(None, "yes", "A record ends before the extension h runs, which then cannot change it."),
    "initiatedseconds": Spec(None, "no", "A second that was begun counts whole in billsec."),
    "ignorestatechanges": Spec(None, "no", "Records take no notice of bridges: no record for each pair of parties, and "
                               "none ends because a party leaves."),
    "ignoredialchanges": Spec(None, "no", "Records take no notice of whom a call rings at."),
    "canceldispositionenabled": Spec(None, "no", "Disposition CANCEL where the caller gave up, or another phone "
                                     "answered; otherwise it is NO ANSWER."),
    "channeldefaultenabled": Spec(None, "yes", "Whether every channel has records; otherwise those that say so by "
                                  "CDR_PROP(disable)=0."),
    "debug": Spec(None, "no", "The log tells what becomes of each record, as cdr set debug does."),
    "batch": Spec(None, "no", "Records wait and are written together."),
    "size": Spec(MOST_RECORDS, "100", "How many wait at most."),
    "time": Spec(MOST_SECONDS, "300", "How long one waits at most, in seconds."),
    "scheduleronly": Spec(None, "no", "Has no effect: a thread of its own writes in any case."),
    "safeshutdown": Spec(None, "yes", "Whether a stop waits until the records are written; if not, they are "
                         "written after the next start."),
})  # fmt: skip
"""The options of ``[general]``."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options, as :data:`OPTIONS` explains them."""

    enable: bool = True
    unanswered: bool = False
    congestion: bool = False
    endbeforehexten: bool = True
    initiatedseconds: bool = False
    ignorestatechanges: bool = False
    ignoredialchanges: bool = False
    canceldispositionenabled: bool = False
    channeldefaultenabled: bool = True
    debug: bool = False
    batch: bool = False
    size: int = 100
    time: int = 300
    scheduleronly: bool = False
    safeshutdown: bool = True

    @property
    def waiting(self) -> BatchSettings:
        """When records are written."""
        return BatchSettings(self.batch, self.size, self.time, self.scheduleronly, self.safeshutdown)


def read_settings(file: ConfigFile) -> tuple[Settings, list[ConfigError]]:
    """What the file says, and what is wrong with it; a line that is wrong leaves the default."""
    values: dict[str, Any] = {}
    problems: list[ConfigError] = list(unread_sections(file, "cdr"))
    for option in file.options("general"):
        name, value = option.name.lower(), option.value.strip()
        spec = OPTIONS.get(name)
        if spec is None:
            problems.append(option.error(f"there is no option '{option.name}'", ", ".join(OPTIONS)))
        elif spec.most is not None:
            try:
                values[name] = option.integer(1, spec.most)
            except ConfigError as error:
                problems.append(error)
        elif is_boolean(value):
            values[name] = is_true(value)
        else:
            problems.append(option.error(f"'{value}' is neither yes nor no", "yes or no"))
    return Settings(**values), problems
