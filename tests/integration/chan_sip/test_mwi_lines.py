"""``mwi`` lines: the mailbox of another server counts here, in the context ``SIP_Remote``."""

from __future__ import annotations

from pathlib import Path

from asterism.pbx.states.mailboxes import MessageCounts
from asterism.server.server import Server
from asterism.testing import free_port, running_server, until
from asterism.testing.servers import write_config

PROVIDER = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[3000]
type=endpoint
context=provider
auth=3000
aors=3000
[3000]
type=auth
username=name
password=mwipass
[3000]
type=aor
max_contacts=1
mailboxes=3000@provider
"""


def counts(server: Server, mailbox: str) -> MessageCounts:
    return server.pbx.mailboxes.get(mailbox)


async def test_a_mailbox_there_counts_here(tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    line = f"mwi => 3000:mwipass:name@127.0.0.1:{port}/box\n"
    sip = f"[general]\nudpbindaddr=127.0.0.1:{own}\nmwiexpiry=300\nmwi => 3000:broken\n"
    async with running_server({"pjsip.conf": PROVIDER.format(port=port)}, tmp_path / "provider") as provider:
        provider.pbx.mailboxes.set("3000@provider", MessageCounts(1, 2))
        async with running_server({"sip.conf": sip + line}, tmp_path / "own") as server:
            await until(lambda: counts(server, "box@SIP_Remote") == MessageCounts(1, 2), 10)
            provider.pbx.mailboxes.set("3000@provider", MessageCounts(4))
            await until(lambda: counts(server, "box@SIP_Remote") == MessageCounts(4), 5)
            # Another line in its place: the old mailbox counts no more.
            write_config(server.paths.etc, {"sip.conf": sip + line.replace("/box", "/other")})
            await server.modules.reload("chan_sip")
            await until(lambda: counts(server, "other@SIP_Remote") == MessageCounts(4), 5)
            await until(lambda: counts(server, "box@SIP_Remote") == MessageCounts(), 5)


async def test_a_server_that_comes_late_is_asked_again(tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    sip = (
        f"[general]\nudpbindaddr=127.0.0.1:{own}\ntimert1=50\ntimerb=200\nt1min=10\nmwiexpiry=1\n"
        f"mwi => 3000:mwipass:name@127.0.0.1:{port}/box\n"
    )
    async with running_server({"sip.conf": sip}, tmp_path / "own") as server:
        (keeper,) = server.modules.find("pubsub_outbound_subscription").instance.keepers  # type: ignore[attr-defined]
        await until(lambda: keeper._retries > 1, 10)
        async with running_server({"pjsip.conf": PROVIDER.format(port=port)}, tmp_path / "provider") as provider:
            provider.pbx.mailboxes.set("3000@provider", MessageCounts(7))
            await until(lambda: counts(server, "box@SIP_Remote") == MessageCounts(7), 10)
