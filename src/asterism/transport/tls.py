"""SIP over TLS: the TCP connection with a :class:`ssl.SSLObject` between it and the stream."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from asterism.certificates import choose_by_name
from asterism.stack.uri import format_host_port
from asterism.transport.errors import BindError
from asterism.transport.settings import TlsSettings
from asterism.transport.tcp import TcpFlow, TcpTransport

if TYPE_CHECKING:
    import asyncio
    import logging

    from asterism.stack.timers import TimerQueue
    from asterism.transport.base import Receive
    from asterism.transport.settings import TransportSettings

_CHUNK = 65_536
_METHODS = {
    "tlsv1": ssl.TLSVersion.TLSv1,
    "tlsv1_1": ssl.TLSVersion.TLSv1_1,
    "tlsv1_2": ssl.TLSVersion.TLSv1_2,
    "tlsv1_3": ssl.TLSVersion.TLSv1_3,
}


class TlsFlow(TcpFlow):
    """One TLS connection."""

    __slots__ = ("_handshaken", "_incoming", "_outgoing", "_started_at", "_tls")

    PROTOCOL = "TLS"

    _owner: TlsTransport

    def __init__(self, tcp: TlsTransport, remote: tuple[str, int], *, accepted: bool, server_name: str = "") -> None:
        super().__init__(tcp, remote, accepted=accepted, server_name=server_name)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._handshaken = False
        self._started_at = 0.0
        self._tls: ssl.SSLObject | None = None
        """Made when there is something to say: a peer that only connects costs no more than over TCP."""

    def _session(self) -> ssl.SSLObject:
        tls = self._tls
        if tls is None:
            owner = self._owner
            incoming, outgoing = self._incoming, self._outgoing
            if self._accepted:
                tls = owner.server_context.wrap_bio(incoming, outgoing, server_side=True)
            else:
                host = self.remote[0]
                try:
                    tls = owner.client_context.wrap_bio(incoming, outgoing, server_hostname=self.server_name or host)
                except ValueError:
                    # No host name can look like this; the address stands in, which no certificate matches by accident.
                    tls = owner.client_context.wrap_bio(incoming, outgoing, server_hostname=host)
            self._tls = tls
        return tls

    def close(self, error: Exception | None = None) -> None:
        """Close with a TLS goodbye if in good order; see the base class."""
        if not self.closed and error is None and self._handshaken:
            # The peer's goodbye has not come, which raises; ours is in the buffer.
            with suppress(ssl.SSLError, ValueError):
                self._session().unwrap()
            if self._wire is not None and not self._wire.is_closing():
                self._wire.write(self._outgoing.read())
        super().close(error)

    def data_received(self, data: bytes) -> None:
        """Encrypted bytes came."""
        self._last_seen = self._owner.timers.clock()
        self._incoming.write(data)
        try:
            if not self._handshaken:
                self._shake_hands()
            if self._handshaken:
                self._decrypt()
        except (ssl.SSLError, OSError, ValueError) as error:
            self._flush()
            self.close(ConnectionError(f"TLS: {error}"))

    def _start(self) -> None:
        self._started_at = self._last_seen
        self._watch()
        if not self._accepted:
            try:
                self._shake_hands()
            except (ssl.SSLError, OSError, ValueError) as error:
                self.close(ConnectionError(f"TLS: {error}"))

    def _shake_hands(self) -> None:
        try:
            self._session().do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        if not self._accepted:
            check_wildcard(self._session().getpeercert(), self._owner.settings.tls, self.server_name or self.remote[0])
        self._handshaken = True
        self._flush()
        super()._start()

    def _decrypt(self) -> None:
        tls = self._session()
        while not self.closed:
            try:
                data = tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                self.close()
                return
            self._take(data)
        self._flush()

    def _send(self, data: bytes) -> None:
        if not self._handshaken:
            if sum(map(len, self._pending)) + len(data) > self._owner.settings.write_buffer:
                self.close(ConnectionError("too much to send before the connection stood"))
            else:
                self._pending.append(data)
            return
        try:
            self._session().write(data)
        except ssl.SSLError as error:
            self.close(ConnectionError(f"TLS: {error}"))
            return
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and not self.closed:
            super()._send(self._outgoing.read())

    def _deadline(self) -> float:
        if not self._handshaken:
            return self._started_at + self._owner.settings.handshake_timeout
        return super()._deadline()


class TlsTransport(TcpTransport):
    """A TLS listener and its connections.

    Raises:
        BindError: the address cannot be had, or the certificates are not usable.
    """

    __slots__ = ("client_context", "server_context")

    def __init__(
        self,
        settings: TransportSettings,
        loop: asyncio.AbstractEventLoop,
        receive: Receive,
        timers: TimerQueue,
        log: logging.Logger,
    ) -> None:
        self.server_context, self.client_context = make_contexts(settings)
        super().__init__(settings, loop, receive, timers, log)

    def reload_certificates(self) -> None:
        """Read the files again, for the connections to come; those that stand go on.

        Raises:
            BindError: the files are not usable; nothing has changed.
        """
        self.server_context, self.client_context = make_contexts(self.settings)

    def update(self, settings: TransportSettings) -> None:
        """Take other settings of the same address; see the base class."""
        self.server_context, self.client_context = make_contexts(settings)
        super().update(settings)

    def _new_flow(self, remote: tuple[str, int], *, accepted: bool, server_name: str = "") -> TcpFlow:
        return TlsFlow(self, remote, accepted=accepted, server_name=server_name)


def check_wildcard(certificate: dict[str, Any] | None, tls: TlsSettings | None, name: str) -> None:
    """Refuse a server whose certificate holds its name as ``*.domain`` only, where that is not allowed.

    Raises:
        ConnectionError: it is so.
    """
    if tls is None or tls.allow_wildcards or not tls.verify_server or not certificate:
        return
    names = [str(value).lower() for _, value in certificate.get("subjectAltName", ())]
    if name.lower() not in names and any(each.startswith("*.") for each in names):
        raise ConnectionError(f"the certificate names '{name}' by a wildcard only (allow_wildcard_certs=no)")


def _explain(error: Exception, files: list[str]) -> str:
    """Describe an error: OpenSSL names neither the file nor, when its format is wrong, the reason."""
    if isinstance(error, ssl.SSLError):
        # Python raises some itself (no cipher), without the attributes that OpenSSL's have.
        reason = getattr(error, "reason", None)
        if reason == "KEY_VALUES_MISMATCH":
            return "the private key is not that of the certificate"
        return str(error) if reason or "PEM lib" not in str(error) else "a file holds no certificate or key in PEM"
    if isinstance(error, OSError):
        absent = next((file for file in files if file and not os.access(file, os.R_OK)), "")
        return f"'{absent}': {error.strerror or error}" if absent else error.strerror or str(error)
    return f"{error} is not known" if isinstance(error, KeyError) else str(error)


def make_contexts(settings: TransportSettings) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and the client's context of a section.

    Raises:
        BindError: a file cannot be read or does not fit, or an option has an unknown value.
    """
    tls = settings.tls or TlsSettings()
    server = _server_context(tls)
    others = [(cert_file, key_file, _server_context(tls)) for cert_file, key_file in tls.sni_certs]
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = tls.verify_server
    client.verify_mode = ssl.CERT_REQUIRED if tls.verify_server else ssl.CERT_NONE
    wrong = "cert_file"
    try:
        if not tls.cert_file:
            raise ValueError("a certificate is needed")
        own = (tls.cert_file, tls.priv_key_file)
        for cert_file, key_file, context in ((*own, server), (*own, client), *others):
            wrong = "cert_file" if context in (server, client) else "sni_cert"
            context.load_cert_chain(cert_file, key_file or None, password=tls.password.encode)
            wrong = "ca_list_file"
            if tls.ca_list_file or tls.ca_list_path:
                context.load_verify_locations(tls.ca_list_file or None, tls.ca_list_path or None)
            elif tls.verify_server and context is client:
                context.load_default_certs()
            wrong = "cipher"
            # Those of TLS 1.3 are not the library's to choose from here; they are all good.
            older = ":".join(name for name in tls.cipher.split(":") if not name.startswith("TLS_"))
            if older:
                context.set_ciphers(older)
            wrong = "method"
            if tls.method:
                context.minimum_version = _METHODS[tls.method.lower()]
        wrong = "sni_cert"
        choose_by_name(server, tls.cert_file, [(cert_file, context) for cert_file, _, context in others])
    except (OSError, ValueError, KeyError) as error:
        address = format_host_port(settings.host, settings.port)
        sni_files = [file for names in tls.sni_certs for file in names]
        named = {
            "cert_file": [tls.cert_file, tls.priv_key_file],
            "ca_list_file": [tls.ca_list_file, tls.ca_list_path],
            "sni_cert": sni_files,
        }
        reason = _explain(error, named.get(wrong, []))
        raise BindError(settings.name, settings.protocol, address, f"{wrong}: {reason}") from error
    return server, client


def _server_context(tls: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls.require_client_cert:
        context.verify_mode = ssl.CERT_REQUIRED
    elif tls.verify_client:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
