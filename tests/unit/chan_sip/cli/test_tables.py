"""The columns of the listings, compared with recorded lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.chan_sip.cli import tables
from asterism.chan_sip.cli.tables import Counts

RECORD = (Path(__file__).parents[3] / "data" / "record" / "chan_sip_cli.txt").read_text()


def _peer(name: str, host: str, port: int, status: str, description: str = "", **more: object) -> str:
    values = {"dynamic": False, "rport": "No", "comedia": "No", "acl": False, **more}
    return tables.peer_row(name, host, port, status=status, description=description, **values)  # type: ignore[arg-type]


LINES = (
    tables.PEERS_HEAD,
    tables.USERS_HEAD,
    tables.REGISTRY_HEAD,
    tables.CHANNELS_HEAD,
    tables.SUBSCRIPTIONS_HEAD,
    tables.STATS_HEAD,
    tables.TCP_HEAD,
    _peer("alice", "(Unspecified)", 0, "UNKNOWN", dynamic=True, rport="Yes", comedia="Yes"),
    _peer("trunk1/trunkuser", "127.0.0.1", 15081, "UNREACHABLE", "Main trunk"),
    _peer("trunk2", "127.0.0.1", 15082, "LAGGED (2300 ms)", acl=True),
    tables.user_row("alice", "alicepw", "acct-alice", "internal", False, "Yes"),
    tables.registry_row("127.0.0.1:15070", False, "1000", 45, "Registered", "Sat, 21 Nov 2026 10:59:36"),
    tables.registry_row("127.0.0.1:15071", False, "2000", 120, "No Authentication", ""),
    tables.channel_row("127.0.0.1", "alice", "fd42ae6e1f4f982a@", "(ulaw)", "No", "Rx: INVITE", "", "alice"),
    tables.channel_row("127.0.0.1", "(None)", "77c7d6e626786ff1", "(nothing)", "No", "Rx: REGISTER", "", "<guest>"),
    tables.subscription_row(
        "127.0.0.1", "alice", "4abe52169ee4262c@ua", "--", "<none>", "mwi", "6001@default", 600
    ),
    tables.subscription_row(
        "127.0.0.1", "alice", "1adea12ef58c53af", "6001@hints", "InUse", "dialog-info+xml", "<none>", 600
    ),
    tables.stats_row("127.0.0.1", "fd42ae6e1f4f982a", "00:00:09", Counts(327, 0, 0.0), Counts(326, 0, 0.0006)),
    tables.stats_row("127.0.0.1", "1cf16620072a", "", Counts(0, 0, 0.0), Counts(26, 0, 0.0)),
    tables.inuse_row("* Peer name", "In use", "Limit"),
    tables.inuse_row("erin", "0/0/0", "2147483647"),
    tables.domain_row("Our local SIP domains:", "Context", "Set by"),
    tables.domain_row("example.org", "(default)", "[Configured]"),
    tables.mwi_row("Host", "Username", "Mailbox", "Subscribed"),
    tables.mwi_row("127.0.0.1:15070", "3000", "3000", "Yes"),
    tables.tcp_row("127.0.0.1:15093", "TCP", "Server"),
    tables.tcp_row("127.0.0.1:15095", "TLS", "Server"),
)  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_row_is_as_recorded(line: str) -> None:
    assert f"\n{line}" in RECORD


def test_long_texts_are_cut_and_no_column_moves() -> None:
    long = "x" * 500
    row = _peer(long, long, 65535, "UNREACHABLE", long, rport=long, comedia=long)
    assert row.index("65535") == tables.PEERS_HEAD.index("Port")
    assert len(tables.channel_row(*[long] * 8)) == len(tables.CHANNELS_HEAD)
    assert len(tables.user_row(long, long, long, long, True, long)) == len(tables.USERS_HEAD) + 0


def test_many_packets_are_counted_in_thousands_and_losses_in_percent() -> None:
    assert str(Counts(1_234_567, 0, 0.0)) == "0000001234K 0000000000 ( 0.00%) 0.0000"
    assert str(Counts(75, 25, 0.01234)) == "0000000075  0000000025 (25.00%) 0.0123"


def test_a_duration_is_hours_minutes_and_seconds() -> None:
    assert [tables.duration(seconds) for seconds in (-1, 9.7, 3661)] == ["00:00:00", "00:00:09", "01:01:01"]
