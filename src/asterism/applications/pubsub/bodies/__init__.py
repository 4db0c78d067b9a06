"""Bodies of NOTIFY, one module for each content type."""
