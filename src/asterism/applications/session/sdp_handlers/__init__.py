"""SDP handlers, one kind of media stream and one module in each file."""
