"""What happened up to one date, as one page that needs nothing but a browser: no network, no other file."""
