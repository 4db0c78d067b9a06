"""The manager's actions and events of chan_sip."""
