"""The demo's configuration files, written once with fresh passwords and then left alone."""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from asterism.command.demo.certificate import keep_certificate
from asterism.command.demo.fax_page import sample_page
from asterism.config.file import ConfigFile
from asterism.hostport import format_host_port, split_host_port
from asterism.interfaces.http.settings import read_settings as http_settings

ACCOUNTS = ("101", "102", "103")
BROWSER_ACCOUNTS = ("104", "105")
"""Those of the browser phone."""

EXTENSIONS = (
    ("101, 102, 103", "the phones themselves"),
    ("104, 105", "the browser phones"),
    ("600", "echo: hear yourself"),
    ("601", "a prompt"),
    ("602", "a 440 Hz tone"),
    ("603", "early media: a prompt before the call is answered, then it is refused"),
    ("604", "busy"),
    ("605", "congestion"),
    ("606", "your number, said by a subroutine"),
    ("607", "the time, said"),
    ("**102", "answer for 102 while it rings (a lamp's pickup prefix is **); *8: whichever phone rings"),
    ("608, fax", "a fax machine that receives into var/spool/fax"),
    ("609", "a fax machine that sends a page"),
    ("700", "transfer a call here to park it; 701 to 709 get it back"),
    ("800", "a conference room: all who dial it talk; * tells the keys. 801: the same as its admin"),
    ("*72103, *90103, *92103", "forward your calls to 103: always, when busy, without an answer; *73, *91, *93 end it"),
)

MANAGER_HOST = "127.0.0.1"
"""Where a new demo's manager listens."""
HTTP_PORT = 8088
HTTPS_PORT = 8089
FAX_PAGE = "var/spool/fax/demo-page.tif"
"""What 609 sends."""
_CERTIFICATE = "https.pem"

_ASTERISK_CONF = """\
; Where this server keeps everything: paths count from this file's folder.
[directories]
astetcdir => .
astmoddir => modules
astvarlibdir => var
astdbdir => var
astkeydir => .
astdatadir => var
astagidir => var/agi-bin
astspooldir => var/spool
astrundir => var
astlogdir => var/log

[options]
verbose = 3
"""

_PJSIP_CONF = """\
; The SIP side: where to listen, and who may register. See docs/ for every option.

[global]
type=global
user_agent=Asterism demo

; To change the port, change it here.
[transport-udp]
type=transport
protocol=udp
bind={host}:{sip_port}

; What all phones of this demo share.
[phone](!)
type=endpoint
context=demo
disallow=all
allow=ulaw,alaw
direct_media=no
rtp_symmetric=yes
force_rport=yes
rewrite_contact=yes
cc_agent_policy=generic
cc_monitor_policy=generic
call_group=1
pickup_group=1
notify_dialog_ids=yes
; A fax machine is known by its tone or its request for T.38: its call goes to the extension fax (docs/guide/fax.md).
t38_udptl=yes
t38_udptl_ec=redundancy
fax_detect=yes
fax_detect_timeout=20

; What browsers need: keys by DTLS, paths by ICE, audio and video on one port. docs/guide/browser-phone.md tells more.
[browser](!,phone)
webrtc=yes
disallow=all
allow=opus,ulaw,alaw,vp8,h264
t38_udptl=no
fax_detect=no

[auth](!)
type=auth
auth_type=userpass

[aor](!)
type=aor
max_contacts=3
remove_existing=yes
"""

_ACCOUNT = """
[{number}]({kind})
auth={number}
aors={number}
callerid="{name} {number}" <{number}>
[{number}](auth)
username={number}
password={password}
[{number}](aor)
"""

