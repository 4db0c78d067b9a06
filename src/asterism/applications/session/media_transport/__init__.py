"""What offers and answers say of how media get to the peer: encrypted, by ICE, several streams over one transport.

:mod:`.sections` reads what a section of the peer's has of it, :mod:`.terms` decides in one table what is agreed on, and
:mod:`.lines` writes our sections. These three know no sockets. :mod:`.leg` brings what was agreed to the
:class:`~asterism.media.transports.transport.MediaTransport`.
"""
