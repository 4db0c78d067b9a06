"""``res_fax``: SendFAX, ReceiveFAX, ``FAXOPT``, and ``res_fax.conf``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.fax.library import why_missing
from asterism.pbx.calls.fax import events, options
from asterism.pbx.calls.fax.detection import set_detection
from asterism.pbx.calls.fax.gateway import Gateways
from asterism.pbx.calls.fax.settings import FILE, FaxSettings, details_of, read_settings
from asterism.pbx.calls.fax.transfer import LETTERS, FaxOptions, receive_fax, send_fax
from asterism.pbx.dialplan.language.arguments import option_letters, split_fields, split_names
from asterism.pbx.vocabulary.flow import needs_channel
from asterism.pbx.vocabulary.marks import application, function, function_writer
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

_LETTERS = {
    "d": "tell what T.30 and the modems do in the log, at the level fax",
    "f": "go over audio where the far end could T.38 and does not change to it; without f such a fax fails",
    "F": "go over audio, whatever the far end can",
    "s": "tell the manager of each step (FAXStatus), whatever statusevents says",
    "z": "ask the far end for T.38 where it does not ask itself",
}
_VARIABLES = (
    "FAXSTATUS is SUCCESS or FAILED, FAXSTATUSSTRING says it in words, FAXERROR is a word for the reason: HANGUP, "
    "TIMEOUT, PROTOCOL_ERROR, FILE_ERROR, T38_NEG_ERROR, INVALID_ARGUMENTS, MEMORY_ERROR, INIT_ERROR (there is no "
    "libspandsp) or CHANNEL PROBLEMS. FAXMODE is audio or T38; FAXPAGES, FAXBITRATE, FAXRESOLUTION, LOCALSTATIONID and "
    "REMOTESTATIONID tell of what has passed. FAXOPT has the same, and the settings."
)


class FaxModule(PbxModule):
    """The applications and the function."""

    name: ClassVar[str] = "res_fax"
    covers: ClassVar[tuple[str, ...]] = ("res_fax_spandsp",)
    description: ClassVar[str] = "Generic FAX Applications"

    def load(self, server: HostServer) -> None:
        """Register everything and read ``res_fax.conf``."""
        self._server = server
        self._gateways = Gateways(server.pbx)
        super().load(server)
        server.register_events(*events.ALL)
        self.reload()
        if missing := why_missing():
            server.log.notice("%s", missing)

    def reload(self) -> None:
        """Read ``res_fax.conf`` again: for faxes that begin from now on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is not None:
            self.pbx.faxes.settings = settings

    def unload(self) -> None:
        """End the gateways; the defaults hold again."""
        self._gateways.stop()
        self.pbx.faxes.settings = FaxSettings()

    def use_count(self) -> int:
        """Number of faxes under way."""
        return len(self.pbx.faxes)

    def _options(self, channel: Channel, application: str, text: str, usable: str) -> FaxOptions:
        letters = option_letters(text)
        for letter in sorted(letters - set(usable)):
            self.pbx.log.warning("%s on %s: option '%s' is unknown", application, channel.name, letter)
        return FaxOptions(
            debug="d" in letters, fallback="f" in letters, audio="F" in letters, events="s" in letters,
            ask="z" in letters,
        )  # fmt: skip

    @application(
        "SendFAX",
        Documentation(
            "Send TIFF files as a fax.",
            "SendFAX(file[&file...][,options])",
            "Answers, and is the calling fax machine. Several files are one fax. A relative name is below the folder "
            "fax of the spool folder and cannot leave it. Pages must be black and white, of a width that fax machines "
            "have: 1728 pixels of A4 at 204x98, 204x196 or 204x391 dots an inch, for instance.\n"
            "A far end that could T.38 (t38_udptl) has t38timeout to ask for it; see the options.\n" + _VARIABLES,
            (
                Argument("file", "Names of TIFF files.", True),
                Argument("options", "Letters.", values=tuple(_LETTERS.items())),
            ),
            ("ReceiveFAX", "FAXOPT"),
        ),
    )
    async def send(self, channel: Channel, args: str) -> None:
        """Run SendFAX."""
        files, letters = split_fields(args, 2)
        await send_fax(channel, split_names(files), self._options(channel, "SendFAX", letters, LETTERS))

    @application(
        "ReceiveFAX",
        Documentation(
            "Receive a fax into a TIFF file.",
            "ReceiveFAX(file[,options])",
            "Answers, and is the called fax machine. The file replaces one that is there when the fax was received; "
            "meanwhile what comes is in another one. A fax that fails leaves those pages that the far end was told "
            "were received, if any, without replacing a file. A relative name is below the folder fax of the spool "
            "folder and cannot leave it.\n"
            "A far end that could T.38 (t38_udptl) is asked for it; see the options.\n" + _VARIABLES,
            (
                Argument("file", "Name of the TIFF file.", True),
                Argument(
                    "options", "Letters.", values=tuple((key, text) for key, text in _LETTERS.items() if key != "z")
                ),
            ),
            ("SendFAX", "FAXOPT"),
        ),
    )
    async def receive(self, channel: Channel, args: str) -> None:
        """Run ReceiveFAX."""
        file, letters = split_fields(args, 2)
        usable = self._options(channel, "ReceiveFAX", letters, LETTERS.replace("z", ""))
        await receive_fax(channel, file, usable)

    @function(
        "FAXOPT",
        Documentation(
            "A setting of the channel's faxes, or what is known of its last one.",
            "FAXOPT(item)",
            "What is set holds for the faxes of this channel that begin from then on.",
            (Argument("item", "", True, options.ITEMS),),
            ("SendFAX", "ReceiveFAX"),
        ),
        marks=True,
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """Read an item."""
        return options.read(details_of(needs_channel(channel), self.pbx.faxes.settings), args)

    @function_writer("FAXOPT")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set an item."""
        channel = needs_channel(channel)
        details = details_of(channel, self.pbx.faxes.settings)
        options.write(details, args, value)
        self._gateways.set(channel, details.gateway)
        if args.strip().lower() == "faxdetect":
            set_detection(channel, details.faxdetect)