_EXTENSIONS_CONF = """\
; What happens to a call: the caller's context is "demo" (pjsip.conf), the number dialled is the extension.

[announce]
exten => s,1,Verbose(1,this call comes from ${ARG1})
 same => n,Playback(number)
 same => n,SayDigits(${ARG1})
 same => n,Return()

; Whether calls are forwarded: ARG1 is who is called, ARG2 the kind of forwarding, ARG3 the reason that the next phone
; and the caller are told. After five forwards, or without one, back to where it was called from.
[forward]
exten => s,1,Set(TO=${DB(forward-${ARG2}/${ARG1})})
 same => n,GotoIf($["${TO}" = "" | ${REDIRECTING(count)} >= 5]?none)
 same => n,ExecIf($["${REDIRECTING(orig-num)}" = ""]?Set(REDIRECTING(orig-reason,i)=${ARG3}))
 same => n,ExecIf($["${REDIRECTING(orig-num)}" = ""]?Set(REDIRECTING(orig-num,i)=${ARG1}))
 same => n,Set(REDIRECTING(count,i)=$[${REDIRECTING(count)} + 1])
 same => n,Set(REDIRECTING(from-num,i)=${ARG1})
 same => n,Set(REDIRECTING(reason,i)=${ARG3})
 same => n,Set(REDIRECTING(to-num)=${TO})
 same => n,StackPop()
 same => n,Goto(demo,${TO},1)
 same => n(none),Return()

; Forward the calls of the phone that dials this: ARG1 is the kind, ARG2 the extension, empty to end it.
[set-forward]
exten => s,1,Answer()
 same => n,Set(ME=${CHANNEL(endpoint)})
 same => n,GotoIf($["${ARG2}" = ""]?end)
 same => n,GotoIf($["${ARG2}" = "${ME}" | ${DIALPLAN_EXISTS(demo,${ARG2},1)} = 0]?wrong)
 same => n,Set(DB(forward-${ARG1}/${ME})=${ARG2})
 same => n,Playback(call-forwarding&activated)
 same => n,Hangup()
 same => n(end),Set(ENDED=${DB_DELETE(forward-${ARG1}/${ME})})
 same => n,Playback(call-forwarding&de-activated)
 same => n,Hangup()
 same => n(wrong),Playback(invalid)
 same => n,Hangup()

[demo]
; The phones. Dial rings for 30 seconds; what follows runs when nobody answered. The subroutine comes back where the
; phone's owner does not have such calls forwarded.
exten => _10X,1,Verbose(2,${CALLERID(num)} calls ${EXTEN})
 same => n,Gosub(forward,s,1(${EXTEN},always,cfu))
 same => n,Dial(PJSIP/${EXTEN},30)
 same => n,Verbose(2,${EXTEN}: ${DIALSTATUS})
 same => n,ExecIf($["${DIALSTATUS}" = "BUSY"]?Gosub(forward,s,1(${EXTEN},busy,cfb)))
 same => n,ExecIf($["${DIALSTATUS}" != "BUSY"]?Gosub(forward,s,1(${EXTEN},noanswer,cfnr)))
 same => n,Hangup(${HANGUPCAUSE})
exten => _10X,hint,PJSIP/${EXTEN}

; Pickup: ** and the number of a phone that rings. A phone with lamps dials it when a lamp that blinks is pressed, if **
; is its pickup prefix; others send an INVITE with Replaces, which needs no extension. *8 picks up any phone that rings.
exten => _**10X,1,Pickup(${EXTEN:2}@demo)

; Call forwarding: *72 and an extension for all calls, *90 when busy, *92 when nobody answers; *73, *91, *93 end it.
; A prompt confirms. It is kept in the database: "database show" lists it, and a restart does not end it.
exten => _*72X.,1,Gosub(set-forward,s,1(always,${EXTEN:3}))
exten => _*90X.,1,Gosub(set-forward,s,1(busy,${EXTEN:3}))
exten => _*92X.,1,Gosub(set-forward,s,1(noanswer,${EXTEN:3}))
exten => *73,1,Gosub(set-forward,s,1(always,))
exten => *91,1,Gosub(set-forward,s,1(busy,))
exten => *93,1,Gosub(set-forward,s,1(noanswer,))

; Echo: what you say comes back.
exten => 600,1,Answer()
 same => n,Echo()

; A prompt.
exten => 601,1,Answer()
 same => n,Wait(0.5)
 same => n,Playback(hello-world)
 same => n,Hangup()

; A tone, for ten seconds.
exten => 602,1,Answer()
 same => n,PlayTones(440)
 same => n,Wait(10)
 same => n,Hangup()

; Early media: heard before anything is answered or charged.
exten => 603,1,Progress()
 same => n,Playback(im-sorry,noanswer)
 same => n,Hangup(21)

exten => 604,1,Busy(5)
exten => 605,1,Congestion(5)

exten => 606,1,Answer()
 same => n,Gosub(announce,s,1(${CALLERID(num)}))
 same => n,Playback(goodbye)
 same => n,Hangup()

; The time. CHANNEL(language) decides the order of the words; docs/guide/prompts.md has the letters of the format.
exten => 607,1,Answer()
 same => n,Playback(at-tone-time-exactly)
 same => n,Set(TONE=$[${EPOCH} + 6])
 same => n,SayUnixTime(${TONE},,IMSp)
 same => n,WaitUntil(${TONE})
 same => n,Playback(beep)
 same => n,Hangup()

; Fax (docs/guide/fax.md): 608 receives into var/spool/fax, 609 sends a page. A fax machine, or another server, dials
; them; a phone only hears modems. A call of a fax machine to any other number comes to the extension fax (fax_detect in
; pjsip.conf). To see it at work: "channel originate Local/609@demo extension 608@demo" in the console, then
; "fax show sessions".
exten => 608,1,Set(FAXOPT(localstationid)=608)
 same => n,ReceiveFAX(${UNIQUEID}.tif,f)
 same => n,Verbose(1,fax from ${REMOTESTATIONID}: ${FAXSTATUS} ${FAXPAGES} ${FAXSTATUSSTRING})
 same => n,Hangup()
exten => fax,1,Goto(608,1)
exten => 609,1,Set(FAXOPT(localstationid)=609)
 same => n,SendFAX(demo-page.tif,f)
 same => n,Verbose(1,fax to ${REMOTESTATIONID}: ${FAXSTATUS} ${FAXPAGES} ${FAXSTATUSSTRING})
 same => n,Hangup()

; Nobody answered, or busy? *30: be called back when the other phone is free. *31: not after all.
exten => *30,1,CallCompletionRequest()
 same => n,Playback(${IF($["${CC_REQUEST_RESULT}" = "SUCCESS"]?activated:im-sorry)})
 same => n,Verbose(1,call completion: ${CC_REQUEST_RESULT} ${CC_REQUEST_REASON})
 same => n,Hangup()
exten => *31,1,CallCompletionCancel()
 same => n,Hangup()

; Parking: transfer a call to 700, get it back at 701 to 709 (res_parking.conf).
include => parkedcalls

; A conference room (confbridge.conf): all who dial 800 talk with each other, * tells what the keys do. Who dials 801
; may lock it (2), mute all others (5) and put out the last who came (3).
exten => 800,1,ConfBridge(demo)
 same => n,Hangup()
exten => 801,1,ConfBridge(demo,,admin,admin_menu)
 same => n,Hangup()
exten => 800,hint,confbridge:demo

; Your own extensions: below, in this context.
"""

