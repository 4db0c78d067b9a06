"""``asterism demo``: make the configuration, check the ports, say what is there to try, and serve."""

from __future__ import annotations

import argparse
import errno
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.command.demo.configuration import (
    BROWSER_ACCOUNTS,
    EXTENSIONS,
    HTTP_PORT,
    HTTPS_PORT,
    MANAGER_HOST,
    Demo,
    create,
    read,
)
from asterism.core.errors import ConfigError
from asterism.hostport import format_host_port
from asterism.interfaces.console.protocol import SOCKET_NAME
from asterism.interfaces.console.sockets import is_live

if TYPE_CHECKING:
    from asterism.server.server import Server

ANY_HOST = "0.0.0.0"
SIP_PORT = 5060
MANAGER_PORT = 5038
_EPILOG = "The configuration is written on the first run and then kept: edit it, and it is used as you left it."


def run_demo(words: Sequence[str]) -> int:
    """Run ``asterism demo``; returns the exit status."""
    options = _parser().parse_args(words)
    folder = Path(options.folder)
    try:
        fresh = not (folder / "pjsip.conf").exists()
    except OSError as error:
        return _not_ours(error, folder)
    if not fresh and _contradicts(options, folder):
        print(
            f"asterism demo: {folder} exists already and is kept as it is; change the ports in {folder}/pjsip.conf,"
            f" {folder}/manager.conf and {folder}/http.conf, or choose another --folder.",
            file=sys.stderr,
        )
        return 2
    serves = not (options.call or options.answer)
    if fresh and not serves:
        print(f"asterism demo: there is no demo in {folder}; start one first: asterism demo", file=sys.stderr)
        return 1
    host, sip_port = options.host or ANY_HOST, options.sip_port or SIP_PORT
    manager_port = options.manager_port or MANAGER_PORT
    http_port, https_port = options.http_port or HTTP_PORT, options.https_port or HTTPS_PORT
    wanted = Demo(folder, host, sip_port, MANAGER_HOST, manager_port, "", {}, host, http_port, https_port)
    if fresh and _refused(wanted, fresh):
        return 1  # and nothing is written, so that the options count for the next try
    try:
        create(folder, host, sip_port, manager_port, http_port, https_port, (own_address(host),))
        demo = read(folder)
    except (ConfigError, OSError) as error:
        return _not_ours(error, folder)
    if not serves:
        from asterism.command.demo.phone import run_phone

        return run_phone(demo, caller=options.as_, call=options.call, answer=options.answer)
    return _serve(demo, fresh)


def _not_ours(error: Exception, folder: Path) -> int:
    """Say why the folder cannot be used, and what can be done when that is for want of permission."""
    text = str(error)
    if isinstance(error, OSError):
        text = f"cannot use '{error.filename or folder}': {error.strerror or error}"
    print(f"asterism demo: {text}", file=sys.stderr)
    refused = error if isinstance(error, OSError) else error.__cause__
    if isinstance(refused, OSError) and refused.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        print(
            "asterism demo: it belongs to somebody else, or is read-only. Have a demo of your own:"
            f' {shlex.quote(sys.argv[0])} demo --folder ~/demo, or make run ARGS="--folder ~/demo"',
            file=sys.stderr,
        )
    return 1


def _contradicts(options: argparse.Namespace, folder: Path) -> bool:
    """Whether options ask for something else than the configuration says.

    The same again is no contradiction: the command is given a second time, also by ``core restart now``.
    """
    given = (options.host, options.sip_port, options.manager_port, options.http_port, options.https_port)
    if not any(given):
        return False
    try:
        demo = read(folder)
    except (ConfigError, OSError):
        return False  # and is told when it is read to be used
    kept = (demo.host, demo.sip_port, demo.manager_port, demo.http_port, demo.https_port)
    return any(one is not None and one != other for one, other in zip(given, kept, strict=True))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asterism demo", description="Start a server on a demo configuration.", epilog=_EPILOG
    )
    parser.add_argument("--folder", default="demo", help="where the configuration is (default: ./demo)")
    parser.add_argument("--host", help="address to listen on for SIP (default: all; first run only)")
    parser.add_argument("--sip-port", type=int, help="UDP port for SIP (default: 5060; first run only)")
    parser.add_argument("--manager-port", type=int, help="TCP port of the manager (default: 5038; first run only)")
    parser.add_argument("--http-port", type=int, help="TCP port of the browser phone (default: 8088; first run only)")
    parser.add_argument("--https-port", type=int, help="the same with TLS (default: 8089; first run only)")
    parser.add_argument(
        "--call", metavar="NUMBER", help="be a phone: dial NUMBER on the running demo, say what was heard"
    )
    parser.add_argument("--answer", action="store_true", help="be a phone: register and answer calls with a tone")
    parser.add_argument("--as", dest="as_", metavar="ACCOUNT", default="", help="the account that such a phone uses")
    return parser


