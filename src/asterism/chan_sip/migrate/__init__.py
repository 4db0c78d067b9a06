"""``asterism migrate``: a configuration of chan_sip made one of chan_pjsip."""
