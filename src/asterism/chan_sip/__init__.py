"""chan_sip: the old SIP configuration (``sip.conf``) and the interfaces that came with it.

What ``sip.conf`` says is translated into the objects of ``pjsip.conf``; one SIP stack serves both.
"""
