"""Call files: calls that programs ask for by a file in the spool folder."""
