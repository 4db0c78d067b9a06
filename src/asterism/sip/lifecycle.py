"""Starting and stopping the SIP core: settings taken from the objects, transports bound, the stack connected."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.certificates import split_pair
from asterism.hostport import split_host_port
from asterism.sip.objects.domain_alias import DomainAlias
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.objects.system import SystemSettings
from asterism.sip.objects.transport import TransportConfig
from asterism.stack.transactions import TimerConfig
from asterism.transport.errors import BindError
from asterism.transport.loop import TransportManager
from asterism.transport.settings import TlsSettings, TransportSettings
from asterism.transport.tls import TlsTransport

if TYPE_CHECKING:
    from asterism.data import Data
    from asterism.sip.core import SipCore
    from asterism.sip.state import SipState

OWN_PROTOCOLS = ("udp", "tcp", "tls")
_MANY_THREADS = 10_000
"""Stands for ``taskpool_max_size=0``, no limit: threads start one by one as work waits, and never reach this number."""
_NO_ADDRESSES: Mapping[str, str] = MappingProxyType({})
_TLS_OPTIONS = frozenset(("cert_file", "sni_cert", "ca_list_file", "cipher", "method"))


def apply_settings(core: SipCore) -> None:
    """Apply the options of ``[global]`` to the core's state."""
    settings = core.data.single(GlobalSettings)
    state = core.state
    state.user_agent = state.server_header = settings.user_agent or f"Asterism {state.version}"
    state.default_realm = settings.default_realm or "asterisk"
    state.default_from_user = settings.default_from_user or "asterisk"
    state.default_outbound_endpoint = settings.default_outbound_endpoint
    state.disable_multi_domain = settings.disable_multi_domain
    state.domain_aliases = core.data.objects(DomainAlias)
    state.ignore_uri_user_options = settings.ignore_uri_user_options
    state.max_forwards = min(settings.max_forwards, 255)
    state.auth_algorithms_uas = tuple(settings.default_auth_algorithms_uas) or ("MD5",)
    state.auth_algorithms_uac = tuple(settings.default_auth_algorithms_uac) or ("MD5",)
    state.auth_userhash = settings.auth_userhash
    state.check_digest_uri = settings.check_digest_uri
    state.allow_without_authenticator = settings.allow_without_authenticator
    state.tcp_switch = not core.data.single(SystemSettings).disable_tcp_switch
    state.symmetric = frozenset(item.id for item in core.data.all(TransportConfig) if item.symmetric_transport)
    state.compact_headers = core.data.single(SystemSettings).compact_headers
    state.auth_limited.clear()
    state.auth_limited.update(
        item.id for item in core.data.all(TransportConfig) if item.auth_timeout or item.auth_limit
    )
    core.overload.trigger = settings.taskprocessor_overload_trigger
    core.overload.update()
    core.identifiers.set_order(settings.endpoint_identifier_order)
    core.location.check_every(settings.contact_expiration_check_interval)
    core.location.status_on_refresh = settings.send_contact_status_on_update_registration


async def start(core: SipCore) -> list[str]:
    """Bind every transport and take up the stored contacts; returns why transports could not be had."""
    apply_settings(core)
    system = core.data.single(SystemSettings)
    core.servants.attach(asyncio.get_running_loop())
    core.servants.max_threads = system.taskpool_max_size or _MANY_THREADS
    timers = TimerConfig(t1=max(system.timer_t1, 1) / 1000, timer_b=system.timer_b / 1000)
    manager = TransportManager(core.distributor, timers, log=core.log)
    manager.layer.ask_rport = not system.disable_rport
    core.attach(manager.layer, manager)
    core.location.start(manager.timers)
    core.overload.start(manager.timers)
    core.flows.start()
    manager.keep_alive(core.data.single(GlobalSettings).keep_alive_interval)
    failures = []
    for config in core.data.all(TransportConfig):
        if config.protocol not in OWN_PROTOCOLS:
            continue
        try:
            await manager.bind(settings_of(config, core.data, core.state))
        except BindError as error:
            # The others serve on: one bad certificate must not end every call.
            failures.append(_bind_failure(config, error))
    return failures


def _bind_failure(config: TransportConfig, error: BindError) -> str:
    place = f"{config.position}: " if config.position is not None else ""
    option = error.reason.partition(":")[0]
    option = option if option in _TLS_OPTIONS else "bind"
    return f"{place}{error} (option '{option}')"


def external_address(config: TransportConfig) -> tuple[str, int]:
    """Host (without brackets) and port to show to peers outside ``local_net``; 0 is the port listened on."""
    host, port = split_host_port(config.external_signaling_address)
    return host, config.external_signaling_port if port is None else port


