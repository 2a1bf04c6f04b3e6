"""How fast, how light and how brief Guichet is: ratios of one run, and counts.

Each figure is measured beside a reference, in turn with it, so that a machine whose speed drifts
is fair to both. `rounds` alternates them, `rows` is what comes out, `hosts` speaks to a server as
a client would, `upstream` plays the services on loopback, from `recordings` of the sandbox.
"""
