"""One call of a simulated phone, made or taken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from asterism.stack.dialog import Dialog
from asterism.stack.message import Request, Response, make_response
from asterism.testing.audio import PhoneAudio
from asterism.testing.sdp import VIDEO_CODECS, Audio, Video, answer_direction
from asterism.testing.video import PhoneVideo
from asterism.testing.waiting import PATIENCE, PhoneError, until
from asterism.testing.wire import Exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.stack.transactions.client import ClientTransaction
    from asterism.stack.transactions.server import ServerTransaction
    from asterism.testing.phone import Phone


class PhoneCall:
    """A call: its signalling state, and its audio.

    Attributes:
        phone: whose call it is.
        audio: its RTP socket; what was heard is there.
        videos: its streams of video in the order of the description; ``None`` where one was refused or is over.
        request: the latest INVITE sent, or the one received.
        status: of an outgoing call the final status, 0 before there is one.
        provisional: statuses of the provisional responses received, in order, 100 left out.
        responses: every response to the INVITE.
        dialog: once there is one.
        established: answered, and not ended yet.
        over: whether it has ended, in whatever way.
        end: how: ``"BYE sent"``, ``"BYE received"``, ``"cancelled"``, ``"refused"`` or ``""``.
        remote_description: the other side's latest SDP.
    """

    def __init__(self, phone: Phone, request: Request, codecs: list[int], dtmf: int | None) -> None:
        self.phone = phone
        self.audio = PhoneAudio(phone.host)
        self.request = request
        self.description = Audio(phone.host, self.audio.port, codecs, dtmf)
        self.videos: list[PhoneVideo | None] = []
        if phone.video and not request.body:
            self.add_video()
        self.remote_description: Audio | None = None
        self.status = 0
        self.challenges = 0
        """How many challenges the INVITE has met."""
        self.provisional: list[int] = []
        self.responses: list[Response] = []
        self.dialog: Dialog | None = None
        self.established = False
        self.over = False
        self.end = ""
        self.requests: list[Request] = []
        """In-dialog requests received."""
        self.transaction: ClientTransaction | None = None
        self.server_transaction: ServerTransaction | None = None
        self.acknowledged = False
        """An incoming call's 200 was acknowledged."""
        self._ack: Request | None = None

    # -- waiting ------------------------------------------------------------------------------------------

    async def _until(self, condition: str, timeout: float) -> None:
        await until(
            lambda: getattr(self, condition) or self.over, timeout, lambda: f"not {condition}; {self.phone.story()}"
        )

    async def ringing(self, status: int = 180, timeout: float = PATIENCE) -> Response:
        """Wait for a provisional response of ``status`` and return it.

        Raises:
            PhoneError: it did not come.
        """
        await until(
            lambda: status in self.provisional or self.over, timeout, lambda: f"no {status}; {self.phone.story()}"
        )
        for response in self.responses:
            if response.status == status:
                return response
        raise PhoneError(f"no {status}, the call ended with {self.status}; {self.phone.story()}")

    async def answered(self, timeout: float = PATIENCE) -> None:
        """Wait until the call is established: of an incoming call, until our 200 was acknowledged.

        Raises:
            PhoneError: it was not.
        """
        await self._until("established", timeout)
        if not self.established:
            raise PhoneError(f"ended with {self.status or self.end}; {self.phone.story()}")

    async def refused(self, timeout: float = PATIENCE) -> int:
        """Wait for the final status of a call that is not answered, and return it.

        Raises:
            PhoneError: the call was answered, or nothing came.
        """
        await until(lambda: self.over or self.established, timeout, lambda: f"no answer; {self.phone.story()}")
        if self.established:
            raise PhoneError(f"the call was answered; {self.phone.story()}")
        return self.status

    async def ended(self, timeout: float = PATIENCE) -> str:
        """Wait until the call is over and return :attr:`end`.

        Raises:
            PhoneError: it goes on.
        """
        await until(lambda: self.over, timeout, lambda: f"the call goes on; {self.phone.story()}")
        return self.end

    # -- what the person at the phone does ------------------------------------------------------------------

    def ring(self, status: int = 180, early_media: bool = False) -> None:
        """Answer an incoming call provisionally; ``early_media`` with SDP (usually 183)."""
        self._respond(status, with_sdp=early_media)

    def answer(self) -> None:
        """Take an incoming call."""
        self._respond(200, with_sdp=True)

    def reject(self, status: int = 486) -> None:
        """Refuse an incoming call: 486 busy, 603 declined, ..."""
        self._respond(status)
        self.status = status
        self._finish("refused")

    async def cancel(self, timeout: float = PATIENCE) -> None:
        """Give up an outgoing call before it is answered, and wait for its end."""
        if self.transaction is None or not self.transaction.cancel():
            raise PhoneError(f"there is nothing to cancel; {self.phone.story()}")
        self.phone.wire.arm()
        await self.ended(timeout)

    async def hangup(self, timeout: float = PATIENCE) -> None:
        """End the call with BYE and wait for its answer.

        Raises:
            PhoneError: the call is not established, or BYE was not answered.
        """
        if self.dialog is None or not self.established:
            raise PhoneError(f"there is no call to hang up; {self.phone.story()}")
        self._finish("BYE sent")
        response = await self.send("BYE", timeout=timeout)
        if response.status >= 300:
            raise PhoneError(f"BYE was answered {response.status}; {self.phone.story()}")

    async def hold(self) -> None:
        """Put the other side on hold."""
        await self.reinvite("sendonly")
        self.audio.sending = False

    async def unhold(self) -> None:
        """Take the other side back."""
        self.audio.sending = True
        await self.reinvite("sendrecv")

    async def reinvite(self, direction: str = "sendrecv") -> Response:
        """Offer the audio anew and take the answer; after 491 once more, a moment later (RFC 3261 14.1).

        Raises:
            PhoneError: it was refused.
        """
        self.description.direction = direction
        self.description.version += 1
        offer = str(self.description).encode()
        response = await self.send("INVITE", offer, "application/sdp")
        if response.status == 491:
            # The server was about to move the media. The caller waits longer than the called party.
            await asyncio.sleep(0.5 if self.transaction is None else 2.1)
            response = await self.send("INVITE", offer, "application/sdp")
        if response.status >= 300 or self.dialog is None:
            raise PhoneError(f"re-INVITE was answered {response.status}; {self.phone.story()}")
        self.dialog.receive_response(response)
        invite = self.request
        self._send_ack(invite, None)
        self._take(response.body)
        return response

    async def refer(self, target: str, *headers: tuple[str, str], timeout: float = PATIENCE) -> Response:
        """Send REFER, to transfer the other side to ``target``, a value of Refer-To; what comes of it is in NOTIFYs.

        Raises:
            PhoneError: there is no dialog, or no response came.
        """
        return await self.send("REFER", timeout=timeout, headers=(("Refer-To", target), *headers))

    @property
    def told(self) -> list[str]:
        """First lines of the NOTIFYs that came of REFERs, in order."""
        notifies = [one for one in self.requests if one.method == "NOTIFY"]
        return [one.body.decode("utf-8", "replace").partition("\r\n")[0] for one in notifies]

    def replaces(self) -> str:
        """What the Refer-To of another call says after ``?``, to connect its other side with this call's.

        Raises:
            PhoneError: there is no dialog.
        """
        dialog = self.dialog
        if dialog is None:
            raise PhoneError(f"there is no dialog; {self.phone.story()}")
        return "Replaces=" + quote(f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}", safe="")

    async def send(
        self,
        method: str,
        body: bytes = b"",
        content_type: str = "",
        timeout: float = PATIENCE,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """Send a request in the dialog and return its final response, credentials supplied if asked for.

        Raises:
            PhoneError: there is no dialog, or no response came.
        """
        if self.dialog is None:
            raise PhoneError(f"there is no dialog; {self.phone.story()}")
        for _ in range(2):
            request = self.dialog.create_request(method)
            for name, value in headers:
                request.add_header(name, value)
            if body:
                request.set_body(body, content_type)
            if method == "INVITE":
                self.request = request
            response = await self.phone.exchange(request, self.phone.target_of(self.dialog.next_hop), timeout)
            if response.status not in (401, 407) or not self.phone.take_challenge(response):
                break
        return response

    def play(self, *frequencies: float) -> None:
        """Speak: a tone, until another one."""
        self.audio.play(*frequencies)

    async def hears(self, *frequencies: float, timeout: float = PATIENCE) -> None:
        """Wait until these tones are heard; see :meth:`PhoneAudio.hears`."""
        await self.audio.hears(*frequencies, timeout=timeout)

    async def hears_sound(self, sound: bytes, timeout: float = PATIENCE) -> None:
        """Wait until a sound, linear samples of 8 kHz, is heard; see :meth:`PhoneAudio.hears_sound`."""
        await self.audio.hears_sound(sound, timeout)

    def send_digits(self, digits: str) -> None:
        """Press keys."""
        self.audio.send_digits(digits)

    # -- the outgoing INVITE ----------------------------------------------------------------------------------

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """Take a response to the INVITE (called by the stack)."""
        if transaction is not self.transaction and response.status >= 200:
            return
        self.responses.append(response)
        status = response.status
        if status < 200:
            if status > 100:
                self.provisional.append(status)
                self._take(response.body)
        elif status < 300:
            self._on_answer(response)
        elif status in (401, 407) and self.phone.retry(self, response):
            return
        else:
            self.status = status
            self._finish("cancelled" if status == 487 else "refused")

    def on_timeout(self, transaction: ClientTransaction) -> None:
        """Nothing came."""
        self.status = 408
        self._finish("refused")

    def on_transport_error(self, transaction: ClientTransaction) -> None:
        """Nothing could be sent."""
        self.status = 503
        self._finish("refused")

    def _on_answer(self, response: Response) -> None:
        self.status = response.status
        if self.dialog is not None:
            if self._ack is not None:  # the 200 again: our ACK was lost
                self.phone.wire.layer.send_ack(self._ack.copy(), self.phone.target_of(self.dialog.next_hop))
            return
        self.dialog = Dialog.uac(self.request, response)
        self.phone.dialogs[self.dialog.id] = self
        self._take(response.body)
        answer = None
        if not self.request.body and self.remote_description is not None:
            self.description.direction = answer_direction(self.remote_description.direction)
            answer = str(self.description).encode()
        self._send_ack(self.request, answer)
        self.established = True

    def _send_ack(self, invite: Request, answer: bytes | None) -> None:
        if self.dialog is None:
            return
        ack = self.dialog.create_ack(invite)
        if answer is not None:
            ack.set_body(answer, "application/sdp")
        self._ack = ack.copy()
        self.phone.wire.layer.send_ack(ack, self.phone.target_of(self.dialog.next_hop))

    # -- the incoming INVITE and what follows -----------------------------------------------------------------

    def _respond(self, status: int, with_sdp: bool = False) -> None:
        transaction = self.server_transaction
        if transaction is None or self.over:
            raise PhoneError(f"there is no incoming call to answer; {self.phone.story()}")
        response = make_response(self.request, status, "", self.phone.tag_of(self))
        if status < 300:
            response.add_header("Contact", self.phone.contact)
        if with_sdp:
            if self.request.body:
                self._take(self.request.body)
            if self.remote_description is not None:
                self.description.direction = answer_direction(self.remote_description.direction)
            response.set_body(str(self.description), "application/sdp")
        if status < 300 and self.dialog is None:
            self.dialog = Dialog.uas(self.request, self.phone.tag_of(self), self.phone.contact)
            self.phone.dialogs[self.dialog.id] = self
        transaction.respond(response)
        self.phone.wire.arm()

    def on_ack(self, request: Request) -> None:
        """Our 200 was acknowledged (called by the phone)."""
        if request.body:
            self._take(request.body)
        if self.dialog is not None:
            self.dialog.confirm()
        self.acknowledged = True
        self.established = not self.over

    def on_cancel(self) -> None:
        """The caller gave up (called by the phone)."""
        if self.over:
            return
        if self.server_transaction is not None:
            self.server_transaction.respond(make_response(self.request, 487, "", self.phone.tag_of(self)))
        self.status = 487
        self._finish("cancelled")

    def on_request(self, request: Request) -> None:
        """A request in the dialog (called by the phone)."""
        self.requests.append(request)
        transaction = self.phone.wire.layer.create_server_transaction(request)
        assert self.dialog is not None
        refusal = self.dialog.receive_request(request)
        if refusal:
            transaction.respond(make_response(request, refusal))
            return
        response = make_response(request, 200)
        if request.method in ("INVITE", "UPDATE"):
            self.dialog.update_target(request)
            response.add_header("Contact", self.phone.contact)
            if request.body:
                self._take(request.body)
                offered = self.remote_description
                self.description.direction = answer_direction(offered.direction if offered else "sendrecv")
            if request.body or request.method == "INVITE":
                self.description.version += 1
                response.set_body(str(self.description), "application/sdp")
        transaction.respond(response)
        if request.method == "BYE":
            self._finish("BYE received")

    def _take(self, body: bytes) -> None:
        description = Audio.parse(body) if body else None
        if description is not None:
            self.remote_description = description
            self.audio.connect(description, self.description.codecs)
            for index, section in enumerate(description.videos):
                self._take_video(description.host, index, section)

    @property
    def video(self) -> PhoneVideo:
        """The first open stream of video.

        Raises:
            PhoneError: there is none.
        """
        for one in self.videos:
            if one is not None:
                return one
        raise PhoneError(f"there is no video; {self.phone.story()}")

    def add_video(self) -> None:
        """Have one more stream of video in the next description: see :meth:`reinvite`."""
        section = Video(0, {VIDEO_CODECS[one]: one for one in self.phone.video})
        self.videos.append(PhoneVideo(self.phone.host, section))
        self.description.videos.append(section)

    def _take_video(self, host: str, index: int, theirs: Video) -> None:
        """Take the other side's section, offer or answer."""
        known = index < len(self.videos)
        video = self.videos[index] if known else None
        if theirs.port and video is None:
            codecs = {number: name for number, name in theirs.codecs.items() if name in self.phone.video}
            count = sum(one is not None for one in self.videos)
            if codecs and count < self.phone.most_videos:
                section = Video(0, codecs)
                video = PhoneVideo(self.phone.host, section)
                self.videos[index : index + 1] = [video]
                self.description.videos[index : index + 1] = [section]
                known = True
        if not known:
            self.videos.append(None)
            self.description.videos.append(Video(0, theirs.codecs))
        elif video is not None and not theirs.port:
            video.close()
            self.videos[index] = None
            self.description.videos[index] = Video(0, theirs.codecs)
        if video is not None and theirs.port:
            video.connect(host, theirs)

    def _finish(self, how: str) -> None:
        if self.over:
            return
        self.over = True
        self.established = False
        self.end = how
        self.audio.close()
        for video in self.videos:
            if video is not None:
                video.close()

    def close(self) -> None:
        """Forget the call, whatever its state."""
        self._finish("forgotten")


__all__ = ["Exchange", "PhoneCall"]
