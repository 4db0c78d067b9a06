"""CURL and CURLOPT: pages of web servers."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote_to_bytes

from asterism.config.values import is_true
from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.functions import fetching, textfiles
from asterism.pbx.dialplan.functions.blocking import Blocking
from asterism.pbx.dialplan.functions.fetching import Fetch
from asterism.pbx.dialplan.functions.lists import as_hash
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer, waiting_function, waiting_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

Settings = dict[str, list[str]]
_KEY = "curl"
"""Where ``channel.data`` keeps a channel's settings."""
_MOST_VALUES = 100
_LONGEST = 8192
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,128})\s*:\s*(.*)\Z", re.DOTALL)
_NO_CHARSETS = frozenset(
    {
        "idna", "punycode", "raw-unicode-escape", "raw_unicode_escape", "undefined", "unicode-escape",
        "unicode_escape", "utf-7",
    }
)  # fmt: skip
"""Notations of Python and of host names, which no web page is written in."""

_DOCUMENTED = (
    ("cookie", "a cookie to send, name=value; each Set adds one"),
    ("conntimeout", "seconds that a connection may take"),
    ("dnstimeout", "seconds that a look-up of the server's name may take"),
    ("failurecodes", "statuses, separated by commas, that count as failures"),
    ("followlocation", "whether to go where a redirect leads; no by default"),
    ("hashcompat", "yes: of a response key1=value1&key2=value2, the values for HASH; legacy: a + in it is a blank"),
    ("header", "whether the head of the response is part of the result"),
    ("httpheader", "a header to send, Name: value; each Set adds one"),
    ("httptimeout", "seconds that the request may take altogether; 180 by default"),
    ("maxredirs", "how many redirects are followed; -1, the default, for 20"),
    ("proxy", "a proxy for HTTP: its name, or a URL"),
    ("proxyport", "its port"),
    ("proxytype", "http is the only one there is"),
    ("proxyuserpwd", "user:password at the proxy"),
    ("referer", "the header Referer"),
    ("ssl_verifyhost", "whether the server's certificate must have its name"),
    ("ssl_verifypeer", "whether the server's certificate must be trusted"),
    ("useragent", "the header User-Agent"),
    ("userpwd", "user:password at the server"),
)
_NAMES = frozenset(name for name, _ in _DOCUMENTED)
_SECONDS = ("conntimeout", "dnstimeout", "httptimeout")
_SEVERAL = ("cookie", "httpheader")


def _checked(name: str, value: str) -> str:
    """The value of an option. Raises :class:`FunctionError` for one that it cannot have."""
    text = value.strip()
    if len(text) > _LONGEST or any(one in text for one in "\r\n\0"):
        raise FunctionError(f"{name} is too long, or has line ends in it")
    if name in _SECONDS and text:
        _seconds(name, text)
    elif name in ("maxredirs", "proxyport") and text:
        if not re.fullmatch(r"-1|\d{1,5}", text):
            raise FunctionError(f"{name} is a number, not '{text}'")
    elif name == "proxytype" and text.lower() not in ("", "http"):
        raise FunctionError(f"there are no proxies of the type '{text}', only http")
    elif name == "httpheader" and text and not _HEADER.match(text):
        raise FunctionError(f"'{text}' is no header")
    elif name == "failurecodes" and text and not re.fullmatch(r"[\d\s,]+", text):
        raise FunctionError(f"'{text}' is no list of statuses")
    elif name == "hashcompat" and text.lower() not in ("", "yes", "no", "legacy", "true", "false", "1", "0"):
        raise FunctionError("hashcompat is yes, no or legacy")
    return text


