"""Seeds of the targets that have a whole server; what their bytes mean stands with each target."""

# ruff: noqa: E501, ISC004 (one entry a line)

from __future__ import annotations

import struct
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[2] / "samples"

_STATUS = {100: 0, 180: 1, 183: 3, 200: 5, 202: 6, 302: 10, 401: 14, 407: 18, 422: 27, 423: 28, 481: 31, 486: 35, 487: 36, 488: 37,
           491: 38, 494: 40, 500: 41, 503: 43, 603: 48}  # fmt: skip


def _answer(status: int) -> bytes:
    return b"r" + bytes((_STATUS[status] or 52,))


def _join(*pieces: bytes) -> bytes:
    return b"\0".join(pieces)


ALICE, BOB, TRUNK, CAROL = b"p\x05", b"p\x01", b"p\x02", b"p\x03"
_OFFER = b"\x80"
DIALOGS = (
    # Answered at once; every request within the dialog; BYE.
    _join(ALICE, b"I\x0e", b"A\x02", b"i\x80", b"A\x02", b"i\x89", b"A\x02", b"i\x02", b"A\x80", b"U\x90", b"N\x02", b"M\x01", b"B\x02"),
    _join(ALICE, b"I\x0e", b"=", b"=", b"A\x02", b"=", b"B\x02", b"=", b"B\x02"),
    # Early media, PRACK with and without description, CANCEL.
    _join(ALICE, b"I\x01Require: 100rel\n", b"P\x02", b"=", b"P\x80", b"U\x80", b"C\x02", b"A\x01"),
    _join(ALICE, b"I\x01Supported: 100rel\n", b"t\x03", b"P\x02", b"t\x07", b"A\x01"),
    # Ringing, answered by Bob, either side hangs up.
    _join(ALICE, b"I\x02", b"r\x01", b"2\x02", b"A\x02", b"T\x43", b"2\x02", b"T\x09"),
    _join(ALICE, b"I\x02", b"r\x03RSeq: 1\nRequire: 100rel\n\nv=0\n", b"2\x02", b"r\x05", b"A\x02", b"B\x02", b"2\x02"),
    _join(ALICE, b"I\x02", b"r\x01", b"C\x02", b"r\x05", b"r\x24", b"A\x01"),
    _join(ALICE, b"I\x03", b"r\x01", b"o\x01", b"2\x01", b"2\x02", b"A\x02", b"i\x88", b"2\x02", b"T\x0d", b"B\x02", b"2\x02"),
    _join(ALICE, b"I\x03", b"r\x0aContact: <sip:x@127.0.0.7>\n", b"r\x23", b"o\x23", b"A\x01"),
    # Redirected, challenged, too small an interval, glare.
    _join(ALICE, b"I\x06", b'r\x0eWWW-Authenticate: Digest realm="x",nonce="y",qop="auth"\n', b"r\x1bMin-SE: 1800\n", b"2\x02", b"A\x02"),
    _join(ALICE, b"I\x02", b"2\x02", b"A\x02", b"d\x02", b"r\x26", b"t\x04", b"2\x02", b"i\x80", b"2\x02", b"d\x00"),
    _join(ALICE, b"I\x02Session-Expires: 90;refresher=uas\nSupported: timer\n", b"2\x02Session-Expires: 90;refresher=uac\n", b"A\x02", b"t\x07", b"t\x07", b"2\x02", b"T\x07", b"B\x02"),
    _join(ALICE, b"I\x04", b"A\x02", b"N\x02Content-Type: application/dtmf\n\n5", b"R\x45Refer-To: <sip:770@127.0.0.1>\n", b"t\x05", b"2\x02"),
    _join(ALICE, b"I\x05Subject: $[${X}\n", b"A\x02", b"d\x02", b"2\x02", b"d\x03", b"r\x2a", b"B\x02"),
    # Subscriptions, and a call that changes what they tell.
    _join(ALICE, b"e\x00", b"R\x02Event: presence\nAccept: application/pidf+xml, application/xpidf+xml\nExpires: 600\n", b"r\x05", b"I\x02", b"r\x01", b"r\x05", b"2\x02", b"A\x02", b"r\x05", b"B\x02", b"t\x04"),
    _join(ALICE, b"e\x00", b"R\x02Event: dialog;id=7\nAccept: application/dialog-info+xml\nExpires: 90\n", b"r\x05", b"R\x42Event: dialog;id=7\nExpires: 120\n", b"r\x31", b"R\x42Event: dialog;id=7\nExpires: 0\n", b"r\x05", b"t\x07"),
    _join(ALICE, b"e\x01", b"R\x02Event: presence\nExpires: 0\n", b"r\x05", b"R\x02Event: presence\nExpires: 30\n", b"t\x07", b"t\x07"),
    # Outside of dialogs.
    _join(ALICE, b"R\x01", b"R\x02Event: presence\n", b"R\x00", b"M\x02", b"R\x03Event: x\n", b"R\x05", b"R\x0e", b"R\x0f", b"R\x4b", b"R\x49"),
    _join(CAROL, b"e\x07", b"G\x02Contact: *\nExpires: 0\n", b"G\x02Expires: 60\n", b"I\x07", b"r\x03", b"I\x07", b"A\x01"),
    _join(TRUNK, b"I\x02History-Info: <sip:x@y>;index=1\nDiversion: <sip:a@b>;reason=user-busy\n", b"2\x02", b"A\x02", b"T\x04", b"T\x07", b"B\x02"),
    # Hold from the server's side, at once with a re-INVITE of the peer; no answer to anything.
    _join(ALICE, b"I\x02", b"2\x02", b"A\x02", b"d\x02", b"i\x88", b"=", b"t\x03", b"r\x26", b"t\x07", b"t\x07"),
    _join(ALICE, b"I\x0eReplaces: a;to-tag=b;from-tag=c\n", b"A\x02", b"t\x07", b"B\x02"),
    _join(ALICE, b"X\x01OPTIONS sip:x SIP/2.0\r\n\r\n", b"X\x02\r\n\r\n", b"I\x0e", b"d\x00", b"d\x00", b"2\x02"),
)  # fmt: skip
ANSWERS = (
    _join(b"\x01r\x01", b"2\x02", b"A\x02", b"B\x02"),
    _join(b"\x02" + _answer(180), _answer(183) + b"RSeq: 1\nRequire: 100rel\n", b"2\x02", b"2\x03", b"2\x02", b"d\x02", b"2\x02", b"d\x00", b"2\x02"),
    _join(b"\x02" + _answer(302) + b"Contact: <sip:a@127.0.0.2>;q=0.5, <sip:b@127.0.0.3>\n", _answer(486), b"o\x23"),
    _join(b"\x02" + _answer(401) + b'WWW-Authenticate: Digest realm="r", nonce="n"\n', _answer(407) + b'Proxy-Authenticate: Digest realm="r", nonce="n", qop=auth\n', b"2\x02"),
    _join(b"\x00" + _answer(180) + b"Alert-Info: <x>\n", b"T\x07", b"T\x88", b"2\x02", b"T\x0d", b"A\x02", b"T\x87", b"T\x09"),
    _join(b"\x02" + _answer(422) + b"Min-SE: 4000\n", _answer(423) + b"Min-Expires: 9\n", _answer(491), _answer(494), _answer(503) + b"Retry-After: 5 (x);duration=1\n"),
    _join(b"\x03" + _answer(202), _answer(302) + b"Contact: <sip:127.0.0.1>\n", _answer(500)),
    _join(b"\x04" + _answer(200) + b"Contact: <sip:x>;expires=30\n", _answer(423) + b"Min-Expires: 120\n", _answer(401) + b'WWW-Authenticate: Digest realm="", nonce="", algorithm=MD5-sess\n', b"t\x07"),
)  # fmt: skip
BINDINGS = (
    b"Contact: <sip:carol@127.0.0.4:5074>;expires=60\n",
    _join(b"Contact: <sip:a@127.0.0.4>, <sip:b@[::1]:5061;transport=tcp>;q=0.5;expires=0\nPath: <sip:127.0.0.3;lr>\n", b"Contact: *\nExpires: 0\n"),
    _join(b"Expires: 4294967295\n", b"Contact: *\n", b"Supported: path, outbound, gruu\nContact: <sip:x@y>;+sip.instance=\"<urn:uuid:0>\";reg-id=1\n"),
)  # fmt: skip


