"""Transfers of calls, whoever asks for them: a key, a REFER, the manager, the dialplan, Python."""
