"""``asterism init DIR``: write a commented starter configuration. Files that exist are left as they are."""

from __future__ import annotations

import secrets
import string
import sys
from collections.abc import Sequence
from pathlib import Path

USAGE = "Usage: asterism init DIR\n"

_ASTERISK = """\
; Where this server keeps everything. Relative paths count from this file's folder; without a line, Asterisk's
; usual places are used.
[directories]
astetcdir => .
astmoddir => modules
astvarlibdir => var
astdbdir => var
astspooldir => var/spool
astrundir => var
astlogdir => var/log

[options]
verbose = 3
;systemname = pbx1          ; tells servers apart that share a database
;maxcalls = 200             ; refuse calls beyond this number
;execincludes = yes         ; let configuration files run programs with #exec
"""

_MODULES = """\
; Which modules run. A registrar that takes no calls, for example, is made by noload lines alone.
[modules]
autoload = yes
;noload = chan_pjsip
"""

_PJSIP = """\
; SIP: where to listen, who may register, whom to call. One section is one object; its type says what it is, and objects
; of different types may share a name. "asterism check DIR" tells what is wrong, with file and line.

[global]
type = global
;user_agent = My PBX
;debug = yes                ; print every SIP message from the start

[transport-udp]
type = transport
protocol = udp
bind = 0.0.0.0:5060
; Behind a NAT, tell the world your public address and which networks are yours:
;external_media_address = 203.0.113.10
;external_signaling_address = 203.0.113.10
;local_net = 192.168.0.0/16

;[transport-tls]
;type = transport
;protocol = tls
;bind = 0.0.0.0:5061
;cert_file = keys/server.crt
;priv_key_file = keys/server.key

; Templates: what phones have in common. (!) keeps a section from being an object itself.
[phone](!)
type = endpoint
transport = transport-udp
context = phones            ; where their calls start in extensions.conf
disallow = all
allow = alaw,ulaw
direct_media = no           ; media goes through the server, which works behind any NAT
rtp_symmetric = yes
force_rport = yes
rewrite_contact = yes

[phone-auth](!)
type = auth
auth_type = digest

[phone-aor](!)
type = aor
max_contacts = 2            ; how many devices may be registered at once
remove_existing = yes       ; a new one replaces the oldest
qualify_frequency = 60      ; check every minute that they answer

; A phone needs three objects: the endpoint (how it behaves), its password, and the address it registers.
[101](phone)
auth = 101
aors = 101
callerid = "Reception" <101>
[101](phone-auth)
username = 101
password = {first}
[101](phone-aor)

[102](phone)
auth = 102
aors = 102
callerid = "Office" <102>
[102](phone-auth)
username = 102
password = {second}
[102](phone-aor)

; A provider: register there, call through it, and recognise its calls by their source address.
;[provider]
;type = registration
;server_uri = sip:sip.provider.example
;client_uri = sip:account@sip.provider.example
;outbound_auth = provider
;[provider]
;type = auth
;username = account
;password = secret
;[provider]
;type = endpoint
;transport = transport-udp
;context = from-provider
;disallow = all
;allow = alaw,ulaw
;outbound_auth = provider
;aors = provider
;identify_by = ip           ; it has no auth: never let in whoever writes its name into From
;[provider]
;type = aor
;contact = sip:sip.provider.example
;[provider]
;type = identify
;endpoint = provider
;match = sip.provider.example
"""

_EXTENSIONS = """\
; What happens to a call: the caller's endpoint names the context, the number dialled is the extension.
[general]
;autofallthrough = yes

[globals]
RING_SECONDS = 30

[phones]
; The phones 101 and 102.
exten => _10X,1,Dial(PJSIP/${EXTEN},${RING_SECONDS})
 same => n,Hangup()
; Watching 101 or 102 (busy lamps) asks for this hint.
exten => _10X,hint,PJSIP/${EXTEN}

; Hear yourself.
exten => 600,1,Answer()
 same => n,Echo()
 same => n,Hangup()

[from-provider]
; Calls from outside ring the reception.
exten => _X.,1,Dial(PJSIP/101,${RING_SECONDS})
 same => n,Hangup()
"""

