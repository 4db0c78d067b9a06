"""The tone zones of one server, and which one a channel has."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.core.errors import UsageError
from asterism.media.tones import parse_tone
from asterism.media.zones import Zone
from asterism.pbx.channels.indications.settings import MAX_TONES, MAX_ZONES, IndicationSettings

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class ToneZones:
    """The zones in force."""

    def __init__(self) -> None:
        self.settings = IndicationSettings()

    def get(self, name: str) -> Zone | None:
        """The zone of this name."""
        return self.settings.zones.get(name.lower())

    def of(self, channel: Channel) -> Zone:
        """The zone of a channel: that of its ``tone_zone`` where there is one, else the server's."""
        settings = self.settings
        zone = settings.zones.get(channel.tone_zone.lower()) if channel.tone_zone else None
        return settings.zones[settings.country] if zone is None else zone

    def add(self, name: str, tone: str, parts: str) -> None:
        """Add a tone to a zone, which is made if there is none; until the file is read again.

        Raises:
            UsageError: ``parts`` is no tone, or there are too many.
        """
        parse_tone(parts, {})
        name, zones = name.lower(), dict(self.settings.zones)
        zone = zones.get(name) or Zone(name, "", MappingProxyType({}))
        if len(zones) >= MAX_ZONES or len(zone.tones) >= MAX_TONES:
            raise UsageError("there are too many zones, or tones in this one")
        zones[name] = zone._replace(tones=MappingProxyType({**zone.tones, tone.lower(): parts}))
        self._use(zones)

    def remove(self, name: str, tone: str = "") -> bool:
        """Take a tone out of a zone, or the whole zone, until the file is read again; whether it was there.

        Raises:
            UsageError: it is the zone of the server.
        """
        name, zones = name.lower(), dict(self.settings.zones)
        zone = zones.get(name)
        if zone is None or (tone and tone.lower() not in zone.tones):
            return False
        if tone:
            left = {key: value for key, value in zone.tones.items() if key != tone.lower()}
            zones[name] = zone._replace(tones=MappingProxyType(left))
        elif name == self.settings.country:
            raise UsageError(f"'{name}' is the country of the server")
        else:
            del zones[name]
        self._use(zones)
        return True

    def _use(self, zones: dict[str, Zone]) -> None:
        self.settings = IndicationSettings(self.settings.country, MappingProxyType(zones))