def _refused(demo: Demo, fresh: bool, running: Server | None = None) -> bool:
    """Whether a port is taken, after saying which; of a ``running`` server, whether it has not got one."""
    complaints = taken_ports(demo, fresh, running)
    for complaint in complaints:
        print(f"asterism demo: {complaint}", file=sys.stderr)
    return bool(complaints)


def _serve(demo: Demo, fresh: bool) -> int:
    from asterism.command.run import serve
    from asterism.config.asterisk_conf import AsteriskConf

    conf = AsteriskConf.load(demo.conf_path)
    if is_live(str(conf.directories.run / SOCKET_NAME)):
        console = f"{shlex.quote(sys.argv[0])} -C {shlex.quote(str(demo.conf_path))}"
        print(
            f"asterism demo: the demo of {demo.folder} runs already. Its console: {console} -r;"
            f' to stop it: {console} -rx "core stop now"',
            file=sys.stderr,
        )
        return 1
    if _refused(demo, fresh):
        return 1

    complete = True

    def ready(server: Server) -> None:
        nonlocal complete
        # Somebody else may have taken a port since it was found free.
        complete = not _refused(demo, False, server)
        if complete:
            print(introduction(demo, fresh), flush=True)
        else:
            server.request_stop()

    status = serve(conf, ready=ready)
    return status if complete else 1


def _not_listening(server: Server) -> set[str]:
    """The options of the ports that the server was to listen on, and could not open."""
    from asterism.interfaces.http.module import HttpModule
    from asterism.interfaces.manager.module import ManagerModule

    missing = set()
    if server.modules.is_loaded("res_pjsip"):
        bound = server.sip.transports.transports.values()
        missing |= {"--sip-port"} if all(transport.settings.protocol != "udp" for transport in bound) else set()
    for known in server.modules.known():
        module = known.instance
        if isinstance(module, ManagerModule):
            missing |= {"--manager-port"} if module.settings.enabled and module.address is None else set()
        elif isinstance(module, HttpModule) and module.settings.enabled:
            missing |= {"--http-port"} if module.address is None else set()
            missing |= {"--https-port"} if module.settings.tlsenable and module.tls_address is None else set()
    return missing


def taken_ports(demo: Demo, fresh: bool, running: Server | None = None) -> list[str]:
    """Messages on ports in use: where each can be changed, and a command with free ones; empty if all are free.

    ``fresh`` for a demo whose files are not written yet: options decide still. With a ``running`` server those count
    that it was to have and has not.
    """
    udp, tcp = socket.SOCK_DGRAM, socket.SOCK_STREAM
    wanted = (
        (udp, "UDP", demo.host, demo.sip_port, "'bind' in [transport-udp] of pjsip.conf", "--sip-port", SIP_PORT),
        (tcp, "TCP", demo.manager_host, demo.manager_port, "'port' in [general] of manager.conf", "--manager-port",
         MANAGER_PORT),
        (tcp, "TCP", demo.http_host, demo.http_port, "'bindport' in http.conf", "--http-port", HTTP_PORT),
        (tcp, "TCP", demo.http_host, demo.https_port, "'tlsbindaddr' in http.conf", "--https-port", HTTPS_PORT),
    )  # fmt: skip
    missing = None if running is None else _not_listening(running)
    complaints = []
    options = [] if demo.host == ANY_HOST else [f"--host {demo.host}"]
    for kind, name, host, port, where, flag, default in wanted:
        if not port:
            continue  # nothing is to listen there
        if missing is None:
            reason = _why_not(kind, host, port)
        else:
            reason = _why_not(kind, host, port) or "it was in use" if flag in missing else ""
        chosen = port
        if reason:
            complaint = f"{name} port {port} on {host} cannot be used ({reason})."
            complaints.append(complaint if fresh else f"{complaint} Change {where} in {demo.folder}.")
            chosen = next((port + step for step in range(10, 100, 10) if not _why_not(kind, host, port + step)), port)
        if chosen != default:
            options.append(f"{flag} {chosen}")
    if complaints:
        # One command with all that is needed: an advice for each alone would meet the next.
        folder = str(demo.folder)
        if not fresh:
            folder = "demo2" if folder != "demo2" else "demo3"
        if folder != "demo":
            options.insert(0, f"--folder {shlex.quote(folder)}")
        words = " ".join(options)
        program = f"{shlex.quote(sys.argv[0])} demo {words}"
        make = f', or make run ARGS="{words}"' if fresh else ""
        complaints.append(f"{'Choose others' if fresh else 'Or make another demo'}: {program}{make}")
    return complaints


