"""The libraries of DTLS are large: only a server that needs them has them, and no call waits for them."""

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
        assert "OpenSSL" not in sys.modules
        async with Phone("101", server.sip_address(), "pw") as phone:
            await phone.register()
            if {expected}:
                await until(lambda: "asterism.media.transports.dtls" in sys.modules, 20)
            else:
                await asyncio.sleep(0)
                assert "OpenSSL" not in sys.modules

asyncio.run(main())
"""


@pytest.mark.parametrize(("options", "expected"), [("media_encryption=dtls", True), ("webrtc=yes", True), ("", False)])
def test_a_phone_that_uses_dtls_has_them_loaded(options: str, expected: bool) -> None:
    script = textwrap.dedent(SCRIPT).format(options=options, expected=expected)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
