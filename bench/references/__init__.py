"""The programs that Guichet is measured against: the simplest that do the same work."""
