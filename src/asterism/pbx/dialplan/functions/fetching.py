"""HTTP requests of the function CURL: bounded in time, in what is read and in redirects."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import ssl
import stat
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

from asterism.pbx.vocabulary.flow import FunctionError

if TYPE_CHECKING:
    import aiohttp

    from asterism.pbx.dialplan.functions.blocking import Blocking

MAX_TEXT = 65536
"""Octets of a body that is read into the dialplan."""
MAX_FILE = 256 * 1024 * 1024
"""Octets of a body that is put into a file."""
MOST_REDIRECTS = 20
TIMEOUT = 180.0
"""Seconds that a request may take altogether, unless ``httptimeout`` says otherwise."""
_PIECE = 1024 * 1024


@dataclass(slots=True)
class Fetch:
    """One request, with the settings of ``CURLOPT``; times in seconds, ``None`` for no limit but ``timeout``."""

    url: str
    post: bytes | None = None
    user_agent: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[str, ...] = ()
    referer: str = ""
    user: str = ""
    follow: bool = False
    redirects: int = -1
    timeout: float = TIMEOUT
    connect_timeout: float | None = None
    dns_timeout: float | None = None
    proxy: str = ""
    proxy_user: str = ""
    verify: bool = True
    verify_host: bool = True
    failures: frozenset[int] = frozenset()


@dataclass(slots=True)
class Page:
    """What came: the head of the response as it was, its body, and whether there was more of it."""

    head: str
    body: bytes
    charset: str
    cut: bool = False


async def read(fetch: Fetch) -> Page:
    """The response, with :data:`MAX_TEXT` octets of its body at most. Raises :class:`FunctionError`."""
    async with _response(fetch) as response:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > MAX_TEXT:
                break
        return Page(_head(response), bytes(body[:MAX_TEXT]), response.charset or "utf-8", len(body) > MAX_TEXT)


async def save(fetch: Fetch, path: str, blocking: Blocking) -> None:
    """Put the body into a file, which is there as a whole or as it was. Raises :class:`FunctionError`."""
    async with _response(fetch) as response:
        file, part = await blocking.run(_begin, path)
        try:
            size = 0
            async for piece in response.content.iter_chunked(_PIECE):
                size += len(piece)
                if size > MAX_FILE:
                    raise FunctionError(f"there is more than {MAX_FILE} octets of it")
                await blocking.run(file.write, piece)
            await blocking.run(_end, file, part, path)
        except BaseException:
            file.close()
            with suppress(OSError):
                os.unlink(part)
            raise


def _begin(path: str) -> tuple[BinaryIO, str]:
    if os.path.lexists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        raise FunctionError(f"'{path}' is no regular file")
    part = os.path.join(os.path.dirname(path) or ".", f".curl-{secrets.token_hex(8)}")
    # Not by mkstemp: it gets the mode that any file of the process gets.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    return os.fdopen(descriptor, "wb"), part


def _end(file: BinaryIO, part: str, path: str) -> None:
    file.close()
    os.replace(part, path)


def _head(response: aiohttp.ClientResponse) -> str:
    version = response.version
    numbers = "1.1" if version is None else f"{version.major}.{version.minor}"
    lines = [f"HTTP/{numbers} {response.status} {response.reason or ''}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join((*lines, "", ""))


def _url(text: str) -> Any:
    from yarl import URL

    if any(ord(one) < 33 or one == "\x7f" for one in text):
        raise FunctionError("there are blanks or control characters in the URL")
    if "://" not in text:
        text = f"http://{text}"
    try:
        url = URL(text, encoded=text.isascii())
        known = url.scheme in ("http", "https") and bool(url.host)
    except ValueError as error:
        raise FunctionError(f"this is no URL: {error}") from None
    if not known:
        raise FunctionError("only http and https can be fetched")
    return url


@asynccontextmanager
async def _response(fetch: Fetch) -> AsyncIterator[aiohttp.ClientResponse]:
    # In a thread: it takes too long for the loop, and a server whose dialplan fetches nothing never needs it.
    await asyncio.to_thread(import_module, "aiohttp")
    import aiohttp

    url = _url(fetch.url)
    secure = url.scheme == "https"
    tunnel = secure and bool(fetch.proxy_user)
    allowed = MOST_REDIRECTS if fetch.redirects < 0 else min(fetch.redirects, MOST_REDIRECTS)
    try:
        trust = await asyncio.to_thread(_trust, fetch)  # it may read all certificates
        connector = aiohttp.TCPConnector(force_close=True, ssl=trust, resolver=_resolver(fetch.dns_timeout))
        limits = aiohttp.ClientTimeout(total=fetch.timeout, sock_connect=fetch.connect_timeout)
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=limits, cookie_jar=aiohttp.DummyCookieJar(), max_line_size=65536,
                max_field_size=65536,
            ) as session,
            session.request(
                "GET" if fetch.post is None else "POST", url, data=fetch.post, headers=_headers(fetch, secure),
                allow_redirects=fetch.follow and allowed > 0, max_redirects=allowed + 1, proxy=fetch.proxy or None,
                proxy_headers={"Proxy-Authorization": _basic(fetch.proxy_user)} if tunnel else None,
            ) as response,
        ):  # fmt: skip
            if fetch.follow and not allowed and response.status in (301, 302, 303, 307, 308):
                raise FunctionError("it leads elsewhere, and no redirect is allowed")
            if response.status in fetch.failures:
                raise FunctionError(f"the answer is {response.status} {response.reason or ''}".rstrip())
            yield response
    except TimeoutError as error:
        raise FunctionError(str(error) or f"no whole answer within {fetch.timeout:g} s") from None
    except aiohttp.TooManyRedirects:
        raise FunctionError(f"it leads elsewhere more than {allowed} times") from None
    except (aiohttp.ClientError, OSError, ValueError, ssl.SSLError) as error:
        raise FunctionError(_told(error)) from None


def _told(error: Exception) -> str:
    """What went wrong, without the insides of the library's text where the system says it better."""
    import aiohttp

    if type(error) is aiohttp.ClientConnectorError and (error.os_error.errno or 0) > 0:
        return f"cannot connect to {error.host}, port {error.port}: {os.strerror(error.os_error.errno or 0)}"
    return f"{type(error).__name__}: {str(error)[:300]}"


