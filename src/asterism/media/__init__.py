"""Media: RTP sessions and their ports, codecs, sound files, tones and paced playout.

:class:`~asterism.media.media.Media` is the subsystem; :class:`~asterism.media.stream.AudioStream` is what a
channel sees of a session. Nothing here knows SIP, SDP or a channel.
"""
