"""Two servers: one counts messages, the other subscribes to that and tells its own phones."""

from __future__ import annotations

from pathlib import Path

from call_kit import CONFIG

from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.states.mailboxes import MessageCounts
from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, free_port, running_server, until

PROVIDER = CONFIG["pjsip.conf"].replace("[101]\ntype=aor\n", "[101]\ntype=aor\nmailboxes=box@provider\n")
OURS = (
    CONFIG["pjsip.conf"].replace("[102](phone)\n", "[102](phone)\nmailboxes=102@here\n")
    + """
[provider]
type=auth
username=101
password=ann's secret
[box]
type=outbound-subscription
server_uri=sip:101@127.0.0.1:{port}
outbound_auth=provider
mailbox=102@here
retry_interval=1
max_random_initial_delay=0
expiration=2
"""
)


def transport(port: int) -> str:
    """A port that stays the same over a restart."""
    return f"[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{port}\n"


async def typed(server: Server, line: str) -> str:
    """Type a console command."""
    written: list[str] = []
    await CommandRunner(server).run(line, written.append)
    return "".join(written)


async def counts(server: Server, wanted: MessageCounts) -> None:
    """Wait until the mailbox here says so."""
    await until(lambda: server.pbx.mailboxes.get("102@here") == wanted, 5, lambda: "the counts do not come")


async def test_a_lamp_here_follows_a_mailbox_there(tmp_path: Path) -> None:
    port = free_port()
    there = {"pjsip.conf": transport(port) + PROVIDER, "extensions.conf": ""}
    async with running_server(there, tmp_path / "there") as provider:
        provider.pbx.mailboxes.set("box@provider", MessageCounts(1))
        here = {"pjsip.conf": OURS.replace("{port}", str(port)), "extensions.conf": ""}
        async with (
            running_server(here, tmp_path / "here") as server,
            Phone("102", server, "bob's secret") as bob,
        ):
            await counts(server, MessageCounts(1))
            await bob.register()
            await until(lambda: any(b"Voice-Message: 1/0" in data for _, data in bob.wire.messages), 5, bob.story)
            provider.pbx.mailboxes.set("box@provider", MessageCounts(2, 3))
            await until(lambda: any(b"Voice-Message: 2/3" in data for _, data in bob.wire.messages), 5, bob.story)
            shown = await typed(server, "pjsip show subscriptions outbound")
            assert f"Resource: sip:101@127.0.0.1:{port}/message-summary" in shown
            call_id = shown.split("  Expiry: ")[-1].split()[1]
            one = await typed(server, f"pjsip show subscription outbound {call_id}")
            assert "Role                : Subscriber\n" in one
            assert "State               : ACTIVE\n" in one
            assert "Mailboxes           : 102@here\n" in one
            assert "1 active subscription\n" in await typed(provider, "pjsip list subscriptions inbound")
            # Renewed before its two seconds are over, more than once.
            (kept,) = pubsub_of(provider)
            first = kept.dialog.remote_seq
            await until(lambda: kept.dialog.remote_seq >= first + 2, 5, lambda: "it was not renewed")
            assert (await typed(server, "module unload pubsub_outbound_subscription")).strip()
            await until(lambda: not list(pubsub_of(provider)), 5, lambda: "it was not ended")
            assert server.pbx.mailboxes.get("102@here") == MessageCounts()
            await typed(server, "module load pubsub_outbound_subscription")
            await counts(server, MessageCounts(2, 3))
        await until(lambda: not list(pubsub_of(provider)), 5, lambda: "it was not ended")
        await assert_idle(provider)


async def test_a_provider_that_starts_anew_is_subscribed_at_anew(tmp_path: Path) -> None:
    port = free_port()
    there = {"pjsip.conf": transport(port) + PROVIDER, "extensions.conf": ""}
    here = {"pjsip.conf": OURS.replace("{port}", str(port)), "extensions.conf": ""}
    async with running_server(here, tmp_path / "here") as server:
        for new in (1, 4):
            async with running_server(there, tmp_path / f"there{new}") as provider:
                provider.pbx.mailboxes.set("box@provider", MessageCounts(new))
                await until(
                    lambda n=new: server.pbx.mailboxes.get("102@here") == MessageCounts(n),  # type: ignore[misc]
                    20,
                    lambda: "the counts do not come",
                )


def pubsub_of(server: Server):
    """Its subscriptions of others."""
    from asterism.applications.pubsub.registry import pubsub

    return pubsub(server)
