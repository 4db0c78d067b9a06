"""The SIP channel driver: sessions, their supplements and SDP handlers (docs/development/architecture.md, "A call").

:class:`~asterism.applications.session.session.Session` is an INVITE dialog with its media.
:class:`~asterism.applications.session.supplement.SessionSupplement` and
:class:`~asterism.applications.session.sdp_handler.SdpHandler` are what others extend it with.
"""
