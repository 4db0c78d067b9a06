"""The dialplan applications, one family per file."""