_RTP = """\
; The UDP ports for media; open them in the firewall. Every call takes two per party.
[general]
rtpstart = 10000
rtpend = 20000
"""

_LOGGER = """\
; One line per log file: the levels it gets.
[general]
;dateformat = %F %T

[logfiles]
console => notice,warning,error
messages.log => notice,warning,error
security.log => security
"""

_MANAGER = """\
; The manager interface (AMI) for programs. It gives full control: let nobody in whom you do not know.
[general]
enabled = no
port = 5038
bindaddr = 127.0.0.1

[admin]
secret = {manager}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = all
write = all
"""

_ACL = """\
; Named access lists, for "acl = office" in pjsip.conf and manager.conf. The last rule that fits counts.
;[office]
;deny = 0.0.0.0/0.0.0.0
;permit = 192.168.1.0/255.255.255.0
"""

_SORCERY = """\
; Where objects come from. Without a line, SIP objects are read from pjsip.conf and registrations are kept in the
; server's own database. Several lines of one type are tried in order.
[res_pjsip]
;endpoint = config,pjsip.conf,criteria=type=endpoint
;endpoint = realtime,ps_endpoints
;endpoint/cache = memory_cache,object_lifetime_stale=60,maximum_objects=10000
;auth = realtime,ps_auths
;aor = realtime,ps_aors
;contact = realtime,ps_contacts
[res_pjsip_endpoint_identifier_ip]
;identify = realtime,ps_endpoint_id_ips
"""

_EXTCONFIG = """\
; In which database each family of sorcery.conf is: family => driver,database[,table[,priority]]
; The database is a section of res_config_sqlalchemy.conf. "asterism db upgrade DIR" makes the tables.
[settings]
;ps_endpoints => odbc,asterisk
;ps_auths => odbc,asterisk
;ps_aors => odbc,asterisk
;ps_contacts => odbc,asterisk
;ps_endpoint_id_ips => odbc,asterisk
"""

_SQLALCHEMY = """\
; Databases for realtime. PostgreSQL, MariaDB or MySQL, and SQLite (a relative path counts from astdbdir).
;[asterisk]
;url = postgresql://asterisk:password@127.0.0.1/asterisk
;url = mariadb://asterisk:password@127.0.0.1/asterisk
;url = sqlite:///realtime.sqlite3
;pool_size = 4              ; connections
;timeout = 5                ; seconds that one operation may take
"""


def run_init(words: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    if len(words) != 1 or words[0] in ("-h", "--help"):
        help_wanted = bool(words) and words[0] in ("-h", "--help")
        print(USAGE, end="", file=sys.stdout if help_wanted else sys.stderr)
        return 0 if help_wanted else 2
    folder = Path(words[0])
    try:
        written, kept = write_starter(folder)
    except OSError as error:
        print(f"asterism: cannot write to '{folder}': {error.strerror or error}", file=sys.stderr)
        return 1
    for name in written:
        print(f"wrote {folder / name}")
    for name in kept:
        print(f"kept {folder / name}, which was there already")
    print(
        f"Edit pjsip.conf and extensions.conf, then: asterism check {folder} && asterism -f -C {folder}/asterisk.conf"
    )
    return 0


def write_starter(folder: Path) -> tuple[list[str], list[str]]:
    """Write the files that are not there yet; returns their names, and the names of those that were.

    Passwords are new ones each time, and only the owner may read the files. Raises ``OSError``.
    """
    files = {
        "asterisk.conf": _ASTERISK,
        "modules.conf": _MODULES,
        "pjsip.conf": _PJSIP.format(first=_password(), second=_password()),
        "extensions.conf": _EXTENSIONS,
        "rtp.conf": _RTP,
        "logger.conf": _LOGGER,
        "manager.conf": _MANAGER.format(manager=_password()),
        "acl.conf": _ACL,
        "sorcery.conf": _SORCERY,
        "extconfig.conf": _EXTCONFIG,
        "res_config_sqlalchemy.conf": _SQLALCHEMY,
    }
    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    kept: list[str] = []
    for name, text in files.items():
        path = folder / name
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            kept.append(name)
            continue
        path.write_text(text)
        written.append(name)
    return written, kept


def _password() -> str:
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(16))
