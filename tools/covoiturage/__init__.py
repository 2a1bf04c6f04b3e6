"""Tools about carpooling: certificates, and the identity keys of CEE applications."""
