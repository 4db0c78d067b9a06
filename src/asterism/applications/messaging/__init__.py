"""MESSAGE outside calls (RFC 3428): received ones run dialplan, the dialplan and managers send them."""
