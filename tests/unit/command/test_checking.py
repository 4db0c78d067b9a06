"""``asterism check``: what will not work is told with its place and the nearest name, and nothing else is."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from asterism.applications.session import codec_notes
from asterism.command.check import check, run_check
from asterism.command.checking.modules import OPTIONS
from asterism.interfaces.console.protocol import SOCKET_NAME
from asterism.testing.servers import free_port


def told(folder: Path, files: dict[str, str], *, bind: bool = False) -> list[str]:
    """The problems of a configuration, without the folder's name."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [str(problem).replace(f"{folder}/", "") for problem in check(folder, bind=bind)[0]]


def dialplan(*lines: str) -> dict[str, str]:
    text = "[default]\n" + "".join(f"exten => {100 + index},1,{line}\n" for index, line in enumerate(lines))
    return {"extensions.conf": text}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Dail(PJSIP/100)", "there is no application 'Dail'; did you mean 'Dial'?"),
        ("NoCDR()", "there is no application 'NoCDR'; use Set(CDR_PROP(disable)=1)"),
        ("MeetMe(1)", "there is no application 'MeetMe'; use ConfBridge"),
        ("Queue(support)", "there is no application 'Queue'"),
        ("ExecIf($[1]?Quueue(x):Answr())", "there is no application 'Answr'; did you mean 'Answer'?"),
        ("Exec(Plaback(beep))", "there is no application 'Plaback'; did you mean 'Playback'?"),
        ("ExecIfTime(9:00-17:00,*,*,*?Plaback(a:b))", "there is no application 'Plaback'; did you mean 'Playback'?"),
        ("NoOp(${CALERID(num)})", "there is no function 'CALERID'; did you mean 'CALLERID'?"),
        ("NoOp(${LEN(${CALERID(num)})})", "there is no function 'CALERID'; did you mean 'CALLERID'?"),
        ("NoOp(${len(x)})", "there is no function 'len'; did you mean 'LEN'?"),
        ("Set(CALERID(num)=1)", "there is no function 'CALERID'; did you mean 'CALLERID'?"),
        ("MSet(a=1,GLOBEL(x)=2)", "there is no function 'GLOBEL'; did you mean 'GLOBAL'?"),
        ("Dial(SIP/100)", "there is no channel technology 'SIP'; did you mean 'PJSIP'?"),
        ("Dial(PJSIP/1&DAHDI/2)", "there is no channel technology 'DAHDI'"),
        ("System(true)", "the application 'System' runs nothing without 'dialplan_commands = yes' in asterisk.conf"),
        ("NoOp(${SHELL(true)})", "the function 'SHELL' runs nothing without 'dialplan_commands = yes'"),
        ("Dial(100)", "Dial: '100' is no destination: Technology/resource is, PJSIP/alice for example"),
        ("Dial(PJSIP/1,20,t%)", "Dial: Unrecognized option: '%'"),
        ("Dial(PJSIP/1,20,t%U(${SUB}))", "Dial: Unrecognized option: '%'"),
        ("Dial(PJSIP/1,20,S(soon))", "Dial: option S needs seconds"),
        ("Read(code,beep,4,z)", "Read: there is no option 'z'; accepted: s, i, n, t, e"),
        ("Playback(beep,skipp)", "Playback: there is no option 'skipp'; did you mean 'skip'?"),
        ("Playback(beep&nosuchsound)", "there is no sound 'nosuchsound'"),
        ("Read(code,nosuchsound)", "there is no sound 'nosuchsound'"),
    ],
)
def test_what_a_dialplan_names_and_is_not_there(tmp_path: Path, line: str, problem: str) -> None:
    problems = told(tmp_path, dialplan("NoOp()", line))
    assert any(each.startswith(f"extensions.conf:3: {problem}") for each in problems), problems


def test_commands_that_are_allowed(tmp_path: Path) -> None:
    files = {**dialplan("System(true)", "NoOp(${SHELL(true)})"), "asterisk.conf": "[options]\ndialplan_commands=yes\n"}
    assert told(tmp_path, files) == []


