"""What all DTLS agents of a server share: certificates, contexts of OpenSSL, and the threads that do the arithmetic."""

from __future__ import annotations

import asyncio
import datetime
import hmac
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from OpenSSL import SSL, crypto

from asterism.core.identifiers import RandomBytes
from asterism.media.transports.association import DTLS_1_2, PROFILES, Association, cookie_of
from asterism.media.transports.certificates import OwnCertificate, expires, load_certificate, make_certificate

Result = TypeVar("Result")

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!SHA384+AES:!aNULL"
"""Forward secrecy only; those that RFC 8827 6.5 demands are among them."""
_RENEWED = datetime.timedelta(days=10)
"""For how long a certificate that we have made is valid at least when a session begins with it."""
_THREADS = 2
_CACHED = 64
"""Contexts and certificates of files that are kept."""


@dataclass(frozen=True, slots=True)
class DtlsSettings:
    """How the DTLS of a session is to be: the ``dtls_*`` options of an endpoint."""

    verify: str = "fingerprint"
    """``no``, ``fingerprint``, ``certificate`` (by the authorities of ``ca_file`` and ``ca_path``) or ``yes``: both."""
    cert_file: str = ""
    """Our certificate, perhaps with its chain and its key; empty: one that the server has made."""
    private_key: str = ""
    """Its key's file; empty: the certificate's file holds it."""
    cipher: str = ""
    """OpenSSL's list of ciphers; empty: those with forward secrecy."""
    ca_file: str = ""
    ca_path: str = ""
    auto_generate: bool = False
    """Make a certificate for every session, whatever ``cert_file`` says."""
    rekey: int = 0
    """Seconds after which the client begins a new association; 0: never."""
    fingerprint: str = "sha-256"
    """Hash function of the fingerprint that we tell: ``sha-256`` or ``sha-1``."""
    mtu: int = 1200
    """Octets of the largest datagram of a handshake (``dtls_mtu``)."""
    suites: tuple[str, ...] = ("AES_CM_128_HMAC_SHA1_80",)
    """SRTP's suites that are offered and accepted, the best first, named as ``a=crypto`` has them."""

    @property
    def verifies_fingerprint(self) -> bool:
        """Whether the peer's certificate must be the one that its description stands for."""
        return self.verify in ("fingerprint", "yes")

    @property
    def verifies_certificate(self) -> bool:
        """Whether an authority must vouch for the peer's certificate."""
        return self.verify in ("certificate", "yes")


