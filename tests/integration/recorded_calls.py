"""The recorded calls whose records are compared: what the dialplans of both kinds of record have alike."""

from __future__ import annotations

DIALS = """
[internal]
exten => 6001,1,Dial(PJSIP/alice,20)
exten => 6002,1,Dial(PJSIP/bob,20)
exten => 6003,1,Dial(PJSIP/carol,20)
exten => 7001,1,Dial(Local/6002@internal,20)
exten => 7002,1,Dial(Local/6002@internal/n,20)
exten => 7400,1,Park(default)
include => parkedcalls
exten => 7802,1,Dial(PJSIP/bob&PJSIP/carol,10)
exten => 7803,1,Dial(PJSIP/bob,5)
 same => n,Dial(PJSIP/carol,5)
exten => 7804,1,Answer()
 same => n,ConfBridge(room,brd,usr)
exten => 7805,1,Congestion(1)
exten => 7806,1,Busy(1)
exten => 7807,1,Hangup()
exten => 7808,1,Dial(PJSIP/nosuch,5)
exten => 7820,1,Goto(hsub,s,1)
exten => h,1,NoOp(hangup)
"""
"""Ends in the context ``internal``."""
