"""What the page costs: made from results, its time and size must not grow with the log."""
