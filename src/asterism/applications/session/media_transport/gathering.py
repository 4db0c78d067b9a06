"""Candidates that STUN and TURN servers give are in a description from the beginning (RFC 8839 4.2, no trickling).

A description is written in one go. So the transports that it will need are opened before, their agents ask the servers,
and then the description finds them prepared. Without servers in ``rtp.conf`` nothing of this is asked or done.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asterism.applications.session.media_transport import sections
from asterism.applications.session.media_transport.leg import legs_of
from asterism.applications.session.media_transport.opening import open_another
from asterism.media.stream import AUDIO, VIDEO

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from asterism.applications.session.session import Session
    from asterism.media.core import Media, RtpContext
    from asterism.stack.sdp import SessionDescription

_MOST = 8
"""Transports that are prepared for one description."""


class Preparation:
    """Prepares the transports of sessions.

    Attributes:
        context: whose ``gathers`` says whether there is anything to do, so that calls without servers ask nothing.
    """

    __slots__ = ("_media", "context")

    def __init__(self, media: Media) -> None:
        self._media = media
        self.context: RtpContext = media.context

    def before(
        self, session: Session, description: SessionDescription | None = None
    ) -> Coroutine[Any, Any, None] | None:
        """Open the transports that the next description needs; ``None``: none has to be waited for.

        Args:
            session: whose description it is.
            description: the offer that is to be answered; ``None``: an offer of ours is to be made.
        """
        options = session.profile.transport
        if not (options.ice and self._media.settings.ice_support):
            return None
        peer = ""
        if description is None:
            kinds = self._offered(session)
        else:
            kinds = self._answered(session, description)
            connection = description.connection or next((one.connection for one in description.media), None)
            peer = "" if connection is None else connection.address
        prepared = session.media.legs.prepared
        # One that asks for a restart asks the servers again too: they may see it elsewhere now.
        used = [leg.transport.ice for leg in legs_of(session.media.streams)]
        fresh = [agent for agent in used if agent is not None and agent.lost and agent.gathers]
        for kind, mux in kinds[len(prepared) : _MOST]:
            marked = kind if kind in (AUDIO, VIDEO) else AUDIO
            leg = open_another(self._media, session, peer, (f"tos_{marked}", f"cos_{marked}"), ice=True)
            if leg is None or leg.transport.ice is None:
                break
            leg.transport.ice.mux = mux
            prepared.append(leg)
            fresh.append(leg.transport.ice)
        if not fresh:
            return None
        return _gather([agent.gather() for agent in fresh])

    def _offered(self, session: Session) -> list[tuple[str, bool]]:
        """The types of the streams whose transports our offer adds, and whether RTCP goes with RTP there."""
        media, options = session.media, session.profile.transport
        here = [one.type for one in media.streams if one is not None]
        if here:
            added = [kind for kind, wanted in media.target.items() for _ in range(wanted - here.count(kind))]
            if options.bundle and any(one is not None and one.leg is not None for one in media.streams):
                return []
        else:
            added = [kind for kind in media.types if session.offers_of(kind)]
        return [(kind, options.mux) for kind in (added[:1] if options.bundle else added)]

    def _answered(self, session: Session, description: SessionDescription) -> list[tuple[str, bool]]:
        """The same of an answer: for the offered sections that have no transport yet."""
        streams = session.media.streams
        have: set[tuple[str, ...]] = set()
        need: dict[tuple[str, ...], tuple[str, bool]] = {}
        for index, media in enumerate(description.media):
            if sections.disabled(media):
                continue
            section = sections.read(description, media)
            shared = section.group or (str(index),)
            stream = streams[index] if index < len(streams) else None
            if stream is not None and stream.leg is not None:
                have.add(shared)
            elif section.ice is not None:
                need.setdefault(shared, (media.media.lower(), section.mux and session.profile.transport.mux))
        return [one for shared, one in need.items() if shared not in have]


async def _gather(waiting: list[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*waiting)
