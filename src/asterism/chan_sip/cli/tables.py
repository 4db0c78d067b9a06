"""The columns of ``sip show ...``; scripts cut them by position."""

from __future__ import annotations

from typing import NamedTuple

PEERS_HEAD = (
    "Name/username             Host                                    Dyn Forcerport Comedia    ACL Port     Status"
    "      Description                      \n"
)
USERS_HEAD = "Username                   Secret           Accountcode      Def.Context      ACL  Forcerport\n"
REGISTRY_HEAD = (
    "Host                                    dnsmgr Username       Refresh State                Reg.Time"
    "                 \n"
)
CHANNELS_HEAD = (
    "Peer             User/ANR         Call ID          Format           Hold     Last Message    Expiry"
    "     Peer      \n"
)
SUBSCRIPTIONS_HEAD = (
    "Peer             User             Call ID          Extension        Last state     Type            Mailbox"
    "    Expiry\n"
)
STATS_HEAD = (
    "Peer             Call ID      Duration Recv: Pack  Lost       (     %) Jitter Send: Pack  Lost       (     %)"
    " Jitter\n"
)
TCP_HEAD = "Address                                         Transport   Type\n"
_COUNTED = 100_000
"""From here on packets are shown in thousands."""


def column(text: str, width: int) -> str:
    """Text cut and filled up to a width."""
    return f"{text[:width]:{width}}"


def peer_row(
    name: str, host: str, port: int, *, dynamic: bool, rport: str, comedia: str, acl: bool, status: str,
    description: str, realtime: str = "",
) -> str:  # fmt: skip
    """One peer; ``realtime`` is ``Cached RT`` for one of a database, empty where there are no databases."""
    return (
        f"{column(name, 25)} {column(host, 39)} {' D ' if dynamic else '   '} {column(rport, 10)} {column(comedia, 10)}"
        f" {' A ' if acl else '   '} {port:<8} {status:<11} {column(description, 32)} {realtime}\n"
    )


def user_row(name: str, secret: str, account: str, context: str, acl: bool, rport: str) -> str:
    """One user."""
    return (
        f"{column(name, 25)}  {column(secret, 15)}  {column(account, 15)}  {column(context, 15)}"
        f"  {'Yes' if acl else 'No':<5}{column(rport, 10)}\n"
    )


def registry_row(host: str, looked_up: bool, user: str, refresh: int, state: str, when: str) -> str:
    """One registration at another server."""
    return (
        f"{column(host, 39)} {'Y' if looked_up else 'N':<6} {column(user, 12)}  {refresh:>8} {column(state, 20)}"
        f" {column(when, 25)}\n"
    )


def channel_row(host: str, user: str, call_id: str, formats: str, hold: str, last: str, expiry: str, peer: str) -> str:
    """One dialog."""
    return (
        f"{column(host, 15)}  {column(user, 15)}  {column(call_id, 15)}  {column(formats, 15)}  {column(hold, 7)}"
        f"  {column(last, 15)} {column(expiry, 10)} {column(peer, 10)}\n"
    )


def subscription_row(
    host: str, user: str, call_id: str, extension: str, state: str, kind: str, mailbox: str, seconds: int
) -> str:
    """One subscription."""
    return (
        f"{column(host, 15)}  {column(user, 15)}  {column(call_id, 15)}  {column(extension, 15)}  {column(state, 13)}"
        f"  {column(kind, 15)} {column(mailbox, 10)} {seconds:06}\n"
    )


class Counts(NamedTuple):
    """RTP of one direction: packets, packets lost, jitter in seconds."""

    packets: int
    lost: int
    jitter: float

    def __str__(self) -> str:
        thousands = self.packets >= _COUNTED
        packets = self.packets // 1000 if thousands else self.packets
        total = self.packets + self.lost
        percent = 100.0 * self.lost / total if total > 0 else 0.0
        return f"{packets:010}{'K' if thousands else ' '} {self.lost:010} ({percent:5.2f}%) {self.jitter:.4f}"


def stats_row(host: str, call_id: str, duration: str, received: Counts, sent: Counts) -> str:
    """The media of one dialog."""
    return f"{column(host, 15)}  {column(call_id, 11)}  {column(duration, 8)} {received} {sent}\n"


def inuse_row(name: str, used: str, limit: str) -> str:
    """The calls of one peer, or the heading."""
    return f"{column(name, 25)} {column(used, 15)} {column(limit, 15)} \n"


def domain_row(domain: str, context: str, source: str) -> str:
    """One domain, or the heading."""
    return f"{column(domain, 40)} {column(context, 20)} {column(source, 16)}\n"


def mwi_row(host: str, user: str, mailbox: str, subscribed: str) -> str:
    """One subscription to a mailbox at another server, or the heading."""
    return f"{column(host, 30)}  {column(user, 12)}  {column(mailbox, 10)}  {column(subscribed, 10)}\n"


def tcp_row(address: str, transport: str, kind: str) -> str:
    """One connection."""
    return f"{column(address, 47)} {column(transport, 9)} {column(kind, 6)}\n"


def duration(seconds: float) -> str:
    """``00:00:09``."""
    whole = max(int(seconds), 0)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