_CDR_CONF = """\
; A record of each call: a row in var/log/cdr-csv/Master.csv. Without this file there are none.
[general]
unanswered = yes

[csv]
usegmtime = no
"""

_RES_PARKING_CONF = """\
; Parked calls hear music, and come back to the phone that parked them after 45 seconds.
[default]
parkext = 700
parkpos = 701-709
parkinghints = yes
courtesytone = beep
"""

_CONFBRIDGE_CONF = """\
; The room of 800 and 801. Who is alone hears music.
[default_user]
type = user
music_on_hold_when_empty = yes

[admin]
type = user
template = default_user
admin = yes

[default_menu]
type = menu
* = playback_and_continue(conf-usermenu)
*1 = toggle_mute
1 = toggle_mute
*4 = decrease_listening_volume
4 = decrease_listening_volume
*6 = increase_listening_volume
6 = increase_listening_volume
*7 = decrease_talking_volume
7 = decrease_talking_volume
*9 = increase_talking_volume
9 = increase_talking_volume
*8 = leave_conference
8 = leave_conference
0 = participant_count

[admin_menu]
type = menu
template = default_menu
2 = admin_toggle_conference_lock
3 = admin_kick_last
5 = admin_toggle_mute_participants
"""

_MANAGER_CONF = """\
; The manager interface, for programs; only this machine reaches it.
[general]
enabled = yes
bindaddr = {manager_host}
port = {manager_port}

[demo]
secret = {password}
read = all
write = all
"""

_HTTP_CONF = """\
; The HTTP listener: the browser phone at /phone/, SIP over WebSocket at /ws. The certificate was made with this file;
; put one here that browsers know, and they stop warning.
[general]
enabled = yes
bindaddr = {host}
bindport = {http_port}
tlsenable = yes
tlsbindaddr = {tls_host}:{https_port}
tlscertfile = {certificate}
redirect = / /phone/
"""

_BROWSER_PHONE_CONF = """\
; A phone in the browser, for the accounts of [browser] in pjsip.conf.
[general]
enabled = yes
"""

_LOGGER_CONF = """\
[general]
dateformat = %F %T

[logfiles]
console => notice,warning,error,verbose
messages => notice,warning,error
security => security
"""