def settings_of(config: TransportConfig, data: Data, state: SipState | None = None) -> TransportSettings:
    """Settings for the transport layer of a ``transport`` object with a socket of its own.

    Args:
        config: the object.
        data: has all such objects: ``::`` serves IPv4 too, unless another of them has that port there. Names of files
            are looked up in its folder.
        state: what holds for all of them: addresses to tell in place of names, short header names.
    """
    assert config.bind is not None
    addresses = _NO_ADDRESSES if state is None else state.addresses
    tls = None
    if config.protocol == "tls":
        whole = data.files.whole
        method = config.method if config.method.startswith("tlsv1") else ""
        tls = TlsSettings(
            cert_file=whole(config.cert_file),
            priv_key_file=whole(config.priv_key_file),
            sni_certs=tuple((whole(cert), whole(key)) for cert, key in map(split_pair, config.sni_cert)),
            ca_list_file=whole(config.ca_list_file),
            ca_list_path=whole(config.ca_list_path),
            verify_server=config.verify_server,
            verify_client=config.verify_client,
            require_client_cert=config.require_client_cert,
            cipher=":".join(config.cipher),
            method=method,
            password=config.password,
            allow_wildcards=config.allow_wildcard_certs,
        )
    host, port = external_address(config)
    keepalive = None
    if config.tcp_keepalive_enable:
        keepalive = (
            config.tcp_keepalive_idle_time, config.tcp_keepalive_interval_time, config.tcp_keepalive_probe_count,
        )  # fmt: skip
    settings = TransportSettings(
        name=config.id,
        protocol=config.protocol,
        host=config.bind.host,
        port=config.bind.port,
        tos=config.tos,
        cos=config.cos,
        external_host=addresses.get(host, host),
        external_port=port,
        external_media_host=addresses.get(config.external_media_address, config.external_media_address),
        local_nets=config.local_net,
        compact_headers=state is not None and state.compact_headers,
        match_local_net=config.match_local_net,
        tls=tls,
        tcp_keepalive=keepalive,
        dual_stack=config.bind.host == "::"
        and not any(_takes_ipv4_port(config, other) for other in data.all(TransportConfig)),
    )
    return with_limits(settings, config)


def _takes_ipv4_port(config: TransportConfig, other: TransportConfig) -> bool:
    """Whether another object has a socket for IPv4 where one for both families would be in its way."""
    if other.bind is None or config.bind is None or other.protocol not in OWN_PROTOCOLS:
        return False
    same_kind = (other.protocol == "udp") is (config.protocol == "udp")
    return same_kind and other.bind.family == 4 and other.bind.port == config.bind.port != 0


def with_limits(settings: TransportSettings, config: TransportConfig) -> TransportSettings:
    """The settings with the limits of connections that a ``transport`` object sets."""
    return replace(
        settings,
        max_connections=config.max_connections,
        max_connections_per_address=config.max_connections_per_address,
        auth_timeout=config.auth_timeout,
        auth_limit=config.auth_limit,
        idle_timeout=config.idle_timeout,
        message_timeout=config.message_timeout,
        handshake_timeout=config.handshake_timeout,
        connect_timeout=config.connect_timeout,
    )


def tell_addresses(core: SipCore) -> None:
    """Have the transports tell their external addresses as ``core.state.addresses`` has them now."""
    addresses = core.state.addresses
    for config in core.data.all(TransportConfig):
        transport = core.transports.transports.get(config.id)
        if transport is None:
            continue
        host, media = external_address(config)[0], config.external_media_address
        present = transport.settings
        wanted = replace(
            present, external_host=addresses.get(host, host), external_media_host=addresses.get(media, media)
        )
        if wanted != present:
            transport.update(wanted)


async def reload(core: SipCore) -> None:
    """Take the settings again after the objects were read anew, and do what ``allow_reload`` allows."""
    apply_settings(core)
    core.location.index()
    if not core.started:
        return
    manager = core.transports
    manager.keep_alive(core.data.single(GlobalSettings).keep_alive_interval)
    for config in core.data.all(TransportConfig):
        if config.protocol not in OWN_PROTOCOLS:
            continue
        try:
            await _reload_transport(manager, config, core.data, core.state)
        except BindError as error:
            core.log.error("%s; what was there stays in use", _bind_failure(config, error))


async def _reload_transport(
    manager: TransportManager,
    config: TransportConfig,
    data: Data,
    state: SipState,
) -> None:
    """Bring one transport up to date: certificates always, the rest with ``allow_reload``."""
    transport = manager.transports.get(config.id)
    wanted = settings_of(config, data, state)
    if transport is None:
        await manager.bind(wanted)
        return
    present = transport.settings
    if (present.host, present.port) == (wanted.host, wanted.port):
        # Not to be changed in a socket that is bound.
        wanted = replace(wanted, dual_stack=present.dual_stack)
    if not config.allow_reload or present == wanted:
        if isinstance(transport, TlsTransport):
            transport.reload_certificates()
        return
    if (present.protocol, present.host, present.port) == (wanted.protocol, wanted.host, wanted.port):
        transport.update(wanted)
        return
    # The new address first: if it cannot be had, nothing has changed.
    manager.transports.pop(config.id)
    try:
        await manager.bind(wanted)
    except BindError:
        manager.transports[config.id] = transport
        raise
    transport.close()


async def stop(core: SipCore) -> None:
    """Stop timers and works and close the transports; harmless if the core never started."""
    core.sender.stop()
    core.overload.stop()
    if core.started:
        core.flows.stop()
    core.location.stop()
    core.servants.stop()
    if core.started:
        core.transports.close()
