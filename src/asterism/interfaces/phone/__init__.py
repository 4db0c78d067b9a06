"""The browser phone: a page with which a browser registers and calls, served by the HTTP listener."""
