"""The log channels of ``logger.conf``: console, files, syslog, JSON."""