@pytest.mark.parametrize(
    "line",
    [
        "Dial(PJSIP/${EXTEN}&${OTHERS},${TIMEOUT},${OPTIONS})",
        "Dial(${TECHNOLOGY}/100,20,tTg)",
        "Dial(PJSIP/1,20,L(5000)U(sub^${X})b(a^s^1(x)))",
        "TryExec(Queue(support))",
        "ExecIf($[\"${IF($[1]?a:b)}\" = \"a\"]?NoOp(${CALLERID(num)}):Set(GLOBAL(x)=1))",
        "Playback(${SOUND}&beep,skip)",
        "Playback(custom/hello)",
        "Read(code,beep,4,snt(#),2,5)",
        "${APPLICATION}(x)",
        "Set(${NAME}(x)=1)",
        "Set(text=a(b)=c)",
        "Set(ARRAY=1)",
    ],
)  # fmt: skip
def test_what_cannot_be_told_beforehand_or_is_there_is_no_problem(tmp_path: Path, line: str) -> None:
    sounds = tmp_path / "var/sounds/fr/custom"
    sounds.mkdir(parents=True)
    (sounds / "hello.ulaw").write_bytes(b"\xff" * 160)
    assert told(tmp_path, dialplan(line)) == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.mp3", b"", "needs PyAV: pip install 'asterism[formats]'"),
        ("x.wav", b"RIFF", "is no WAV file"),
        ("x.opus", b"MZ", "is no Ogg file"),
        ("x.g729", bytes(20), ""),
        ("x.ulaw", bytes(160), ""),
    ],
)
def test_sounds_that_cannot_be_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, problem: str
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "var/sounds").mkdir(parents=True)
    (tmp_path / "var/sounds" / name).write_bytes(content)
    problems = [each for each in told(tmp_path, dialplan("Playback(x)")) if "sound" in each]
    if problem:
        assert problems == [each for each in problems if "the sound 'x' cannot be played" in each and problem in each]
        assert len(problems) == 1
    else:
        assert not problems


def test_functions_that_an_endpoint_sets(tmp_path: Path) -> None:
    text = "[a]\ntype=endpoint\nauth=a\nset_var=CALLERID(name)=x\nset_var=CALERID(num)=1\nset_var=X=CALERID(x)\n"
    problems = told(tmp_path, {"pjsip.conf": text + "[a]\ntype=auth\nusername=a\npassword=b\n"})
    assert problems == ["pjsip.conf:1: there is no function 'CALERID'; did you mean 'CALLERID'?"]


def test_databases_without_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "extconfig.conf": "[settings]\nps_aors => sqlite3,db\n",
        "res_config_sqlalchemy.conf": "[db]\nurl=sqlite:///x.sqlite3\n",
        "sorcery.conf": "[res_pjsip]\naor=realtime,ps_aors\n",
    }
    assert told(tmp_path, files) == []
    monkeypatch.setattr("asterism.data.realtime.settings.find_spec", lambda name: None)
    assert told(tmp_path, {}) == ['realtime needs SQLAlchemy: pip install "asterism[realtime]"']


def test_hints(tmp_path: Path) -> None:
    text = "[a]\nexten => 1,hint,SIP/1&PJSIP/1\nexten => 2,hint,PJSIP/2&Custom:x,CustomPresence:y\n"
    problems = told(tmp_path, {"extensions.conf": text})
    assert problems == ["extensions.conf:2: there is no channel technology 'SIP'; did you mean 'PJSIP'?"]


def test_modules_that_are_not_there_or_not_loaded(tmp_path: Path) -> None:
    modules = (
        "[modules]\nautoload=no\nload=pbx_config.so\nload=app_plaback\nrequire=nosuch\nnoload=chan_iax2.so\nlod=x\n"
    )
    problems = told(tmp_path, {"modules.conf": modules, **dialplan("Answer()", "Echo()", "NoOp(${CUT(a,b,1)})")})
    assert problems == [
        "extensions.conf:3: the application 'Echo' is of the module 'app_echo', which modules.conf does not load",
        "extensions.conf:4: the function 'CUT' is of the module 'func_cut', which modules.conf does not load",
        "modules.conf:4: option 'load': there is no module 'app_plaback'; did you mean 'app_playback'?",
        "modules.conf:5: option 'require': there is no module 'nosuch', and the server does not start without it",
        "modules.conf:7: option 'lod': not an option of modules.conf; did you mean 'load'?; accepted: "
        + ", ".join(OPTIONS),
    ]
    contradiction = {"modules.conf": "[modules]\nautoload=yes\nrequire=registrar\nnoload=res_pjsip\n"}
    assert any("leaves out its needs" in each for each in told(tmp_path, contradiction))


