"""NOTIFYs without a subscription, sent by hand: have a phone read its configuration again, clear a lamp."""