def _rtp(sequence: int, payload_type: int = 0, payload: bytes = b"\x55" * 160, first: int = 0x80) -> bytes:
    return (
        b"r" + struct.pack("!BBHII", first, payload_type, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, 7) + payload
    )


_SR = struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, 1, 2, 3, 4, 5) + struct.pack("!BBHI", 0x81, 202, 2, 7) + b"\x01\x01x\0"
_RR = struct.pack("!BBHI", 0x81, 201, 7, 7) + struct.pack("!IIIIII", 1, 0xFF800000, 3, 4, 5, 6)
_LINE = b"\n--\n"
MEDIA = (
    _LINE.join([*(_rtp(n) for n in range(6)), *(_rtp(n, 8) for n in range(6, 12)), b"c" + _SR, b"c" + _RR]),
    _LINE.join([*(_rtp(n, 101, b"\x05\x0a" + struct.pack("!H", n * 160)) for n in range(4)), _rtp(4, 101, b"\x05\x8a\x03\x20")]),
    _LINE.join([_rtp(65534), _rtp(65535), _rtp(65536), _rtp(3, 0, b""), _rtp(4, 13, b"\x10"), b"r" + _SR, _rtp(5, 0, b"\0" * 8, 0xB1)]),
)  # fmt: skip
SECURED = (
    _LINE.join([*(b"p" + _rtp(n)[1:] for n in range(6)), b"q" + _SR, b"q" + _RR, b"k\1", *(b"p" + _rtp(n)[1:] for n in range(6, 9))]),
    _LINE.join([_rtp(1), b"c" + _SR, b"p" + _rtp(2)[1:], b"r" + _RR, b"r\x16\xfe\xff" + b"x" * 30, b"r\0\1\0\0" + b"x" * 16]),
    _LINE.join([b"daaaa\1", b"p\x90\0\0\1" + bytes(8) + b"\xbe\xde\0\1\x10a\0\0" + b"x" * 20, b"k\2", b"p" + _rtp(3, 101, b"\5\x0a\0\xa0")[1:]]),
)  # fmt: skip
_OPTIONS = (
    b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@x.invalid>;tag=1\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: w1\r\nCSeq: 1 OPTIONS\r\n\r\n"
)
WEBSOCKET = (
    _join(b"t" + _OPTIONS, b"\r\n\r\n", b"t" + _OPTIONS.replace(b"OPTIONS", b"REGISTER")),
    b"\x81\x85\x01\x02\x03\x04hello\x89\x80\0\0\0\0\x82\xfe\x00\x7e\1\2\3\4" + b"x" * 126,
    _join(b"t" + _OPTIONS.replace(b"OPTIONS", b"INVITE"), b"t" + _OPTIONS.replace(b"OPTIONS", b"MESSAGE")),
)


