"""The console commands of ``chan_sip``."""
