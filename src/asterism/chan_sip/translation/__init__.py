"""``sip.conf`` in terms of ``pjsip.conf``: one table of rules, option by option."""