def _action(name: str, *fields: str) -> bytes:
    return "\n".join((f"Action: {name}", "ActionID: 7", *fields, "", "")).encode()


CLIENTS = (
    b"N" + _action("Login", "Username: admin", "Secret: wrong"),
    b"N" + _join(_action("Challenge", "AuthType: MD5"), _action("Login", "AuthType: md5", "Username: admin", "Key: x")),
    b"A" + _join(_action("Ping"), _action("CoreStatus"), _action("CoreSettings"), _action("ListCommands"), _action("Logoff")),
    b"A" + _action("Originate", "Channel: PJSIP/bob", "Context: internal", "Exten: 770", "Priority: 1", "Async: true",
                   "Variable: a=b,c=${CALLERID(name)}", 'CallerID: "x" <1>', "Timeout: 3000", "Codecs: ulaw"),
    b"A" + _action("Originate", "Channel: Local/770@internal", "Application: Dial", "Data: PJSIP/alice,5", "Timeout: 0"),
    b"A" + _join(_action("Originate", "Channel: PJSIP/bob/sip:x@127.0.0.9", "Application: Echo", "EarlyMedia: yes"), _action("Hangup", "Channel: /.*/"),
                 _action("Status"), _action("CoreShowChannels"), _action("Redirect", "Channel: x", "Context: internal", "Exten: 770", "Priority: 1")),
    b"A" + _join(_action("Getvar", "Variable: CALLERID(num)"), _action("Setvar", "Variable: X", "Value: y"), _action("Getvar", "Variable: ${X}")),
    b"A" + _join(_action("GetConfig", "Filename: pjsip.conf"), _action("GetConfigJSON", "Filename: extensions.conf", "Category: internal")),
    b"A" + _action("UpdateConfig", "SrcFilename: acl.conf", "DstFilename: acl.conf", "Action-000000: NewCat", "Cat-000000: x",
                   "Action-000001: Append", "Cat-000001: x", "Var-000001: permit", "Value-000001: 1.2.3.4/8"),
    b"A" + _join(_action("Filter", "Operation: Add", "Filter: !Event: (a|b)*c"), _action("Filter", "Operation: Add", "Filter: name(x) header(Y) action(exclude)"), _action("Events", "EventMask: call,system")),
    b"A" + _join(_action("DBPut", "Family: a", "Key: b", "Val: c"), _action("DBGet", "Family: a", "Key: b"), _action("DBDelTree", "Family: a"), _action("DBGetTree")),
    b"A" + _join(_action("PJSIPShowEndpoints"), _action("PJSIPShowEndpoint", "Endpoint: bob"), _action("PJSIPShowAors"), _action("PJSIPShowContacts"),
                 _action("PJSIPQualify", "Endpoint: bob"), _action("PJSIPNotify", "Endpoint: bob", "Variable: Event=x", "Variable: Content=a=b;c")),
    b"A" + _join(_action("ExtensionState", "Exten: 770", "Context: internal"), _action("ExtensionStateList"), _action("DeviceStateList"), _action("ShowDialPlan"),
                 _action("DialplanExtensionAdd", "Context: z", "Extension: _X.", "Priority: 1", "Application: NoOp"), _action("DialplanExtensionRemove", "Context: z", "Extension: _X.")),
    b"A" + _join(_action("BridgeList"), _action("BridgeTechnologyList"), _action("BridgeInfo", "BridgeUniqueid: x"), _action("MuteAudio", "Channel: x", "Direction: all", "State: on")),
    b"A" + _join(_action("UserEvent", "UserEvent: x", "A: b\tc"), _action("WaitEvent", "Timeout: 1"), _action("MessageSend", "To: pjsip:bob", "From: x", "Body: y", "Variable: a=b"),
                 _action("SendText", "Channel: x", "Message: y"), _action("PlayDTMF", "Channel: x", "Digit: 1"), _action("Atxfer", "Channel: x", "Exten: 1"), _action("BlindTransfer", "Channel: x", "Exten: 1")),
    b"A" + _join(_action("Command", "Command: core show channels"), _action("Command", "Command: dialplan show internal"), _action("ModuleCheck", "Module: res_pjsip"), _action("Reload", "Module: logger")),
    b"S" + _join(_action("Originate", "Channel: PJSIP/bob", "Application: TryExec", "Data: System(x)"), _action("Originate", "Channel: Local/770@internal", "Application: ExecIf", "Data: 1?System(x)")),
)  # fmt: skip
CONSOLE = (
    b"core show channels verbose\ncore show help\ncore show settings\ncore show uptime seconds\ncore show version",
    b"dialplan show\ndialplan show 770@internal\ndialplan eval function CALLERID(x)\ndialplan add extension 1,1,NoOp(x) into z\ndialplan remove context z",
    b"pjsip show endpoints\npjsip show endpoint bob\npjsip list aors like /b/\npjsip show contacts\npjsip show history\npjsip show registrations",
    b"sip explain OPTIONS sip:x\npjsip set logger on\npjsip set logger host 127.0.0.1\npjsip set logger off\npjsip set history on",
    b"database put a b \"c d\"\ndatabase get a b\ndatabase show\ndatabase deltree a\ndatabase query \"select 1\"",
    b"core set verbose 3\ncore set debug 2\ncore set debug 0\nlogger show channels\nlogger rotate\ncore show application Dial",
    b"channel originate PJSIP/bob application Echo\nchannel originate Local/770@internal extension 771@internal\nchannel request hangup all",
    b"core show functions\ncore show function DB\nmanager show commands\nmanager show command Ping\nmanager show users\nrtp set debug on\nrtp set debug off",
    b"config show help res_pjsip endpoint\ncore show hints\ncore show hint x\ndevstate change Custom:x BUSY\ndevstate list\ncore show taskprocessors",
    b"\0R\0\0\0\x1d{\"command\": \"core show help\"}\0C\0\0\0\x03cor",
    b"core waitfullybooted\n\"quoted \\\" words\" a\\ b 'c\ncore show channel PJSIP/x\nbridge show all\ncore show codecs\ncore show translation",
)  # fmt: skip
SUBSTITUTIONS = (
    _join(b'$["${CALLERID(name)}" = "x"]', b'" | ${CANARY(1)} | "', b"6001", b"$[CANARY(1)]"),
    _join(b"${IF($[${X0} > 3]?${X1}:${X2:1:2})} ${LEN(${X0})}", b"A", b"1", b"5", b"${CANARY()}", b"abcdef"),
    _join(b"$[1 + 2 * (3 - ${X0}) / 4 % 5] $[!${X0}] $[-${X0}] $[2 ^ 3]", b"a", b"b", b"0"),
    _join(b'$["${X0}" =~ "([0-9]+)-(a|b)*"] $["${X0}" : ".*"] $[${X0} ? a :: b] $[a ~~ b]', b"a", b"b", b"12-ab"),
    _join(b"${CUT(X0,-,2)} ${FILTER(0-9A-F,${X0})} ${REPLACE(X0,a,b)} ${STRREPLACE(X0,a,b)} ${TOUPPER(${X0})} ${REGEX(\"^a\" ${X0})}", b"", b"", b"a-b-c"),
    _join(b"${STRFTIME(${X0},UTC,%F %3q %s)} ${MATH(${X0}+1,int)} ${RAND(1,${X0})} ${SPRINTF(%5.2f %s %d,${X0},${X1},3)}", b"", b"", b"7", b"x"),
    _join(b"${HASH(a,b)} ${ARRAY(a,b)} ${LISTFILTER(X0,-,b)} ${SORT(a:1,b:${X0})} ${SHIFT(X0,-)} ${PUSH(X0,-)} ${FIELDQTY(X0,-)} ${FIELDNUM(X0,-,b)}", b"", b"", b"a-b-c"),
    _join(b"${DB(a/${X0})} ${DB_EXISTS(a/b)} ${GLOBAL(${X0})} ${ENV(PATH)} ${SHARED(x)} ${CHANNEL(name)} ${CALLERID(${X0})} ${HINT(${X0})} ${DEVICE_STATE(${X0})}", b"", b"", b"num"),
    _join(b"${BASE64_DECODE(${X0})}${URIDECODE(${X0})}${MD5(${X0})}${TRIM( ${X0} )}${QUOTE(${X0})}${CSV_QUOTE(${X0})}${KEYPADHASH(${X0})}${EVAL(${X0})}", b"", b"", b"%41%zz=="),
    _join(b"${${X0}} ${X${X1}} ${EXTEN:1} ${EXTEN:-2:1} ${X0:${X1}} ${FUNC(${", b"", b"", b"X1", b"0"),
    _join(b"${PJSIP_PARSE_URI(${X0},host)} ${PJSIP_HEADER(read,${X0})} ${PJSIP_DIAL_CONTACTS(bob)} ${PJSIP_ENDPOINT(bob,${X0})} ${PJSIP_AOR(bob,contact)} ${SORCERY(res_pjsip,endpoint,${X0})}", b"", b"", b"sip:a@b"),
)  # fmt: skip
PATTERNS = (
    _join(b"_NXXNXXXXXX", b"2125551234"), _join(b"_[1-5a-c]Z.", b"3912"), _join(b"_9-1!", b"91"), _join(b"_+X.", b"+49"), _join(b"_[]x[", b"x"),
    b"08:00-18:00,mon-fri,*,*", b"*,sat&sun,1-31,jan-dec,Europe/Berlin", b"22:00-06:00,fri-mon,31-1,dec-feb",
)  # fmt: skip
DIALPLAN = (
    b"[default]\nexten => 100,1,Answer()\n same => n(a),Set(X=$[${X}+1])\n same => n,GotoIf($[${X} < 5]?a)\n same => n,Gosub(sub,s,1(a,${X}))\n same => n,Hangup()\n"
    b"[sub]\nexten => s,1,Return(${ARG1})\n",
    b"[default]\nexten => 100,1,While($[${X} < 3])\n same => n,Set(X=$[${X}+1])\n same => n,ExecIf($[${X} = 2]?ContinueWhile)\n same => n,EndWhile()\n same => n,Read(D,,2,,1,1)\n same => n,WaitExten(1)\n",
    b"[default]\nexten => _1XX/6001,1,NoOp(${EXTEN})\n same => n,MSet(A=1,B=${A})\n same => n,Exec(NoOp(x))\n same => n,TryExec(Foo(x))\n same => n,Dial(PJSIP/bob&PJSIP/alice,3,gD(1:2)U(sub^a)L(1000:500))\ninclude => more,*,*,*,*\n[more]\nexten => i,1,Hangup()\nexten => t,1,Hangup()\nexten => e,1,Hangup()",
    b"[globals]\nA=1\nB=${A}2\n[default]\nexten => 100,1,Goto(100,1)\nexten => 100,hint,PJSIP/bob&Custom:x,CustomPresence:y\n",
    b"[default]\nexten => 100,1,Set(CALLERID(name)=${X0}${CALLERID(all)})\n same => n,Set(CHANNEL(hangup_handler_push)=sub,s,1(x))\n same => n,StackPop()\n same => n,Playback(tt-monkeys&beep)\n same => n,SayDigits(12)\n same => n,UserEvent(a,b:c)\n same => n,ForkCDR()\n same => n,Wait(${X1})\n same => n,Busy(1)\n"
     b"\0\"x\" | $[\0" + b"6001\0" + b"a,b&c\0" + b"1e9",
)  # fmt: skip