def _headers(fetch: Fetch, secure: bool) -> list[tuple[str, str]]:
    headers = list(fetch.headers)
    given = {name.lower() for name, _ in headers}
    for name, value in (
        ("User-Agent", fetch.user_agent),
        ("Accept", "*/*"),
        ("Referer", fetch.referer),
        ("Cookie", "; ".join(fetch.cookies)),
        ("Authorization", _basic(fetch.user)),
        ("Proxy-Authorization", _basic(fetch.proxy_user) if fetch.proxy and not secure else ""),
        ("Content-Type", "" if fetch.post is None else "application/x-www-form-urlencoded"),
    ):
        if value and name.lower() not in given:
            headers.append((name, value))
    return headers


def _basic(text: str) -> str:
    """Credentials ``user:password`` as a header has them (RFC 7617)."""
    user, _, password = text.partition(":")
    return f"Basic {b64encode(f'{user}:{password}'.encode('utf-8', 'surrogateescape')).decode()}" if text else ""


def _trust(fetch: Fetch) -> ssl.SSLContext | bool:
    if not fetch.verify:
        return False
    if fetch.verify_host:
        return True
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


def _resolver(limit: float | None) -> Any:
    import aiohttp

    if limit is None:
        return None

    class Resolver(aiohttp.ThreadedResolver):
        """The system's resolver, for a limited time."""

        async def resolve(self, *args: Any, **kwargs: Any) -> Any:
            """Resolve a name."""
            try:
                async with asyncio.timeout(limit):
                    return await super().resolve(*args, **kwargs)
            except TimeoutError:
                raise OSError(errno.ETIMEDOUT, f"the name could not be resolved within {limit:g} s") from None

    return Resolver()
