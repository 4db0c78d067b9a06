"""Servers on every transport, and certificates for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

EXTENSIONS = """
[default]
exten => _1XX,1,Dial(PJSIP/${EXTEN},10)
exten => 200,1,Answer()
 same => n,Echo()
"""


def accounts(*users: str, extra: str = "", aor: str = "qualify_frequency=0\n") -> str:
    """Endpoints with their password ``secret`` for these users."""
    return "".join(
        f"""
[{user}]
type=endpoint
context=default
allow=!all,ulaw
aors={user}
auth={user}
direct_media=no
{extra}
[{user}]
type=auth
auth_type=userpass
username={user}
password=secret
[{user}]
type=aor
max_contacts=2
{aor}"""
        for user in users
    )


def transport(protocol: str, host: str = "127.0.0.1", name: str = "", port: int = 0, **options: object) -> str:
    """A transport section on a free port."""
    address = f"[{host}]" if ":" in host else host
    lines = "".join(f"{key}={value}\n" for key, value in options.items())
    bind = f"bind={address}:{port}\n"
    return f"\n[{name or f'{protocol}-{host}'}]\ntype=transport\nprotocol={protocol}\n{bind}{lines}"


def make_certificates(folder: Path, name: str = "localhost") -> dict[str, str]:
    """An authority, and a certificate for a name that it signed: the options of a transport."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # Python 3.13 insists on it
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2", *usage)
    (folder / "names").write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1,IP:::1\n")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={name}")
    openssl(
        "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", "server.pem", "-days", "2", "-extfile", "names",
    )  # fmt: skip
    return {"cert_file": str(folder / "server.pem"), "priv_key_file": str(folder / "server.key")}


def http_conf(certificates: dict[str, str] | None = None, host: str = "127.0.0.1") -> str:
    """An HTTP listener on free ports, with TLS if there are certificates."""
    text = f"[general]\nenabled=yes\nbindaddr={host}\nbindport=0\n"
    if certificates:
        address = f"[{host}]" if ":" in host else host
        text += (
            f"tlsenable=yes\ntlsbindaddr={address}:0\ntlscertfile={certificates['cert_file']}\n"
            f"tlsprivatekey={certificates['priv_key_file']}\n"
        )
    return text