def _seconds(name: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 86400:
        raise FunctionError(f"{name} is a number of seconds, not '{text}'")
    return found


class CurlFunctions(PbxModule):
    """Web pages in the dialplan."""

    name: ClassVar[str] = "func_curl"
    description: ClassVar[str] = "Pages of web servers in the dialplan"

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register the functions."""
        self._settings: Settings = {}
        self._blocking = Blocking("func_curl")
        self._agent = f"Asterism/{server.version}"
        server.owner.on_release(self._blocking.close)
        return super().load(server)

    @waiting_function(
        "CURL",
        Documentation(
            "Fetch a page of a web server, by HTTP or HTTPS.",
            "CURL(url[,post-data])",
            "Its body without the blanks and line ends at its end, at most 64 KiB; a larger one is cut off, which the "
            "log tells. Empty when there is no answer within CURLOPT(httptimeout). Set(CURL(url)=/path/file) puts the "
            "body into a file, at most 256 MiB. Other settings: CURLOPT. Manager clients and the like may not use it "
            "unless live_dangerously is set.",
            (
                Argument("url", "Without a scheme it is http.", True),
                Argument("post-data", "With it the request is a POST of a form; URIENCODE the values."),
            ),
            ("CURLOPT", "JSON_DECODE", "URIENCODE"),
        ),
        dangerous=True,
        effects=True,
        marks=True,
    )
    async def read(self, channel: Channel | None, args: str) -> str:
        """Fetch."""
        url, comma, post = args.partition(",")
        settings = self._of(channel)
        page = await fetching.read(self._fetch(settings, url, textfiles.octets(post) if comma else None))
        if page.cut:
            self.pbx.log.warning("CURL(%s): the answer has more than %d octets and is cut off", url, fetching.MAX_TEXT)
        body = _decoded(page.body, page.charset).rstrip()
        compatible = settings.get("hashcompat", [""])[-1].lower()
        if compatible in ("yes", "legacy", "true", "1"):
            return as_hash(self.pbx, needs_channel(channel), _pairs(body, compatible == "legacy"))
        if is_true(settings.get("header", [""])[-1]):
            body = page.head + body
        return self.pbx.dialplan.environment.foreign(body)

    @waiting_writer("CURL", dangerous=True)
    async def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Fetch into a file."""
        fetch = self._fetch(self._of(channel), args, None)
        await fetching.save(fetch, textfiles.path_of(value), self._blocking)

    @function(
        "CURLOPT",
        Documentation(
            "A setting of CURL on this channel.",
            "CURLOPT(key)",
            "Without a channel it is for all that have no own.",
            (Argument("key", "", True, _DOCUMENTED),),
            ("CURL", "HASH"),
        ),
        marks=True,
    )
    def read_option(self, channel: Channel | None, args: str) -> str:
        """What was set."""
        return ",".join(self._of(channel).get(_option(args), ()))

    @function_writer("CURLOPT")
    def write_option(self, channel: Channel | None, args: str, value: str) -> None:
        """Set, or add a cookie or header; an empty value takes it back."""
        name = _option(args)
        text = _checked(name, str(value))
        table: Settings = self._settings if channel is None else channel.data.setdefault(_KEY, {})
        if not text:
            table.pop(name, None)
        elif name not in _SEVERAL:
            table[name] = [text]
        elif len(table.get(name, ())) >= _MOST_VALUES:
            raise FunctionError(f"there are at most {_MOST_VALUES} of {name}")
        else:
            table.setdefault(name, []).append(text)

    def _of(self, channel: Channel | None) -> Settings:
        own: Settings = {} if channel is None else channel.data.get(_KEY, {})
        return {**self._settings, **own}

    def _fetch(self, settings: Settings, url: str, post: bytes | None) -> Fetch:
        last: Mapping[str, str] = {name: values[-1] for name, values in settings.items()}
        if not url.strip():
            raise FunctionError("it needs a URL")

        def flag(name: str, default: bool) -> bool:
            return is_true(last[name]) if name in last else default

        def seconds(name: str) -> float | None:
            return float(last.get(name, 0)) or None

        headers = [found.group(1, 2) for found in map(_HEADER.match, settings.get("httpheader", ())) if found]
        return Fetch(
            str(url).strip(),
            post,
            last.get("useragent", self._agent),
            tuple((name, value) for name, value in headers),
            tuple(settings.get("cookie", ())),
            last.get("referer", ""),
            last.get("userpwd", ""),
            flag("followlocation", False),
            int(last.get("maxredirs", -1)),
            seconds("httptimeout") or fetching.TIMEOUT,
            seconds("conntimeout"),
            seconds("dnstimeout"),
            _proxy(last),
            last.get("proxyuserpwd", ""),
            flag("ssl_verifypeer", True),
            flag("ssl_verifyhost", True),
            frozenset(int(one[:4]) for one in re.findall(r"\d+", last.get("failurecodes", ""))),
        )


def _option(args: str) -> str:
    name = args.strip().lower()
    if name not in _NAMES:
        raise FunctionError(f"'{args}' is no setting of CURL")
    return name


def _proxy(last: Mapping[str, str]) -> str:
    found = last.get("proxy", "")
    if not found:
        return ""
    if "://" not in found:
        found = f"http://{found}"
    port = last.get("proxyport", "")
    return f"{found}:{port}" if port and not re.search(r":\d+/?\Z", found) else found


def _decoded(body: bytes, charset: str) -> str:
    body = body.replace(b"\0", b"")
    with suppress(UnicodeError, LookupError, ValueError):  # a name with NUL in it is a ValueError
        if codecs.lookup(charset).name not in _NO_CHARSETS:
            return textfiles.clean(body.decode(charset))
    return textfiles.text(body)


def _pairs(body: str, legacy: bool) -> list[tuple[str, str]]:
    """The fields of ``key1=value1&key2=value2``."""

    def decode(text: str) -> str:
        return textfiles.text(unquote_to_bytes(text.replace("+", " ") if legacy else text))

    fields = [one.partition("=") for one in body.split("&") if one]
    return [(decode(name), decode(value)) for name, _, value in fields]
