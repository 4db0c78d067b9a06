"""One server registers at another of the same kind, and is called by the registration."""

from __future__ import annotations

from pathlib import Path

from asterism.server.server import Server
from asterism.sip.contacts import Contact
from asterism.testing import Phone, free_port, running_server, until

PROVIDER = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[branch]
type=endpoint
context=provider
allow=!all,ulaw
auth=branch
aors=branch
[branch]
type=auth
username=branch
password=branchpw
supported_algorithms_uas=SHA-256
[branch]
type=aor
max_contacts=1
remove_existing=yes
maximum_expiration=100
[101]
type=endpoint
context=provider
allow=!all,ulaw
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
"""
BRANCH = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{own}
[provider]
type=endpoint
context=from-provider
allow=!all,ulaw
[provider]
type=registration
server_uri=sip:127.0.0.1:{port}
client_uri=sip:branch@127.0.0.1:{port}
contact_user=600
outbound_auth=provider
expiration=3600
max_random_initial_delay=0
line=yes
endpoint=provider
[provider]
type=auth
username=branch
password=branchpw
supported_algorithms_uac=SHA-256,MD5
"""


def bindings(server: Server) -> list[Contact]:
    return list(server.sip.location.contacts("branch"))


async def test_register_call_and_leave(tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    provider_config = {
        "pjsip.conf": PROVIDER.format(port=port),
        "extensions.conf": "[provider]\nexten => 200,1,Dial(PJSIP/branch,10)\n",
    }
    branch_config = {
        "pjsip.conf": BRANCH.format(port=port, own=own),
        "extensions.conf": "[from-provider]\nexten => 600,1,Answer()\n same => n,Echo()\n",
    }
    async with running_server(provider_config, tmp_path / "provider") as provider:
        async with (
            running_server(branch_config, tmp_path / "branch") as branch,
            Phone("101", provider, "secret") as ann,
        ):
            await until(lambda: len(bindings(provider)) == 1, 10, "the branch did not register")
            assert bindings(provider)[0].parsed.port == own
            client = branch.modules.find("outbound_registration").instance.registrations.get("provider")  # type: ignore[attr-defined]
            await until(lambda: 80 <= client.next_attempt <= 90, 5, lambda: str(client.next_attempt))
            await ann.register()
            call = await ann.dial("200")
            await call.answered()
            call.play(440)
            await call.hears(440)
            await call.hangup()
        # The branch has stopped by now, and taken its registration back.
        await until(lambda: not bindings(provider), 5, "the branch did not unregister")


async def test_a_registration_that_goes_with_its_credentials_is_taken_back(tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    branch_config = {"pjsip.conf": BRANCH.format(port=port, own=own)}
    async with (
        running_server({"pjsip.conf": PROVIDER.format(port=port)}, tmp_path / "provider") as provider,
        running_server(branch_config, tmp_path / "branch") as branch,
    ):
        await until(lambda: len(bindings(provider)) == 1, 10, "the branch did not register")
        (branch.paths.etc / "pjsip.conf").write_text(f"[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{own}\n")
        await branch.modules.reload()
        await until(lambda: not bindings(provider), 5, "the binding was left")
