"""``rtp.conf``: the options of its ``[general]`` section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from asterism.config import ConfigFile, Section, is_true
from asterism.core.errors import ConfigError
from asterism.data.network import AccessRule, Rules
from asterism.media.source import StrictMode
from asterism.media.transports.ice_settings import IceSettings


@dataclass(frozen=True, slots=True)
class RtpSettings:
    """Typed options, with Asterisk's defaults."""

    rtp_start: int = 5000
    """``rtpstart``: the first port; an even one is an RTP port."""
    rtp_end: int = 31000
    """``rtpend``: the last port."""
    checksums: bool = True
    """``rtpchecksums``; shown only, the kernel always computes them."""
    dtmf_timeout: int = 1200
    """``dtmftimeout``: 8 kHz samples without a packet after which a digit ends."""
    rtcp_interval: float = 5.0
    """``rtcpinterval``, here in seconds."""
    strict: StrictMode = StrictMode.YES
    """``strictrtp``: learn and lock the source."""
    probation: int = 4
    """Packets in sequence that make another source than the signalled one accepted."""
    replay_protection: bool = True
    """``srtpreplayprotection``."""
    ice_support: bool = True
    """``icesupport``."""
    dtls_mtu: int = 1200
    """``dtls_mtu``: octets of the largest datagram of a DTLS handshake."""
    ice: IceSettings = field(default_factory=IceSettings)
    """What candidates there are, and which servers give further ones."""

    @classmethod
    def from_file(cls, file: ConfigFile, access_lists: Mapping[str, Rules] | None = None) -> RtpSettings:
        """Read all sections of ``rtp.conf``; ``access_lists`` are the named lists of ``acl.conf``.

        Raises:
            ConfigError: a value is not what its option takes.
        """
        general = file.options("general")
        ice = IceSettings.from_sections(general, file.options("ice_host_candidates"), access_lists)
        return replace(cls.from_section(general), ice=ice)

    @classmethod
    def from_section(cls, section: Section) -> RtpSettings:
        """Read ``[general]``; unknown options are left to others.

        Raises:
            ConfigError: a value is not what its option takes.
        """
        start = section.integer("rtpstart", cls_default("rtp_start"), 1, 65534)
        end = section.integer("rtpend", cls_default("rtp_end"), 1, 65535)
        if end <= start + (start & 1):
            option = section.find("rtpend") or section.find("rtpstart")
            raise ConfigError(
                f"rtpend ({end}) leaves no pair of ports from rtpstart ({start})",
                option.position if option else section.position, "rtpend", f"a port above {start}",
            )  # fmt: skip
        return cls(
            rtp_start=start,
            rtp_end=end,
            checksums=section.flag("rtpchecksums", True),
            dtmf_timeout=section.integer("dtmftimeout", cls_default("dtmf_timeout"), 1, 800000),
            rtcp_interval=section.integer("rtcpinterval", 5000, 500, 60000) / 1000,
            strict=_strict(section.get("strictrtp", "yes")),
            probation=section.integer("probation", cls_default("probation"), 1, 1000),
            replay_protection=section.flag("srtpreplayprotection", True),
            ice_support=section.flag("icesupport", True),
            dtls_mtu=section.integer("dtls_mtu", cls_default("dtls_mtu"), 256, 65507),
        )


OPTIONS = (
    "rtpstart", "rtpend", "rtpchecksums", "dtmftimeout", "rtcpinterval", "strictrtp", "probation",
    "srtpreplayprotection", "icesupport", "stunaddr", "stun_blacklist", "stun_deny", "stun_permit", "stun_acl",
    "turnaddr", "turnport", "turnusername", "turnpassword", "ice_blacklist", "ice_deny", "ice_permit", "ice_acl",
    "dtls_mtu", "turn_transport", "ice_lite", "ice_loopback",
)  # fmt: skip
"""The options of ``[general]``: Asterisk's, and ours (``turn_transport``, ``ice_lite``, ``ice_loopback``)."""

_DEFAULTS = RtpSettings()


def read_lists(file: ConfigFile) -> dict[str, Rules]:
    """The named lists of ``acl.conf``; one with a line that is no address is left out, and so is what names it."""
    found: dict[str, Rules] = {}
    for section in file.sections:
        rules = Rules()
        try:
            for option in section:
                if option.name.lower() in ("permit", "deny"):
                    rules = AccessRule(option.name.lower() == "permit").parse(option.value, rules)
        except ValueError:
            continue
        found[section.name] = rules
    return found


def cls_default(name: str) -> int:
    """The default of a number option."""
    return int(getattr(_DEFAULTS, name))


def _strict(value: str) -> StrictMode:
    if value.strip().lower() == "seqno":
        return StrictMode.SEQUENCE
    return StrictMode.YES if is_true(value) else StrictMode.NO
