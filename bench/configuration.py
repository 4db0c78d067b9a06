"""The one configuration that Asterism and Asterisk are measured on; Kamailio's does the same where it can.

The server listens on 127.0.0.1:5070; 127.0.0.1 may call without a password; ``callee`` is a static contact
on port 5090; ``u1`` to ``u100`` register with passwords ``pw1`` to ``pw100``. ``conference`` is a conference at 8 kHz.
``recorded`` is the callee, with a recording of the call;
``secured`` is the callee with encrypted media (SDES), and may call without a password too;
``g722`` and ``opus`` are the callee as a phone that takes this codec only, so that calls to it are converted.
"""

from __future__ import annotations

from pathlib import Path

SERVER = ("127.0.0.1", 5070)
CALLEE_PORT = 5090
ACCOUNTS = 100

_PJSIP = """\
[global]
type=global
endpoint_identifier_order=username,ip
[system]
type=system
[udp]
type=transport
protocol=udp
bind=127.0.0.1:5070
[caller]
type=endpoint
transport=udp
context=default
disallow=all
allow=ulaw
direct_media=no
[caller]
type=identify
endpoint=caller
match=127.0.0.1
[callee]
type=aor
contact=sip:callee@127.0.0.1:5090
[callee]
type=endpoint
transport=udp
aors=callee
disallow=all
allow=ulaw
direct_media=no
"""

_SECURED = """
[secured]
type=aor
contact=sip:secured@127.0.0.1:5090
[secured]
type=endpoint
transport=udp
context=default
aors=secured
disallow=all
allow=ulaw
direct_media=no
media_encryption=sdes
"""

CONVERTED = {"g722": (9, "G722/8000"), "opus": (107, "opus/48000/2")}
"""Payload type and name in SDP of the codecs that calls are converted to."""

_CALLEE_OF_ONE_CODEC = """
[{codec}]
type=aor
contact=sip:{codec}@127.0.0.1:5090
[{codec}]
type=endpoint
transport=udp
aors={codec}
disallow=all
allow={codec}
direct_media=no
"""

_ACCOUNT = """
[u{n}]
type=endpoint
auth=u{n}
aors=u{n}
context=default
disallow=all
allow=ulaw
[u{n}]
type=auth
auth_type=userpass
username=u{n}
password=pw{n}
[u{n}]
type=aor
max_contacts=1
"""

_FILES = {
    "extensions.conf": "[default]\nexten => callee,1,Dial(PJSIP/callee,30)\nexten => ping,1,NoOp()\n"
    "exten => recorded,1,MixMonitor(${UNIQUEID}.wav)\n same => n,Dial(PJSIP/callee,30)\n"
    "exten => g722,1,Dial(PJSIP/g722,30)\nexten => opus,1,Dial(PJSIP/opus,30)\n"
    "exten => secured,1,Dial(PJSIP/secured,30)\n"
    "exten => conference,1,Answer()\n same => n,ConfBridge(bench)\n",
    "confbridge.conf": "[general]\n[default_bridge]\ntype=bridge\ninternal_sample_rate=8000\nmixing_interval=20\n"
    "[default_user]\ntype=user\nquiet=yes\n",
    "manager.conf": "[general]\nenabled=no\n",
    "modules.conf": "[modules]\nautoload=yes\n",
    "rtp.conf": "[general]\nrtpstart=20000\nrtpend=40000\n",
    "logger.conf": "[logfiles]\nmessages.log => error\n",
}

_KAMAILIO = """\
#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=2
listen=udp:127.0.0.1:5070
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
request_route {
  if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
  if (is_method("REGISTER")) {
    $var(pw) = "pw" + $(fU{s.substr,1,0});
    if (!pv_www_authenticate("$fd", "$var(pw)", "0")) { www_challenge("$fd", "1"); exit; }
    save("location");
    exit;
  }
  sl_send_reply("404", "Not Found");
}
"""


def pjsip() -> str:
    """The ``pjsip.conf``."""
    callees = "".join(_CALLEE_OF_ONE_CODEC.format(codec=codec) for codec in CONVERTED)
    return _PJSIP + _SECURED + callees + "".join(_ACCOUNT.format(n=n) for n in range(1, ACCOUNTS + 1))


def write_asterisk(etc: Path, state: Path, *, visible_state: str = "") -> Path:
    """Write the configuration; returns the ``asterisk.conf``.

    ``state`` is where everything that changes is kept; ``visible_state`` is its name as the server
    sees it, when that runs in a chroot.
    """
    etc.mkdir(parents=True, exist_ok=True)
    root = visible_state or str(state)
    for folder in ("lib", "spool", "run", "log", "modules"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (etc / "pjsip.conf").write_text(pjsip())
    for name, text in _FILES.items():
        (etc / name).write_text(text)
    conf = etc / "asterisk.conf"
    conf.write_text(
        "[directories]\n"
        f"astetcdir => {etc if not visible_state else '/etc/asterisk'}\n"
        + (f"astmoddir => {root}/modules\n" if not visible_state else "")
        + f"astvarlibdir => {root}/lib\nastdbdir => {root}/lib\nastkeydir => {root}/lib\n"
        + (f"astdatadir => {root}/lib\n" if not visible_state else "")
        + f"astspooldir => {root}/spool\nastrundir => {root}/run\nastlogdir => {root}/log\n"
        "[options]\nverbose = 0\ndebug = 0\n"
    )
    return conf


def write_kamailio(path: Path) -> Path:
    """Write Kamailio's configuration."""
    path.write_text(_KAMAILIO)
    return path
