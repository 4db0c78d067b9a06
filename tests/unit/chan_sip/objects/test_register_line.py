"""``register =>`` in its whole grammar, and what breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.chan_sip.objects.register_line import MAX_LINE, RegisterLine, RegisterLinesKind, masked


def line(user: str, host: str, **values: object) -> RegisterLine:
    return RegisterLine(user, host, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234@host", line("1234", "host")),
        ("1234:password@mysipprovider.com", line("1234", "mysipprovider.com", secret="password")),
        ("2345:password@sip_proxy/1234", line("2345", "sip_proxy", secret="password", extension="1234")),
        ("u:s:a@host", line("u", "host", secret="s", auth_user="a")),
        ("u::a@host", line("u", "host", auth_user="a")),
        ("3456@mydomain:5082::@host", line("3456", "host", domain="mydomain", domain_port=5082)),
        (
            "3456@mydomain:5082:s:a@host",
            line("3456", "host", domain="mydomain", domain_port=5082, secret="s", auth_user="a"),
        ),
        ("u@domain@host", line("u", "host", domain="domain")),
        ("u@domain:s@host", line("u", "host", domain="domain", secret="s")),
        ("u@domain:s:a@host", line("u", "host", domain="domain", secret="s", auth_user="a")),
        ("tls://u:s@host", line("u", "host", secret="s", transport="tls")),
        ("TCP://u@host", line("u", "host", transport="tcp")),
        ("udp://user/name:s@host", line("user/name", "host", secret="s", transport="udp")),
        ("peer?u@host", line("u", "host", peer="peer")),
        ("peer?tcp://u@host", line("u", "host", peer="peer", transport="tcp")),
        ("u@host:5070", line("u", "host", port=5070)),
        ("u@host:5070/ext", line("u", "host", port=5070, extension="ext")),
        ("u@host:5070/ext~300", line("u", "host", port=5070, extension="ext", expiry=300)),
        ("u@host~300", line("u", "host", expiry=300)),
        ("u@host/", line("u", "host")),
        ("u@[2001:db8::1]:5070/e", line("u", "2001:db8::1", port=5070, extension="e")),
        ("u@[2001:db8::1]", line("u", "2001:db8::1")),
        ("u@[2001:db8::1]:s@host", line("u", "host", domain="2001:db8::1", secret="s")),
        ("u@[2001:db8::1]:5070:s:@host", line("u", "host", domain="2001:db8::1", domain_port=5070, secret="s")),
        ("u:p@ss@host", line("u", "host", secret="p@ss")),
        ("u:p/ss@host", line("u", "host", secret="p/ss")),
        ("u:p?ss@host", line("u", "host", secret="p?ss")),
        (" u:s@host ", line("u", "host", secret="s")),
        (
            "peer?tls://u@d:5062:s:a@h.example.org:5071/900~60",
            line("u", "h.example.org", port=5071, domain="d", domain_port=5062, secret="s", auth_user="a",
                 extension="900", expiry=60, transport="tls", peer="peer"),
        ),
    ],
)  # fmt: skip
def test_forms(text: str, expected: RegisterLine) -> None:
    found = RegisterLine.parse(text)
    assert found == expected
    assert RegisterLine.parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no '@'"),
        ("user", "no '@'"),
        ("user:secret", "no '@'"),
        ("@host", "no user"),
        (":secret@host", "no user"),
        ("@domain@host", "no user"),
        ("user@", "no host"),
        ("user@/ext", "no host"),
        ("user@:5060", "no host"),
        ("user@ho st", "'ho st' is no host"),
        ("user@host:", "no port of the host"),
        ("user@host:0", "no port of the host"),
        ("user@host:65536", "no port of the host"),
        ("user@host:sip", "no port of the host"),
        ("user@host:+5060", "no port of the host"),
        ("user@[::1", "not a host"),
        ("user@[::1]x", "not a host"),
        ("user@[zz::1]", "no host"),
        ("user@host~", "seconds"),
        ("user@host~0", "seconds"),
        ("user@host~soon", "seconds"),
        ("user@host~-5", "seconds"),
        ("user@host~99999999999999", "seconds"),
        ("user@host/a b", "no extension"),
        ("user@domain:port:secret:auth@host", "no port of the domain"),
        ("user:1:2:3@host", "there is no domain"),
        ("user@domain:1:2:3:4@host", "more than three ':'"),
        ("user@do main:s@host", "'do main' is no domain"),
        ("ws://user@host", "no transport"),
        ("sip://user@host", "no transport"),
        ("?user@host", "no peer"),
        ("user\0:secret@host", "NUL"),
        (f"user:{'x' * MAX_LINE}@host", "more than"),
    ],
)
def test_broken_forms_say_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        RegisterLine.parse(text)


@given(st.text(alphabet="ab?:@/~[]. 0159\\\0#", max_size=30))
def test_any_text_is_a_line_or_an_error_and_a_line_reads_back(text: str) -> None:
    try:
        found = RegisterLine.parse(text)
    except ValueError:
        return
    assert found.user
    assert found.host
    if ":" not in found.user + found.secret and "?" not in found.user:
        assert RegisterLine.parse(str(found)) == found


def test_every_line_adds_one() -> None:
    kind = RegisterLinesKind()
    both = kind.parse("b@two/9~60", kind.parse("a:1@one", ()))
    assert both == ("a:1@one", "b@two/9~60")
    with pytest.raises(ValueError, match="'@'"):
        kind.parse("nonsense", both)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1000:tiger@host:5070/1000", "1000:<hidden>@host:5070/1000"),
        ("tcp://1000:tiger:auth@host/1000~300", "tcp://1000:<hidden>:auth@host/1000~300"),
        ("peer?tls://1000:tiger@host", "peer?tls://1000:<hidden>@host"),
        ("1000@domain:5082:tiger:auth@host", "1000@domain:5082:<hidden>:auth@host"),
        ("1000@[::1]:tiger@[::2]", "1000@[::1]:<hidden>@[::2]"),
        ("1000:ti/g?er@x@host", "1000:<hidden>@host"),
        ("1000@host", "1000@host"),
        ("1000::auth@host", "1000::auth@host"),
        ("1000:tiger:a:b:c@host", "<hidden>"),
    ],
)
def test_a_secret_is_hidden_wherever_it_stands(text: str, shown: str) -> None:
    assert masked(text, "<hidden>") == shown


@given(
    st.sampled_from(["", "udp://", "peer?", "peer?tcp://"]),
    st.sampled_from(["{}", "{}:auth", "@d.example:{}", "@d.example:{}:auth", "@d.example:5082:{}:auth"]),
)
def test_no_form_of_a_line_shows_its_secret(before: str, account: str) -> None:
    account = account.format("tiger") if account.startswith("@") else ":" + account.format("tiger")
    assert "tiger" not in masked(f"{before}1000{account}@host:5070/1000~60", "<hidden>")
