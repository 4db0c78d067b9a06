"""NOTIFYs that nobody has subscribed to, sent by hand: have a phone read its configuration again, clear a lamp."""