def files(name: str) -> list[bytes]:
    """Configuration files: the samples and a few more."""
    if name == "dialplan":
        return [*DIALPLAN, (SAMPLES / "extensions.conf").read_bytes()]
    from text_targets import FILES
    from whole_server import FILES as OWN

    found = []
    for number, file in enumerate(FILES):
        path = SAMPLES / file
        if path.exists():
            found.append(bytes((number | 0x40 if number % 2 else number,)) + path.read_bytes()[:6000])
        if OWN.get(file):
            found.append(bytes((number | 0x80,)) + OWN[file].encode())
    found.append(
        b"\x00[a](!)\ntype=endpoint\n[b](a)\nallow=!all,ulaw\n[b](+)\nset_var=X=1\n#include x.conf\n#tryinclude y\n;--\nz\n--;\n"
    )
    found += [bytes((1,)) + text for text in DIALPLAN]
    return found


SERVER: dict[str, tuple[bytes, ...]] = {
    "dialogs": DIALOGS,
    "answers": ANSWERS,
    "bindings": BINDINGS,
    "websocket": WEBSOCKET,
    "media": MEDIA,
    "secured": SECURED,
    "clients": CLIENTS,
    "console": CONSOLE,
    "substitution": SUBSTITUTIONS,
    "pattern": PATTERNS,
}
