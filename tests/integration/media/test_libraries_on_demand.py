"""The libraries of DTLS and of ICE are large: only a server that needs them has them, and no call waits for them."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
import asyncio, sys
from asterism.testing import Phone, running_server, until

CONFIG = '''
[udp]
type=transport
protocol=udp
bind=127.0.0.1:0
[101]
type=endpoint
auth=101
aors=101
{options}
[101]
type=auth
username=101
password=pw
[101]
type=aor
max_contacts=1
'''

async def main():
    async with running_server({{"pjsip.conf": CONFIG}}) as server:
        assert not {{"OpenSSL", "aioice"}} & sys.modules.keys()
        async with Phone("101", server.sip_address(), "pw") as phone:
            await phone.register()
            await until(lambda: {expected} <= sys.modules.keys(), 20)
            await asyncio.sleep(0)
            assert {{"OpenSSL", "aioice"}} & sys.modules.keys() == {expected}

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("media_encryption=dtls", {"OpenSSL"}),
        ("webrtc=yes", {"OpenSSL", "aioice"}),
        ("ice_support=yes", {"aioice"}),
        ("", set()),
    ],
)
def test_a_phone_that_uses_them_has_them_loaded(options: str, expected: set[str]) -> None:
    script = textwrap.dedent(SCRIPT).format(options=options, expected=expected)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
