"""How much a receiver of video may ask for: who sends reports, or forges them, has little sent by that.

What a request costs is not its own size. A NACK of 16 octets names 17 packets, and a PLI has an encoder make a whole
picture, which is many times as large as another. Where packets are not encrypted, nobody vouches for either.
"""

from __future__ import annotations

from collections.abc import Iterable

from asterism.media import feedback

PICTURES = 10
"""Whole pictures that may be asked for at once, and in each second."""
LOST = 256
"""Lost packets that may be asked for at once; half as many as are sent are added."""


class FeedbackLimits:
    """What the receiver of one stream may have asked for by now."""

    __slots__ = ("_at", "_lost", "_pictures", "_sent")

    def __init__(self, now: float) -> None:
        """Begin with all that may be asked for at once; ``now`` is in seconds of any clock that does not go back."""
        self._at = now
        self._pictures = float(PICTURES)
        self._lost = float(LOST)
        self._sent = 0

    def allowed(self, packets: Iterable[feedback.Feedback], sent: int, now: float) -> list[feedback.Feedback]:
        """What of the feedback in one datagram counts: of all requests for a whole picture one, of losses a part.

        Args:
            packets: what is about one source.
            sent: how many packets the receiver was sent so far.
            now: the time in seconds.
        """
        self._pictures = min(PICTURES, self._pictures + (now - self._at) * PICTURES)
        self._lost = min(LOST, self._lost + max(0, sent - self._sent) / 2)
        self._at, self._sent = now, sent
        found: list[feedback.Feedback] = []
        asked = False
        for one in packets:
            if one.kind in feedback.KEY_FRAMES:
                if asked or self._pictures < 1:
                    continue
                asked = True
                self._pictures -= 1
            elif one.kind == feedback.NACK:
                one = self._affordable(one)
                if not one.details:
                    continue
            found.append(one)
        return found

    def _affordable(self, one: feedback.Feedback) -> feedback.Feedback:
        """A NACK with as many of its entries as may be asked for."""
        count = 0
        for _, mask in feedback.entries(one):
            cost = 1 + mask.bit_count()
            if cost > self._lost:
                break
            self._lost -= cost
            count += 1
        return one._replace(details=one.details[: 4 * count])
