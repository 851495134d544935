"""Where journeys begin when no map says so."""
