"""The fixed columns of ``pjsip show`` and ``pjsip list``; scripts cut them by position."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from asterism.data.data import Data
from asterism.data.network import Network
from asterism.hostport import format_host_port
from asterism.pbx.vocabulary.controls import STATE_NAMES
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.sip.devices import device_of
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.auth import Auth
from asterism.sip.objects.identify import Identify
from asterism.sip.objects.transport import TransportConfig
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.sip.contacts import Contact
    from asterism.sip.location import Location
    from asterism.sip.objects.endpoint import Endpoint

RULER = "=" * 90 + "\n"

ENDPOINT_HEAD = " Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>\n"
ENDPOINT_HEADS = (
    ENDPOINT_HEAD
    + "    I/OAuth:  <AuthId/UserName...........................................................>\n"
    + "        Aor:  <Aor............................................>  <MaxContact>\n"
    + "      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>\n"
    + "  Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress..................>\n"
    + "   Identify:  <Identify/Endpoint.........................................................>\n"
    + "        Match:  <criteria.........................>\n"
    + "    Channel:  <ChannelId......................................>  <State.....>  <Time.....>\n"
    + "        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>\n"
)
AOR_HEAD = "      Aor:  <Aor..............................................>  <MaxContact>\n"
AOR_HEADS = AOR_HEAD + "    Contact:  <Aor/ContactUri............................> <Hash....> <Status> <RTT(ms)..>\n"
AUTH_HEAD = "  I/OAuth:  <AuthId/UserName.............................................................>\n"
CONTACT_HEAD = "  Contact:  <Aor/ContactUri..............................> <Hash....> <Status> <RTT(ms)..>\n"
TRANSPORT_HEAD = "Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress....................>\n"
IDENTIFY_HEAD = " Identify:  <Identify/Endpoint...........................................................>\n"
IDENTIFY_HEADS = IDENTIFY_HEAD + "      Match:  <criteria...........................>\n"

STATE_WORDS = {
    DeviceState.UNKNOWN: "Unknown",
    DeviceState.NOT_INUSE: "Not in use",
    DeviceState.INUSE: "In use",
    DeviceState.BUSY: "Busy",
    DeviceState.INVALID: "Invalid",
    DeviceState.UNAVAILABLE: "Unavailable",
    DeviceState.RINGING: "Ringing",
    DeviceState.RINGINUSE: "Ring+Inuse",
    DeviceState.ONHOLD: "On Hold",
}


class ShowServer(SipServer, Protocol):
    """A server whose channels can be shown beside their endpoints."""

    pbx: Pbx


def head(lines: str) -> str:
    """The headings of a listing, between the empty lines and the ruler around them."""
    return "\n" + lines + RULER + "\n"


def contact_row(location: Location, contact: Contact, indent: int) -> str:
    """One contact; all columns but the first stand still whatever the indent."""
    state = location.state(contact)
    start = f"{'':{indent}}Contact:  "
    name = f"{contact.aor}/{contact.uri}"
    width = 58 - len(start)
    rtt = "-nan" if state.rtt is None else f"{state.rtt * 1000:.3f}"
    return f"{start}{name[:width]:{width}} {contact.hash[:10]} {state.status.value:8} {rtt:>10}\n"


def sorted_contacts(contacts: Iterable[Contact]) -> list[Contact]:
    """Contacts in the order of their ids, as listings have them."""
    return sorted(contacts, key=lambda contact: contact.id)


def aor_row(aor: Aor, indent: int, location: Location | None = None) -> str:
    """One AOR, with its contacts below when ``location`` is given."""
    start = f"{'':{indent}}Aor:  "
    text = f"{start}{aor.id:{63 - len(start)}}  {aor.max_contacts}\n"
    if location is not None:
        text += "".join(contact_row(location, item, indent - 2) for item in sorted_contacts(location.contacts(aor.id)))
    return text


def transport_row(config: TransportConfig, indent: int, port: int | None = None) -> str:
    """One transport; ``port`` is the real one when the configured one was 0."""
    host, number = ("", 0) if config.bind is None else (config.bind.host, config.bind.port)
    if port is not None and not number:
        number = port
    return (
        f"{'':{indent}}Transport:  {config.id:22} {config.protocol:>6}  {config.cos:>5}  {config.tos:>5}"
        f"  {format_host_port(host, number or 5060)}\n"
    )


def _cidr(network: Network | None) -> str:
    return "" if network is None else network.with_prefixlen


def identify_rows(identify: Identify, indent: int) -> str:
    """One identify object with its criteria."""
    text = f"{'':{indent}}Identify:  {identify.id}/{identify.endpoint}\n"
    inner = " " * (indent + 5)
    for match in identify.match:
        address = match.host if match.network is None else _cidr(match.network)
        text += f"{inner}Match: {address}{f':{match.port}' if match.port else ''}\n"
    for header in identify.match_header:
        text += f"{inner[:-1]}Header: {header}\n"
    if identify.match_request_uri:
        text += f"{inner[:-5]}RequestURI: {identify.match_request_uri}\n"
    return text


def endpoint_row(server: ShowServer, endpoint: Endpoint) -> str:
    """The first line of an endpoint."""
    device = device_of(endpoint)
    name = f"{endpoint.id}/{endpoint.callerid.number}" if endpoint.callerid.number else endpoint.id
    count = len(server.pbx.channels.of_device(device))
    limit = str(endpoint.device_state_busy_at) if endpoint.device_state_busy_at else "inf"
    return f" Endpoint:  {name:52} {device_word(server, endpoint):12}  {count} of {limit}\n"


def device_word(server: ShowServer, endpoint: Endpoint) -> str:
    """The endpoint's device state; without a channel driver, whether it can be reached."""
    if server.pbx.technologies.get(endpoint.habits.technology) is not None:
        return STATE_WORDS[server.pbx.device_states.get(device_of(endpoint))]
    return "Not in use" if server.sip.location.endpoint_available(endpoint) else "Unavailable"


