"""`guichet install`: a client's own configuration, with Guichet in it."""