_RTP_CONF = """\
[general]
rtpstart = 10000
rtpend = 20000
ice_loopback = yes   ; for a browser on this machine
"""

_UDPTL_CONF = """\
; Faxes by T.38: one port for each leg.
[general]
udptlstart = 4000
udptlend = 4999
"""

_RES_FAX_CONF = """\
; What all faxes begin with; FAXOPT() changes it for one.
[general]
maxrate = 14400
minrate = 4800
ecm = yes
statusevents = yes   ; the manager is told of each step
"""

_MODULES_CONF = """\
[modules]
autoload = yes
"""


@dataclass(slots=True)
class Demo:
    """The settings of a demo folder, as read back from its files."""

    folder: Path
    host: str
    sip_port: int
    manager_host: str
    manager_port: int
    manager_secret: str
    passwords: dict[str, str]
    http_host: str = ""
    http_port: int = 0
    """0 where nothing listens."""
    https_port: int = 0

    @property
    def conf_path(self) -> Path:
        """Its ``asterisk.conf``."""
        return self.folder / "asterisk.conf"


def _password() -> str:
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(12))


def create(
    folder: Path,
    host: str,
    sip_port: int,
    manager_port: int,
    http_port: int = HTTP_PORT,
    https_port: int = HTTPS_PORT,
    names: Collection[str] = (),
) -> None:
    """Write the files that are not there yet; whatever exists is never touched, save a certificate that ends soon.

    ``names`` are further names and addresses of this machine, for its certificate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds = (("phone", "Phone", ACCOUNTS), ("browser", "Browser", BROWSER_ACCOUNTS))
    accounts = "".join(
        _ACCOUNT.format(number=number, kind=kind, name=name, password=_password())
        for kind, name, numbers in kinds
        for number in numbers
    )
    files = {
        "asterisk.conf": _ASTERISK_CONF,
        "pjsip.conf": _PJSIP_CONF.format(host=format_host_port(host), sip_port=sip_port) + accounts,
        "extensions.conf": _EXTENSIONS_CONF,
        "http.conf": _HTTP_CONF.format(
            host=host, tls_host=format_host_port(host), http_port=http_port, https_port=https_port,
            certificate=_CERTIFICATE,
        ),
        "browser_phone.conf": _BROWSER_PHONE_CONF,
        "manager.conf": _MANAGER_CONF.format(
            manager_host=MANAGER_HOST, manager_port=manager_port, password=_password()
        ),
        "logger.conf": _LOGGER_CONF,
        "res_parking.conf": _RES_PARKING_CONF,
        "confbridge.conf": _CONFBRIDGE_CONF,
        "cdr.conf": _CDR_CONF,
        "rtp.conf": _RTP_CONF,
        "udptl.conf": _UDPTL_CONF,
        "res_fax.conf": _RES_FAX_CONF,
        "modules.conf": _MODULES_CONF,
    }  # fmt: skip
    for name, text in files.items():
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(text)
    page = folder / FAX_PAGE
    if not page.exists():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(sample_page())
    keep_certificate(folder / _CERTIFICATE, names)


def read(folder: Path) -> Demo:
    """The demo in ``folder``, as its user may have changed it; raises ``ConfigError``."""
    pjsip = ConfigFile.load(folder / "pjsip.conf")
    manager = ConfigFile.load(folder / "manager.conf", missing_ok=True)
    host, port = "0.0.0.0", 5060
    passwords: dict[str, str] = {}
    for section in pjsip.sections:
        kind = section.get("type")
        if kind == "transport" and section.get("protocol", "udp") == "udp":
            host, number = split_host_port(section.get("bind", "0.0.0.0:5060"))
            port = 5060 if number is None else number
        elif kind == "auth":
            passwords[section.get("username", section.name)] = section.get("password")
    general = manager.options("general")
    http = http_settings(ConfigFile.load(folder / "http.conf", missing_ok=True))[0]
    users = [section for section in manager.sections if section.name != "general"]
    return Demo(
        folder=folder,
        host=host,
        sip_port=port,
        manager_host=general.get("bindaddr", "0.0.0.0"),
        manager_port=general.integer("port", 5038),
        manager_secret=users[0].get("secret") if users else "",
        passwords=passwords,
        http_host=http.bindaddr,
        http_port=http.bindport if http.enabled else 0,
        https_port=http.tlsbindport if http.enabled and http.tlsenable else 0,
    )
