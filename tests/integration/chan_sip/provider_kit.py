"""A provider in process, at which a server registers."""

from __future__ import annotations

from asterism.server.server import Server

PROVIDER = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[tcp]
type=transport
protocol=tcp
bind=127.0.0.1:{port}
[global]
default_realm=provider.example
[2000]
type=endpoint
context=provider
allow=!all,ulaw
auth=2000
aors=2000
[2000]
type=auth
username={auth_user}
password=regpw
[2000]
type=aor
max_contacts=1
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
CALLS = "[provider]\nexten => 200,1,Dial(PJSIP/2000,10)\n"


def contacts(provider: Server) -> list[str]:
    return [contact.uri for contact in provider.sip.location.contacts("2000")]
