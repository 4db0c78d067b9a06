"""SIP transactions (RFC 3261 section 17) as machines without socket or clock.

The :class:`TransactionLayer` takes bytes and flows, finds or makes the transaction, and tells its
:class:`StackUser` (requests) or each request's :class:`ClientUser` (responses). One file per machine of the RFC.
"""

from asterism.stack.transactions.client import ClientTransaction
from asterism.stack.transactions.client_invite import InviteClientTransaction
from asterism.stack.transactions.client_non_invite import NonInviteClientTransaction
from asterism.stack.transactions.config import TimerConfig
from asterism.stack.transactions.layer import TransactionLayer
from asterism.stack.transactions.matching import too_many_hops
from asterism.stack.transactions.reliable import (
    ReliableReceiver,
    ReliableResponder,
    requires_100rel,
    supports_100rel,
)
from asterism.stack.transactions.server import ServerTransaction
from asterism.stack.transactions.server_invite import InviteServerTransaction
from asterism.stack.transactions.server_non_invite import NonInviteServerTransaction
from asterism.stack.transactions.state import TransactionState
from asterism.stack.transactions.users import ClientUser, StackUser

__all__ = [
    "ClientTransaction",
    "ClientUser",
    "InviteClientTransaction",
    "InviteServerTransaction",
    "NonInviteClientTransaction",
    "NonInviteServerTransaction",
    "ReliableReceiver",
    "ReliableResponder",
    "ServerTransaction",
    "StackUser",
    "TimerConfig",
    "TransactionLayer",
    "TransactionState",
    "requires_100rel",
    "supports_100rel",
    "too_many_hops",
]
