"""A server that registers at another one by ``register`` lines, and takes calls by them."""

from __future__ import annotations

from pathlib import Path

import pytest
from provider_kit import CALLS, PROVIDER, contacts

from asterism.testing import free_port, running_server, until


@pytest.mark.parametrize(
    ("line", "auth_user", "contact"),
    [
        ("2000:regpw@127.0.0.1:{port}/600", "2000", "sip:600@127.0.0.1:{own}"),
        ("2000:regpw:name@127.0.0.1:{port}", "name", "sip:s@127.0.0.1:{own}"),
        ("udp://2000:regpw@127.0.0.1:{port}/600~90", "2000", "sip:600@127.0.0.1:{own}"),
        ("2000@127.0.0.1:5060:regpw:name@127.0.0.1:{port}/600", "name", "sip:600@127.0.0.1:{own}"),
        ("tcp://2000:regpw@127.0.0.1:{port}/600", "2000", "sip:600@127.0.0.1:{own};transport=tcp"),
        ("prov?2000:regpw@127.0.0.1:{port}/600", "2000", "sip:600@127.0.0.1:{own}"),
        ("2000:regpw@prov/600", "2000", "sip:600@127.0.0.1:{own}"),
    ],
)
async def test_each_form_registers(tmp_path: Path, line: str, auth_user: str, contact: str) -> None:
    port, own = free_port(), free_port()
    provider_config = {"pjsip.conf": PROVIDER.format(port=port, auth_user=auth_user), "extensions.conf": CALLS}
    own_config = {
        "sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{own}\ntcpenable=yes\nregister => {line.format(port=port)}\n"
        f"register => broken:line\n[prov]\ntype=peer\nhost=127.0.0.1\nport={port}\n"
    }
    wanted = contact.format(own=own)
    async with running_server(provider_config, tmp_path / "provider") as provider:
        async with running_server(own_config, tmp_path / "own"):
            await until(lambda: contacts(provider) == [wanted], 10, lambda: str(contacts(provider)))
        # Taken back at the end.
        await until(lambda: not contacts(provider), 5)


async def test_credentials_of_authentication_answer_the_registrar(tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    provider_config = {"pjsip.conf": PROVIDER.format(port=port, auth_user="other"), "extensions.conf": CALLS}
    own_config = {
        "sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{own}\nregister => 2000:wrong@127.0.0.1:{port}\n"
        "[authentication]\nauth=other:regpw@provider.example\nauth=nobody:x@elsewhere\n"
    }
    async with (
        running_server(provider_config, tmp_path / "provider") as provider,
        running_server(own_config, tmp_path / "own"),
    ):
        await until(lambda: contacts(provider), 10)


async def test_a_peer_with_callbackextension_registers(tmp_path: Path) -> None:
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
    ):
        await until(lambda: contacts(provider) == [f"sip:600@127.0.0.1:{own}"], 10, lambda: str(contacts(provider)))


async def test_a_registration_is_tried_again_as_the_options_say(tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    own_config = {
        "sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{own}\ntimert1=100\ntimerb=500\nregistertimeout=1\n"
        f"register => 2000:regpw@127.0.0.1:{port}/600\n"
    }
    provider_config = {"pjsip.conf": PROVIDER.format(port=port, auth_user="2000"), "extensions.conf": CALLS}
    async with running_server(own_config, tmp_path / "own") as server:
        client = server.modules.find("outbound_registration").instance.registrations.get("sip.conf/register1")  # type: ignore[attr-defined]
        await until(lambda: client.retries >= 2, 10, lambda: str(client.retries))
        async with running_server(provider_config, tmp_path / "provider") as provider:
            await until(lambda: contacts(provider), 10)
            await until(lambda: not client.retries, 5)