class DtlsServer:
    """Certificates, contexts and threads; made with the server, at work from the first agent on.

    Args:
        log: where warnings go.
        executor: does the steps of handshakes; ``None``: two threads, from the first step on.
    """

    def __init__(self, log: logging.Logger, executor: Executor | None = None) -> None:
        self.log = log
        self._executor = executor
        self._secret = RandomBytes().take(32)
        self._own: OwnCertificate | None = None
        self._contexts: OrderedDict[tuple[object, ...], SSL.Context] = OrderedDict()
        self._stores: OrderedDict[tuple[object, ...], crypto.X509Store] = OrderedDict()
        self._loaded: OrderedDict[tuple[object, ...], OwnCertificate] = OrderedDict()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the agents run on."""
        return asyncio.get_running_loop()

    def certificate(self, settings: DtlsSettings) -> OwnCertificate:
        """The certificate of a new session: made for it, of its files as they are now, or the server's own.

        Raises:
            OSError: a file cannot be read.
            ValueError: a file is of no use.
        """
        if settings.auto_generate:
            return make_certificate()
        if settings.cert_file:
            files = (settings.cert_file, settings.private_key)
            return _cached(self._loaded, (*files, *_stamps(*files)), lambda: load_certificate(*files))
        if self._own is None or expires(self._own) < _RENEWED:
            self._own = make_certificate()
        return self._own

    def context(self, settings: DtlsSettings, certificate: OwnCertificate) -> SSL.Context:
        """OpenSSL's context for sessions of these settings.

        Raises:
            ValueError: OpenSSL knows no such ciphers, or a suite is none of DTLS.
        """
        # It has the certificate, unless that is of one session only: giving it is a third of a handshake's work.
        shared = None if settings.auto_generate else certificate
        key = (settings.cipher, settings.suites, settings.verify == "no", shared)
        return _cached(self._contexts, key, lambda: self._make_context(settings, shared))

    def association(
        self, settings: DtlsSettings, context: SSL.Context, own: OwnCertificate, *, active: bool
    ) -> Association:
        """An association in one role.

        Raises:
            OSError: the authorities' file cannot be read.
            ValueError: it is of no use.
        """
        trusted = self.authorities(settings) if settings.verifies_certificate else None
        return Association(context, own if settings.auto_generate else None, active, settings.mtu, trusted)

    def check(self, settings: DtlsSettings) -> None:
        """Find out whether the files and lists of the settings are of any use.

        Raises:
            OSError: a file cannot be read.
            ValueError: a file or an option is of no use.
        """
        self.context(settings, self.certificate(settings))
        if settings.verifies_certificate:
            self.authorities(settings)

    def run(self, step: Callable[[], Result], done: Callable[[Result], None], broken: Result) -> None:
        """Have a thread do ``step``, and the loop do ``done`` with what it returns; with ``broken`` where it raises."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(_THREADS, "dtls")
        loop = self.loop

        def work() -> None:
            result = broken
            try:
                result = step()
            except Exception:
                self.log.exception("a step of a DTLS handshake failed")
            try:
                loop.call_soon_threadsafe(done, result)
            except RuntimeError:
                # The server has ended meanwhile, and its loop with it.
                return

        self._executor.submit(work)

    def close(self) -> None:
        """Let go of the threads; a later agent begins with new ones."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _make_context(self, settings: DtlsSettings, certificate: OwnCertificate | None) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_METHOD)
        # 1.0 has no safe cipher any more (RFC 8996); 1.3 has another form of records than the one read here.
        context.set_min_proto_version(DTLS_1_2)
        context.set_max_proto_version(DTLS_1_2)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        mode = SSL.VERIFY_PEER
        if settings.verify != "no":
            mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        # Only when the handshake has ended is a certificate proved to be the peer's: it is judged then.
        context.set_verify(mode, lambda *_: True)
        try:
            context.set_cipher_list((settings.cipher or _CIPHERS).encode())
            context.set_tlsext_use_srtp(b":".join(PROFILES[suite][0] for suite in settings.suites))
        except SSL.Error as error:
            raise ValueError(f"OpenSSL does not know the ciphers {settings.cipher!r}") from error
        except KeyError as error:
            raise ValueError(f"{error.args[0]} is no suite of DTLS-SRTP") from error
        secret = self._secret

        def cookie(connection: SSL.Connection) -> bytes:
            return cookie_of(secret, connection.get_app_data())

        context.set_cookie_generate_callback(cookie)
        context.set_cookie_verify_callback(
            lambda connection, returned: hmac.compare_digest(returned, cookie(connection))
        )
        if certificate is not None:
            context.use_certificate(certificate.certificate)
            context.use_privatekey(certificate.key)
            for authority in certificate.chain:
                context.add_extra_chain_cert(authority)
        return context

    def authorities(self, settings: DtlsSettings) -> crypto.X509Store:
        """Those whose word for a peer's certificate counts.

        Raises:
            ValueError: there are none, or a file is of no use.
        """
        if not (settings.ca_file or settings.ca_path):
            raise ValueError("dtls_verify wants the certificate verified, and there is no dtls_ca_file or dtls_ca_path")

        def load() -> crypto.X509Store:
            store = crypto.X509Store()
            try:
                store.load_locations(settings.ca_file or None, settings.ca_path or None)
            except crypto.Error as error:
                raise ValueError(f"no authorities in {settings.ca_file} {settings.ca_path}".rstrip()) from error
            return store

        files = (settings.ca_file, settings.ca_path)
        return _cached(self._stores, (*files, *_stamps(*files)), load)


def _stamps(*files: str) -> tuple[tuple[int, int], ...]:
    """What changes when a file does.

    Raises:
        OSError: one cannot be read.
    """
    states = (Path(file).stat() for file in files if file)
    return tuple((state.st_mtime_ns, state.st_size) for state in states)


def _cached(
    cache: OrderedDict[tuple[object, ...], Result], key: tuple[object, ...], make: Callable[[], Result]
) -> Result:
    """What was made for ``key``, now or before; the longest unused makes room."""
    found = cache.get(key)
    if found is None:
        found = cache[key] = make()
        if len(cache) > _CACHED:
            cache.popitem(last=False)
    cache.move_to_end(key)
    return found
