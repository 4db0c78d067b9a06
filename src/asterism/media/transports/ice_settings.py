"""The options of ``rtp.conf`` that ICE, STUN and TURN have (RFC 8445, RFC 8489, RFC 8656)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asterism.config import Option, Section
from asterism.core.errors import ConfigError
from asterism.data.network import AccessRule, Rules
from asterism.hostport import split_host_port
from asterism.media.sockets import is_address

STUN_PORT = 3478
"""The port of STUN and of TURN where none is given (RFC 8489 18.6)."""


@dataclass(frozen=True, slots=True)
class TurnServer:
    """The server that relays where no other path can be had."""

    host: str
    port: int = STUN_PORT
    username: str = ""
    password: str = field(default="", repr=False)
    tcp: bool = False
    """Whether it is reached over TCP; what it relays is UDP all the same."""


@dataclass(frozen=True, slots=True)
class Advertised:
    """What is told instead of a local address, or beside it (``[ice_host_candidates]``)."""

    address: str
    with_local: bool = False


@dataclass(frozen=True, slots=True)
class IceSettings:
    """Typed options, with Asterisk's defaults."""

    stun: tuple[str, int] | None = None
    """``stunaddr``: host and port of the server that tells how others see our ports."""
    turn: TurnServer | None = None
    """``turnaddr``, ``turnport``, ``turnusername``, ``turnpassword``, ``turn_transport``."""
    host_rules: Rules = field(default_factory=Rules)
    """``ice_deny``, ``ice_permit``, ``ice_acl``, ``ice_blacklist``: which local addresses are candidates."""
    stun_rules: Rules = field(default_factory=Rules)
    """``stun_deny``, ``stun_permit``, ``stun_acl``, ``stun_blacklist``: from which of them STUN and TURN are asked."""
    advertised: Mapping[str, Advertised] = field(default_factory=dict)
    """``[ice_host_candidates]``, by local address."""
    lite: bool = False
    """``ice_lite``: answer checks, make none (RFC 8445 2.7). For a server that everybody reaches directly."""
    loopback: bool = False
    """``ice_loopback``: addresses of the loopback interface are candidates, ours and the peer's."""

    @property
    def gathers(self) -> bool:
        """Whether servers must be asked before a description is complete."""
        return not self.lite and (self.stun is not None or self.turn is not None)

    @classmethod
    def from_sections(
        cls, general: Section, candidates: Section, access_lists: Mapping[str, Rules] | None = None
    ) -> IceSettings:
        """Read ``[general]`` and ``[ice_host_candidates]``; ``access_lists`` are the named ones of ``acl.conf``.

        Raises:
            ConfigError: a value is not what its option takes.
        """
        lists = access_lists or {}
        return cls(
            stun=_server(general, "stunaddr", STUN_PORT),
            turn=_turn(general),
            host_rules=_rules(general, "ice", lists),
            stun_rules=_rules(general, "stun", lists),
            advertised=dict(_advertised(option) for option in candidates),
            lite=general.flag("ice_lite"),
            loopback=general.flag("ice_loopback"),
        )


def _server(section: Section, name: str, port: int) -> tuple[str, int] | None:
    option = section.find(name)
    if option is None or not option.value.strip():
        return None
    try:
        host, given = split_host_port(option.value)
    except ValueError as error:
        raise option.error(str(error), "host[:port]") from None
    if not host:
        raise option.error("there is no host", "host[:port]")
    return host, given or port


def _turn(section: Section) -> TurnServer | None:
    server = _server(section, "turnaddr", section.integer("turnport", STUN_PORT, 1, 65535))
    if server is None:
        return None
    transport = section.get("turn_transport", "udp").strip().lower()
    if transport not in ("udp", "tcp"):
        option = section.find("turn_transport")
        assert option is not None
        raise option.error(f"'{option.value}' is no transport of TURN here", "udp, tcp")
    return TurnServer(*server, section.get("turnusername"), section.get("turnpassword"), transport == "tcp")


def _rules(section: Section, prefix: str, lists: Mapping[str, Rules]) -> Rules:
    """The rules of one kind in the order of the file; the last that matches counts."""
    found = Rules()
    for option in section:
        name = option.name.lower()
        if name == f"{prefix}_acl":
            for word in (part.strip() for part in option.value.split(",")):
                if word not in lists:
                    raise option.error(f"'{word}' is not a section of acl.conf", ", ".join(lists))
                found = Rules((*found, *lists[word]))
        elif name in (f"{prefix}_deny", f"{prefix}_permit", f"{prefix}_blacklist"):
            rule = AccessRule(name.endswith("permit"))
            try:
                found = rule.parse(option.value, found)
            except ValueError as error:
                raise option.error(str(error), rule.accepted) from None
    return found


def _advertised(option: Option) -> tuple[str, Advertised]:
    address, comma, word = (part.strip() for part in option.value.partition(","))
    if not (is_address(option.name) and is_address(address)) or (comma and word != "include_local_address"):
        raise ConfigError(
            f"'{option.name} => {option.value}' does not map a local address to another", option.position,
            option.name, "local address => advertised address[,include_local_address]",
        )  # fmt: skip
    return option.name, Advertised(address, bool(comma))
