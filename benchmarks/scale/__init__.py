"""What logs of 1, 10 and 100 million events cost within a bounded memory."""