def _why_not(kind: socket.SocketKind, host: str, port: int) -> str:
    """Why an address cannot be had; empty when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
        except OverflowError:
            return "a port is a number from 1 up to 65535"
    return ""


def own_address(host: str) -> str:
    """The address at which phones reach a server bound to ``host``."""
    if host not in ("0.0.0.0", "::"):
        return host
    family = socket.AF_INET6 if host == "::" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only asks the routing table.
            probe.connect(("2001:db8::1" if host == "::" else "192.0.2.1", 9))
        except OSError:
            return "::1" if host == "::" else "127.0.0.1"
        return str(probe.getsockname()[0])


def introduction(demo: Demo, fresh: bool) -> str:
    """The text with everything that a new user needs to place the first call."""
    address = own_address(demo.host)
    program = shlex.quote(sys.argv[0])
    folder = f" --folder {demo.folder}" if str(demo.folder) != "demo" else ""
    browsers = (
        f"; {' and '.join(BROWSER_ACCOUNTS)} are for the browser"
        if set(BROWSER_ACCOUNTS) <= demo.passwords.keys()
        else ""
    )
    lines = [
        "",
        f"Asterism ⁂ is ready. Configuration: {demo.folder}/ ({'made just now' if fresh else 'kept from before'})",
        "",
        f"  SIP      udp {demo.host}:{demo.sip_port}   (phones register to {address}:{demo.sip_port})",
        f"  Manager  tcp {demo.manager_host}:{demo.manager_port}   (user demo, secret {demo.manager_secret})",
        f"  Console  {program} -r -C {demo.conf_path}",
        *_browser_phone(demo, address),
        "",
        f"  Accounts (user name, password{browsers}):",
        *(f"    {number}  {password}" for number, password in demo.passwords.items()),
        "",
        "  Extensions, and a command that tries each from another terminal:",
    ]
    width = max(len(numbers) for numbers, _meaning in EXTENSIONS)
    for numbers, meaning in EXTENSIONS:
        # Quoted for the shell: a number may begin with an asterisk.
        number = shlex.quote(numbers.partition(",")[0])
        lines.append(f"    {numbers:<{width}} {meaning}")
        lines.append(f"    {'':<{width}}   {program} demo{folder} --call {number}")
    lines += [
        "",
        f"  To have 101 answer such a call: {program} demo{folder} --answer --as 101",
        "  Ctrl-C stops the server.",
        "",
    ]
    return "\n".join(lines)


def _browser_phone(demo: Demo, address: str) -> list[str]:
    """Where the phone in the browser is. Browsers give a microphone to https, and to http on the same machine."""
    lines = []
    if demo.http_port and demo.http_host in (ANY_HOST, "::", "127.0.0.1", "::1"):
        lines.append(f"http://localhost:{demo.http_port}/phone/ on this machine")
    if demo.https_port:
        lines.append(f"https://{format_host_port(address, demo.https_port)}/phone/")
        lines.append("(the certificate is the demo's own: the browser asks once whether it is all right)")
    return [f"  {'' if number else 'Browser':<8} {line}" for number, line in enumerate(lines)]
