"""``sip explain``: what would happen to a request, told on the console."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.hostport import split_host_port
from asterism.sip.explain import DescribedFlow
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.sip.server import SipServer

_LARGEST = 65_536


class SipExplain(Module):
    """Tells what would happen to a request."""

    name = "sip_explain"
    part_of = ("res_pjsip",)
    requires = ("res_pjsip",)
    description = "Console command that explains what would happen to a SIP request"

    server: SipServer

    def load(self, server: SipServer) -> None:
        """Register the command."""
        self.server = server
        server.register_marked(self)

    @command(
        "sip explain",
        Documentation(
            "Tell what would happen to a request, and why.",
            "sip explain <method> <request-uri> from <from-uri> [source <host>[:<port>]]\n"
            "sip explain message <line>... [source <host>[:<port>]]\n"
            "sip explain file <file> [source <host>[:<port>]]",
            "Runs every check that the request would meet, without changing or sending anything. The request is"
            " described, or given as it is: line by line, each in quotes, or in a file. Where credentials would be"
            " asked for, it also tells what the right ones lead to.",
            (
                Argument("method", "The request's method."),
                Argument("request-uri", "The URI in its first line."),
                Argument("from-uri", "The URI in its From header."),
                Argument("line", "One line of the message."),
                Argument("file", "A file with the message."),
                Argument("source", "Where it would come from; by default 127.0.0.1, or the topmost Via of a message."),
            ),
        ),
    )
    async def explain(self, call: CommandCall) -> str:
        """Explain a described request or a message."""
        words = list(call.args)
        source = ""
        if len(words) > 2 and words[-2] == "source":
            source = words[-1]
            del words[-2:]
        text: str | bytes
        if len(words) > 1 and words[0] == "message":
            text = "\n".join(words[1:])
        elif len(words) == 2 and words[0] == "file":
            text = _read(words[1])
        elif len(words) == 4 and words[2] == "from":
            text = _described(words[0].upper(), words[1], words[3], source or "127.0.0.1:5060")
        else:
            raise UsageError("a method, a request URI, 'from' and a From URI; or 'message' or 'file'")
        try:
            flow = None if not source else DescribedFlow("UDP", ("127.0.0.1", 5060), _address(source))
            return str(await self.server.sip.explain(text, flow))
        except (ParseError, TypeError, ValueError) as error:
            raise CommandError(f"The request cannot be explained: {error}\n") from error


def _address(text: str) -> tuple[str, int]:
    """Host and port of ``host[:port]``, IPv6 in brackets. Raises ``ValueError`` for a port that is none."""
    host, port = split_host_port(text)
    return host, 5060 if port is None else port


def _described(method: str, uri: str, sender: str, source: str) -> str:
    to = sender if method == "REGISTER" else uri
    return (
        f"{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {source};branch=z9hG4bKexplain;rport\n"
        f"Max-Forwards: 70\nFrom: <{sender}>;tag=explain\nTo: <{to}>\n"
        f"Call-ID: explain\nCSeq: 1 {method}\nContact: <{sender}>\nContent-Length: 0\n\n"
    )


def _read(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            data = file.read(_LARGEST)
    except OSError as error:
        raise CommandError(f"The file cannot be read: {error}\n") from error
    return data.decode("utf-8", "surrogateescape")
