"""The objects that say who may publish what here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.pubsub.outbound.publish_object import OutboundPublish
from asterism.config.file import Option
from asterism.core.regex import Regex, RegexError, compile_regex
from asterism.data.data import Missing
from asterism.data.kinds import BOOL, NAME, SECONDS, Integer, Text
from asterism.data.options import ConfiguredObject, derived, option
from asterism.sip.objects.endpoint import Endpoint

if TYPE_CHECKING:
    from asterism.data.data import Data

_PREFIX = "event_"
COUNT = Integer(1, accepted="a whole number, 1 or more")


class InboundPublication(ConfiguredObject, type="inbound-publication"):
    """What may be published here: its name is the user part of the Request-URI of PUBLISH.

    ``event_<package>`` names what takes the states of a package: for ``asterisk-devicestate`` and ``asterisk-mwi`` an
    ``asterisk-publication``, for packages of extensions whatever their publication handler expects there.
    """

    SOURCES = ("config,pjsip.conf,criteria=type=inbound-publication",)
    REALTIME = "ps_inbound_publications"

    endpoint = option(NAME, "", "Only this endpoint may publish; empty: any that is identified.")
    event_asterisk_devicestate = option(
        NAME, "", "The asterisk-publication for device states.", name="event_asterisk-devicestate"
    )
    event_asterisk_mwi = option(NAME, "", "The asterisk-publication for mailboxes.", name="event_asterisk-mwi")
    min_expiration = option(SECONDS, 0, "Publications of less than so many seconds get 423.")
    max_expiration = option(SECONDS, 0, "Longer ones last so long only; 0: as long as they ask for.")
    max_publications = option(COUNT, 100, "How many there may be at a time; 503 beyond.")
    max_body = option(COUNT, 65536, "Bytes of one body; 413 beyond.")
    max_bytes = option(COUNT, 4 * 1024 * 1024, "Bytes of all that its publications consist of; 503 beyond.")
    events: tuple[tuple[str, str], ...] = derived(())
    """``event_<package>`` of other packages: pairs of package and value."""

    def take_unknown(self, item: Option) -> bool:
        """``event_`` of any package."""
        name = item.name.lower()
        if not name.startswith(_PREFIX) or len(name) == len(_PREFIX):
            return False
        found = dict(self.events)
        found[name[len(_PREFIX) :]] = item.value
        self.events = tuple(found.items())
        return True

    def configuration(self, package: str) -> str:
        """Name of the object that takes the states of a package (given in lower case); ``""`` if there is none."""
        spec = self.spec(_PREFIX + package)
        if spec is not None:
            return str(getattr(self, spec.attribute))
        return str(dict(self.events).get(package, ""))

    def remark(self, data: Data) -> str:
        """Names that lead nowhere."""
        if self.endpoint and data.get(Endpoint, self.endpoint) is Missing.ABSENT:
            return f"there is no endpoint '{self.endpoint}', so nobody can publish"
        for name in (self.event_asterisk_devicestate, self.event_asterisk_mwi):
            if name and data.get(AsteriskPublication, name) is Missing.ABSENT:
                return f"there is no asterisk-publication '{name}', so what is published gets 404"
        return ""

    def listing(self, show_secrets: bool = False) -> list[tuple[str, str]]:
        """With the packages of extensions."""
        more = [(f"{_PREFIX}{package}", value) for package, value in self.events]
        return sorted((*super().listing(show_secrets), *more))


class Expression(Text):
    """A regular expression that is searched for; empty text matches all."""

    def __init__(self) -> None:
        super().__init__("a regular expression")

    def parse(self, text: str, current: str) -> str:
        """The expression as written. Raises ``ValueError``."""
        try:
            compile_regex(text)
        except RegexError as error:
            raise ValueError(str(error)) from None
        return text


EXPRESSION = Expression()


class AsteriskPublication(ConfiguredObject, type="asterisk-publication"):
    """Takes states of devices and mailboxes that other servers publish, for ``inbound-publication`` objects."""

    SOURCES = ("config,pjsip.conf,criteria=type=asterisk-publication",)
    REALTIME = "ps_asterisk_publications"

    devicestate_publish = option(
        NAME, "", "The outbound-publish by which the other server is asked for all device states anew."
    )
    mailboxstate_publish = option(NAME, "", "The same for mailboxes.")
    device_state = option(BOOL, False, "Take states of devices.")
    device_state_filter = option(EXPRESSION, "", "Only of devices whose names match.")
    mailbox_state = option(BOOL, False, "Take states of mailboxes.")
    mailbox_state_filter = option(EXPRESSION, "", "Only of mailboxes whose names match.")

    def remark(self, data: Data) -> str:
        """Names that lead nowhere."""
        for name in (self.devicestate_publish, self.mailboxstate_publish):
            if name and OutboundPublish in data.types() and data.get(OutboundPublish, name) is Missing.ABSENT:
                return f"there is no outbound-publish '{name}', so the other server cannot be asked for its states"
        return ""


class Filter:
    """An expression that names pass; compiled when the first is looked at."""

    __slots__ = ("_compiled", "_text")

    def __init__(self) -> None:
        self._text = ""
        self._compiled: Regex | None = None

    def passes(self, expression: str, name: str) -> bool:
        """Whether ``name`` passes ``expression``, one that can be compiled; everything passes an empty one."""
        if not expression:
            return True
        if self._compiled is None or self._text != expression:
            self._text, self._compiled = expression, compile_regex(expression)
        return self._compiled.search(name) is not None