def test_files_of_the_folder_modules_are_read_and_not_run(tmp_path: Path) -> None:
    module = (
        "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n"
        "class Greeter(PbxModule):\n    name = 'greeter'\n"
        "    @application('Greet', Documentation('Greets.'))\n    async def greet(self, channel, args): ...\n"
    )
    files = {"modules/greeter.py": module, "modules/broken.py": "x = (\n", "modules.conf": "[modules]\nload=greeter\n"}
    problems = told(tmp_path, {**files, **dialplan("Greet()")})
    assert len(problems) == 1
    assert problems[0].startswith("modules/broken.py:1: module file cannot be run")
    assert not (tmp_path / "modules/ran").exists()


def test_exec_is_never_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    line = f'#exec "touch {ran}"\n'
    pjsip = f"{line}[a]\ntype=endpoint\naors=from_the_command\n"
    files = dict.fromkeys(("extensions.conf", "modules.conf", "http.conf", "manager.conf", "rtp.conf"), line)
    files |= {"pjsip.conf": pjsip, "asterisk.conf": "[options]\nexecincludes=yes\n"}
    assert told(tmp_path, files) == []
    notes = [str(note) for note in check(tmp_path)[1]]
    assert sum(note.endswith(": #exec is not run by 'asterism check'") for note in notes) == 6
    assert not ran.exists()
    (tmp_path / "asterisk.conf").unlink()
    assert "pjsip.conf:1: '#exec' needs execincludes=yes in asterisk.conf [options]" in told(tmp_path, {})
    assert not ran.exists()


def test_what_is_not_read_is_no_noise(tmp_path: Path) -> None:
    files = {
        "queues.conf": "[oops\n",
        "voicemail.conf": "nonsense\n",
        "fragment.conf": "allow=ulaw\n",
        "pjsip.conf": "[a]\ntype=aor\n#include fragment2.conf\n[p]\ntype=phoneprov\nx=y\n[g]\ntype=geolocation\n",
        "fragment2.conf": "max_contacts=1\n",
    }
    assert told(tmp_path, files) == []


def test_options_have_a_nearest_name(tmp_path: Path) -> None:
    problems = told(tmp_path, {"pjsip.conf": "[a]\ntype=endpoint\ncontxt=x\n"})
    assert problems == ["pjsip.conf:3: endpoint 'a': there is no option 'contxt'; did you mean 'context'?"]


def test_listeners_that_cannot_open(tmp_path: Path) -> None:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        datagrams.bind(("127.0.0.1", 0))
        http, manager, sip = (each.getsockname()[1] for each in (*taken, datagrams))
        twice = free_port()
        transport = "[{}]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{}\n"
        files = {
            "http.conf": f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={http}\n",
            "manager.conf": f"[general]\nenabled=yes\nport={manager}\nbindaddr=127.0.0.1\ntlsenable=yes\n"
            "tlsbindaddr=192.0.2.77:0\n",
            "pjsip.conf": transport.format("a", sip) + transport.format("b", twice) + transport.format("c", twice),
        }
        problems = told(tmp_path, files, bind=True)
    finally:
        for each in (*taken, datagrams):
            each.close()
    for expected in (
        f"http.conf:3: HTTP cannot listen on 127.0.0.1 port {http}: Address already in use",
        f"manager.conf:4: the manager cannot listen on 127.0.0.1 port {manager}: Address already in use",
        "manager.conf:6: the manager with TLS cannot listen on 192.0.2.77 port 0: Cannot assign requested address",
        f"pjsip.conf:1: transport 'a' cannot listen on 127.0.0.1 port {sip}: Address already in use",
        f"pjsip.conf:9: transport 'c' cannot listen on 127.0.0.1 port {twice}: Address already in use",
    ):
        assert expected in problems, problems
    assert not any("transport 'b'" in each for each in problems)
    assert not any("cannot listen" in each for each in told(tmp_path, {}))


def test_both_families_and_each_its_own_are_no_conflict(tmp_path: Path) -> None:
    port = free_port()
    text = "[{0}]\ntype=transport\nprotocol=udp\nbind={1}:{2}\n[{0}-tcp]\ntype=transport\nprotocol=tcp\nbind={1}:{2}\n"
    each = text.format("six", "[::]", port) + text.format("four", "0.0.0.0", port)
    assert told(tmp_path, {"pjsip.conf": each}, bind=True) == []
    problems = told(
        tmp_path, {"pjsip.conf": text.format("a", "[::]", port) + text.format("b", "[::]", port)}, bind=True
    )
    assert ["transport 'b'" in one or "transport 'b-tcp'" in one for one in problems] == [True, True]


