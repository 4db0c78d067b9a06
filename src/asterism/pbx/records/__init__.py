"""What is kept of calls: detail records (CDR), the log of what happened to channels (CEL), and who writes them."""
