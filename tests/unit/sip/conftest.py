"""The rig of the SIP core's tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sip_rig import Rig

PHONES = """
[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1:5060
[phone](!)
type=endpoint
context=internal
allow=ulaw
[alice](phone)
auth=alice-auth
aors=alice
[alice-auth]
type=auth
username=alice
password=alicepw
[alice]
type=aor
max_contacts=2
default_expiration=600
maximum_expiration=3600
[bob](phone)
auth=bob-auth
aors=bob
rewrite_contact=yes
[bob-auth]
type=auth
username=bob
password=bobpw
[bob]
type=aor
max_contacts=1
remove_existing=yes
[noaor](phone)
auth=alice-auth
[open](phone)
aors=closed
[closed]
type=aor
max_contacts=0
[frank](phone)
auth=frank-auth
aors=frank
deny=0.0.0.0/0.0.0.0
permit=127.0.0.77/255.255.255.255
[frank-auth]
type=auth
username=frank
password=frankpw
[frank]
type=aor
max_contacts=1
[trunk](phone)
aors=trunk
[trunk]
type=aor
contact=sip:198.51.100.1:5080
support_path=yes
max_contacts=3
[trunk-id]
type=identify
endpoint=trunk
match=198.51.100.0/24
"""


@pytest.fixture
def phones() -> str:
    """A configuration with a few phones and a trunk."""
    return PHONES


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[..., Rig]:
    """Make a rig of a configuration."""

    def make(pjsip: str = PHONES, **more: object) -> Rig:
        return Rig(tmp_path / "etc", pjsip, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """A rig of :data:`PHONES`."""
    return make_rig()
