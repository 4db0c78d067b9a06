"""How the packets of media get to the peer and back: encrypted (SRTP), by ICE, several streams on one port.

A stream of plain RTP needs none of this: its sockets are read and written by the session itself. Everything else goes
through a :class:`~asterism.media.transports.transport.MediaTransport`, which gives each of its streams sockets that
look like those of the system (RFC 7983, RFC 5764, RFC 8445, RFC 8843).
"""
