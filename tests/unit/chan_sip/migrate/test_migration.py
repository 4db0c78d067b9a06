"""A folder as a whole: which files there are."""

from __future__ import annotations

from pathlib import Path

from asterism.chan_sip.migrate.migration import kept_files, migrate
from asterism.chan_sip.migrate.report import Outcome

FILES = {
    "sip.conf": "[general]\n[a]\ntype=friend\nsecret=x\n#include sip_more.conf\n#include shared.conf\n",
    "sip_more.conf": "[b]\ntype=friend\n",
    "shared.conf": "",
    "sip_notify.conf": "[reboot]\nEvent=>check-sync\n",
    "extensions.conf": "[c]\nexten => 1,1,Dial(SIP/a)\n#include shared.conf\n",
    "queues.conf": "[q]\nmember => SIP/a,1\n",
    "modules.conf": "[modules]\nautoload=yes\nnoload=chan_pjsip.so\n",
    "cdr.conf": "[x]\n",
    "keys/k.pem": "key",
    "extensions.ael": "",
}


def fill(folder: Path, **more: str) -> Path:
    for name, text in {**FILES, **more}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_files(tmp_path: Path) -> None:
    folder = fill(tmp_path / "etc")
    done = migrate(folder, folder / "new")
    assert set(done.files) == {
        "pjsip.conf", "pjsip_more.conf", "pjsip_notify.conf", "extensions.conf", "queues.conf", "modules.conf",
    }  # fmt: skip
    assert done.left_out == {"sip.conf", "sip_more.conf", "sip_notify.conf"}
    assert done.files["queues.conf"] == "[q]\nmember => PJSIP/a,1\n"
    assert "#include pjsip_more.conf" in done.files["pjsip.conf"]
    (folder / "new").mkdir()
    (folder / "new" / "old.conf").write_text("")
    kept = {name for _, name in kept_files(folder, folder / "new", done)}
    assert kept == {"shared.conf", "cdr.conf", "keys/k.pem", "extensions.ael"}
    told = {(entry.path, entry.outcome) for entry in done.report.entries if entry.path == "extensions.ael"}
    assert told == {("extensions.ael", Outcome.UNTRANSLATED)}


def test_a_pjsip_conf_that_is_in_use_stays(tmp_path: Path) -> None:
    folder = fill(tmp_path, **{"pjsip.conf": "[b]\ntype=endpoint\n", "pjsip_notify.conf": "[x]\nEvent=>y\n"})
    done = migrate(folder, tmp_path.with_name("new"))
    assert done.files["pjsip.conf"].startswith("[b]\ntype=endpoint\n")
    assert done.files["pjsip.conf"].endswith("#include pjsip_migrated.conf\n")
    assert "[a]" in done.files["pjsip_migrated.conf"]
    assert "pjsip_more.conf" not in done.files
    assert "pjsip_notify.conf" not in done.files


def test_a_transport_of_pjsip_conf_with_the_same_address_is_used(tmp_path: Path) -> None:
    pjsip = "[mine]\ntype=transport\nprotocol=udp\nbind=192.0.2.1:5060\n"
    sip = "[general]\nudpbindaddr=192.0.2.1\n[a]\ntype=friend\nsecret=x\n"
    folder = fill(tmp_path, **{"pjsip.conf": pjsip, "sip.conf": sip})
    added = migrate(folder, tmp_path.with_name("new")).files["pjsip_migrated.conf"]
    assert "type = transport" not in added
    assert "transport = mine" in added


def test_users_conf(tmp_path: Path) -> None:
    users = "[general]\nhassip=yes\nhost=dynamic\n[161]\nfullname=Ann\nsecret=x\n"
    done = migrate(fill(tmp_path, **{"users.conf": users}), tmp_path.with_name("new"))
    assert "[161]" in done.files["pjsip.conf"]
    assert "users.conf" not in done.files


def test_what_is_the_same_with_its_value_needs_no_look(tmp_path: Path) -> None:
    general = "[general]\nexternip={}\n{}notifyringing={}\nsdpsession={}\n[a]\nhost={}\ntype=peer\ninsecure={}\n"
    same = general.format("203.0.113.7", "localnet=10.0.0.0/8\n", "yes", "Office", "192.0.2.1", "port,invite")
    changed = general.format("pbx.example", "", "no", "Our office", "dynamic", "invite")
    for text, outcome in ((same, Outcome.TRANSLATED), (changed, Outcome.CHANGED)):
        folder = fill(tmp_path / outcome.name, **{"sip.conf": text})
        lines = [entry for entry in migrate(folder, folder / "new").report.entries if entry.path == "sip.conf"]
        told = {entry.outcome for entry in lines if entry.before.split()[0] not in ("localnet", "host")}
        assert told == {outcome}


def test_a_migrated_phone_has_no_options_without_effect(tmp_path: Path) -> None:
    folder = fill(tmp_path, **{"sip.conf": "[general]\n[a]\ntype=friend\nhost=dynamic\nsecret=x\n"})
    assert "dtls" not in migrate(folder, tmp_path.with_name("new")).files["pjsip.conf"]


def test_nothing_is_written_outside_of_the_new_folder(tmp_path: Path) -> None:
    """Whatever way includes name files: those of the folder are written under their names, others are in pjsip.conf."""
    peer = "[{}]\ntype=friend\nsecret=x\n"
    includes = ("../above.conf", "keys/../../beside.conf", f"{tmp_path}/absolute.conf", "keys/../keys/inside.conf")
    sip = "[general]\n" + "".join(f"#include {name}\n" for name in includes)
    extensions = "[c]\nexten => 1,1,Dial(SIP/above)\n#include ../above_ext.conf\n"
    folder = fill(tmp_path / "etc", **{"sip.conf": sip, "extensions.conf": extensions})
    for name in ("above", "beside", "absolute"):
        (tmp_path / f"{name}.conf").write_text(peer.format(name))
    (folder / "keys" / "inside.conf").write_text(peer.format("inside"))
    (tmp_path / "above_ext.conf").write_text("exten => 2,1,Dial(SIP/above)\n")
    done = migrate(folder, tmp_path / "new")
    assert not [name for name in done.files if ".." in name or name.startswith("/")]
    assert "[inside]" in done.files["keys/pjsip_inside.conf"]
    assert "#include keys/pjsip_inside.conf" in done.files["pjsip.conf"]
    for name in ("above", "beside", "absolute"):
        assert f"[{name}]" in done.files["pjsip.conf"]
        assert f"{name}.conf\n" not in "".join(
            line for line in done.files["pjsip.conf"].splitlines(True) if line.startswith("#")
        )
    told = {(entry.path, entry.line) for entry in done.report.entries if entry.outcome is Outcome.UNTRANSLATED}
    assert ("extensions.conf", 3) in told
