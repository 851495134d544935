"""Where customers leave: how likely, where and when, what goes with it, what it costs, whom to win back."""