def endpoint_rows(server: ShowServer, endpoint: Endpoint) -> str:
    """An endpoint with everything that belongs to it."""
    data = server.data
    text = endpoint_row(server, endpoint)
    text += _auth_rows(data, endpoint.auth, "     InAuth:  ")
    text += _auth_rows(data, endpoint.outbound_auth, "    OutAuth:  ")
    for name in endpoint.aors:
        aor = data.get(Aor, name)
        if isinstance(aor, Aor):
            text += aor_row(aor, 8, server.sip.location)
    config = data.get(TransportConfig, endpoint.transport) if endpoint.transport else None
    if isinstance(config, TransportConfig):
        text += transport_row(config, 2)
    for identify in data.find(Identify, "endpoint", endpoint.id):
        text += identify_rows(identify, 3)
    for channel in server.pbx.channels.of_device(device_of(endpoint)):
        text += _channel_rows(channel)
    return text


def _auth_rows(data: Data, names: Sequence[str], start: str) -> str:
    found = (data.get(Auth, name) for name in names)
    return "".join(f"{start}{auth.id}/{auth.username}\n" for auth in found if isinstance(auth, Auth))


def _channel_rows(channel: object) -> str:
    name = f"{getattr(channel, 'name', '')}/{getattr(channel, 'application', '')}"
    seconds = max(int(time.time() - getattr(channel, "created", time.time())), 0)
    state = STATE_NAMES[int(getattr(channel, "state", 0)) % len(STATE_NAMES)]
    duration = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    connected = str(getattr(channel, "connected", ""))
    return (
        f"    Channel: {name[:50]:50}  {state:12}  {duration:11}\n"
        f"        Exten: {getattr(channel, 'exten', ''):24}  CLCID: {connected}\n"
    )


def parameters(rows: Sequence[tuple[str, str]], indent: str = " ") -> str:
    """``ParameterName : ParameterValue``, the ruler as long as the longest line."""
    names = max([len("ParameterName"), *(len(name) for name, _ in rows)])
    values = max([len("ParameterValue"), *(len(value) for _, value in rows)])
    text = f"{indent}{'ParameterName':{names}} : ParameterValue\n{indent}{'=' * (names + 3 + values)}\n"
    return text + "".join(f"{indent}{name:{names}} : {value}\n" for name, value in rows)
