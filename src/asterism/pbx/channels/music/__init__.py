"""Music on hold: classes of musiconhold.conf, and what plays them to a channel in the background."""