def test_a_server_that_runs_has_its_own_ports(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    with socket.socket(socket.AF_UNIX) as console, socket.create_server(("127.0.0.1", 0)) as manager:
        port = manager.getsockname()[1]
        files = {"manager.conf": f"[general]\nenabled=yes\nport={port}\nbindaddr=127.0.0.1\n"}
        assert len(told(tmp_path, files, bind=True)) == 1
        console.bind(str(tmp_path / "var" / SOCKET_NAME))
        console.listen()
        assert told(tmp_path, files, bind=True) == []


def test_certificates_that_are_missing(tmp_path: Path) -> None:
    tls = "[general]\nenabled=yes\nport=0\ntlsenable=yes\ntlscertfile=absent.pem\n"
    problems = told(tmp_path, {"http.conf": tls.replace("port=0\n", ""), "manager.conf": tls})
    assert [each.partition(" cannot")[0] for each in problems] == [
        "http.conf:4: tlscertfile 'absent.pem' or a tlssnicert", "manager.conf:5: tlscertfile 'absent.pem'",
    ]  # fmt: skip
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
         "absent.pem", "-out", "cert", "-subj", "/CN=x"], cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    with (tmp_path / "absent.pem").open("a") as file:
        file.write((tmp_path / "cert").read_text())
    assert told(tmp_path, {}) == []


def test_its_own_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(["--help"]) == 0
    assert "--no-bind" in capsys.readouterr().out
    assert run_check(["--no-bind", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("rtp", "[general]\nrtpstrt=1", "2: option 'rtpstrt': there is no such option; did you mean 'rtpstart'?"),
        ("rtp", "[generl]\nrtpstart=10000", "1: section [generl] is not read; did you mean 'general'?"),
        ("asterisk", "[options]\nverbos=3", "2: option 'verbos': there is no such option; did you mean 'verbose'?"),
        (
            "asterisk",
            "[directories]\nastrdir=x",
            "2: option 'astrdir': there is no such option; did you mean 'astrundir'?",
        ),
        ("modules", "[modles]\nload=x", "1: section [modles] is not read; did you mean 'modules'?"),
        ("http", "[genral]\nenabled=yes", "1: section [genral] is not read; did you mean 'general'?"),
        ("extensions", "[x]\nexten => 1,1,NoOp(x", "2: option 'exten': NoOp has no closing parenthesis"),
    ],
)
def test_what_is_nearly_a_name(tmp_path: Path, file: str, text: str, problem: str) -> None:
    """A mistyped option or section has no effect, and would be missed nowhere else."""
    assert told(tmp_path, {f"{file}.conf": f"{text}\n"}) == [f"{file}.conf:{problem}"]


@pytest.mark.parametrize(
    "text", ["[general]\nstunaddr=x\ndtls_mtu=1200\n", "[ice_host_candidates]\n192.0.2.1 => 192.0.2.2\n"]
)
def test_options_of_asterisk_are_no_mistakes(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, {"rtp.conf": text}) == []


def test_the_file_that_c_takes_stands_for_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "asterisk.conf").write_text("[options]\nverbos=3\n")
    assert run_check(["--no-bind", str(tmp_path / "asterisk.conf")]) == 1
    assert "did you mean 'verbose'?" in capsys.readouterr().out


def test_a_certificate_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    """The file and the reason, in words."""
    transport = "[t]\ntype=transport\nprotocol=tls\nbind=127.0.0.1\ncert_file={}\npriv_key_file={}\n"
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    absent = told(tmp_path, {"pjsip.conf": transport.format("/nowhere/cert.pem", "/nowhere/key.pem")})
    other = told(tmp_path, {"pjsip.conf": transport.format(wrong, wrong)})
    assert [each.partition("cannot be used: ")[2] for each in (*absent, *other)] == [
        "'/nowhere/cert.pem': No such file or directory",
        "a file holds no certificate or key in PEM",
    ]


def test_a_context_that_is_not_in_the_dialplan_is_noted(tmp_path: Path) -> None:
    """A note: programs and the manager make contexts too. A phone in a mistyped one reaches nothing."""
    extensions = (
        "[general]\n[phones]\nexten => 600,1,Answer()\ninclude => phnoes\ninclude => more,9:00-17:00,*,*,*\n[more]\n"
    )
    endpoint = (
        "[101]\ntype=endpoint\ncontext=phonez\nallow=ulaw\nauth=101\n[101]\ntype=auth\nusername=101\npassword=x\n"
    )
    assert told(tmp_path, {"extensions.conf": extensions, "pjsip.conf": endpoint}) == []
    assert [str(note).replace(f"{tmp_path}/", "") for note in check(tmp_path)[1]] == [
        "extensions.conf:4: the included context 'phnoes' is not in extensions.conf; did you mean 'phones'?",
        "pjsip.conf:1: endpoint '101': the context 'phonez' is not in extensions.conf; did you mean 'phones'?",
    ]


