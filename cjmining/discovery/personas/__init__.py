"""Groups of customers that behave alike."""
