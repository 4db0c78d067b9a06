"""Console commands and manager actions that show the SIP objects."""
