"""Calls that depend on ``[general]``: those that come in by a registration, and those through a jitter buffer."""

from __future__ import annotations

from pathlib import Path

from provider_kit import CALLS, PROVIDER, contacts

from asterism.testing import Phone, free_port, running_server, until


async def test_a_peer_with_callbackextension_registers_and_its_calls_come_in(tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    provider_config = {"pjsip.conf": PROVIDER.format(port=port, auth_user="2000"), "extensions.conf": CALLS}
    own_config = {
        "sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{own}\ncontext=nowhere\ndisallow=all\nallow=ulaw\n"
        f"[prov]\ntype=peer\nhost=127.0.0.1\nport={port}\ndefaultuser=2000\nsecret=x\nremotesecret=regpw\n"
        "callbackextension=600\ncontext=from-provider\ninsecure=port,invite\n",
        "extensions.conf": "[from-provider]\nexten => 600,1,Answer()\n same => n,Echo()\n",
    }
    async with (
        running_server(provider_config, tmp_path / "provider") as provider,
        running_server(own_config, tmp_path / "own"),
        Phone("101", provider, "secret") as ann,
    ):
        await until(lambda: contacts(provider) == [f"sip:600@127.0.0.1:{own}"], 10, lambda: str(contacts(provider)))
        await ann.register()
        call = await ann.dial("200")
        await call.answered()
        call.play(440)
        await call.hears(440)


async def test_a_forced_jitter_buffer_is_on_every_call() -> None:
    own = free_port()
    config = {
        "sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{own}\njbenable=yes\njbforce=yes\n"
        "jbimpl=adaptive\njbmaxsize=300\n"
        "[ann]\ntype=friend\nhost=dynamic\nsecret=secret\ncontext=phones\ndisallow=all\nallow=ulaw\n",
        "extensions.conf": "[phones]\nexten => 600,1,Answer()\n same => n,Echo()\n",
    }
    async with running_server(config) as server, Phone("ann", server, "secret") as ann:
        call = await ann.dial("600")
        await call.answered()
        (channel,) = server.pbx.channels
        assert channel.data["jitterbuffer"].buffer.settings.max_size == 300
        call.play(440)
        await call.hears(440)