def test_the_context_that_a_parking_lot_makes_is_known(tmp_path: Path) -> None:
    """With ``parkext`` a lot brings its context; without it nothing is there to be included."""
    extensions = "[phones]\nexten => 600,1,Answer()\ninclude => parkedcalls\ninclude => sales\n"
    lots = "[default]\nparkext = 700\nparkpos = 701-720\n[sales]\ncontext = sales\nparkpos = 801-810\n"
    assert told(tmp_path, {"extensions.conf": extensions, "res_parking.conf": lots}) == []
    assert [note.message for note in check(tmp_path)[1]] == ["the included context 'sales' is not in extensions.conf"]


def test_a_wrong_line_of_cdr_conf_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, {"cdr.conf": "[general]\nunanswered = perhaps\nsize = 10\n"})
    assert [line.partition("; ")[0] for line in found] == [
        "cdr.conf:2: option 'unanswered': 'perhaps' is neither yes nor no"
    ]


def test_sip_is_a_technology_where_there_is_a_sip_conf(tmp_path: Path) -> None:
    (tmp_path / "extensions.conf").write_text("[x]\nexten => 1,1,Dial(SIP/a)\nexten => 2,hint,SIP/a\n")
    problems, _ = check(tmp_path)
    assert [problem.position.line for problem in problems if problem.position] == [2, 3]
    (tmp_path / "sip.conf").write_text("[a]\ntype=friend\nsecret=x\n")
    assert check(tmp_path)[0] == []


def test_a_sip_conf_that_cannot_be_read_is_the_one_problem(tmp_path: Path) -> None:
    files = {"sip.conf": "[x](nowhere)\ntype=friend\n", "extensions.conf": "[c]\nexten => 1,1,Dial(SIP/x)\n"}
    assert told(tmp_path, files) == ["sip.conf:1: section 'x' inherits from 'nowhere', which is not defined before it"]


def test_options_without_effect_are_those_of_a_section_not_of_a_class(tmp_path: Path) -> None:
    peer = "[x]\ntype=peer\nhost=192.0.2.1\nrfc2833compensate=yes\n"
    (tmp_path / "sip.conf").write_text(f"[general]\nsnom_aoc_enabled=yes\nudpenable=no\n{peer}")
    notes = [str(note) for note in check(tmp_path)[1]]
    assert any("sip.conf:2: [general] option 'snom_aoc_enabled' is accepted" in note for note in notes)
    assert any("sip.conf:7: peer option 'rfc2833compensate' is accepted" in note for note in notes)


def test_an_access_list_that_is_not_there_is_told_once_for_a_peer(tmp_path: Path) -> None:
    files = {"sip.conf": "[general]\nudpenable=no\n[x]\ntype=friend\nhost=dynamic\nsecret=y\nacl=nolist\n"}
    assert told(tmp_path, files) == [
        "sip.conf:3: endpoint 'x': option 'acl' names the acl 'nolist', which does not exist"
    ]


def test_a_codec_without_a_library_is_a_note_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_notes, "reason", lambda fmt: "install libbcg729-0" if fmt.name == "g729" else "")
    auth = "[a]\ntype=auth\npassword=x\n"
    (tmp_path / "pjsip.conf").write_text(f"[a]\ntype=endpoint\nauth=a\nallow=!all,g729,ulaw\n{auth}")
    (note,) = [str(one) for one in check(tmp_path)[1] if "g729" in str(one)]
    assert note.partition("pjsip.conf:")[2] == (
        "1: codec g729 (endpoint a) can be passed on, but not converted: install libbcg729-0"
    )


def test_a_wrong_line_of_cel_conf_is_told(tmp_path: Path) -> None:
    text = "[general]\nenable=yes\nevents=CHAN_START,ANSWERED\n"
    (problem,) = told(tmp_path, {"cel.conf": text})
    assert "cel.conf:3" in problem
    assert "there is no event 'ANSWERED'" in problem
    assert told(tmp_path, {"cel.conf": text.replace("ANSWERED", "ANSWER")}) == []
