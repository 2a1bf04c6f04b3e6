"""A miniature eMJPM, as the software of a service of mandataires meets it, traps included.

What it does was observed of the real one, and is often not what its documentation says: deleting
all deletes what waits too, deleting by somebody else's id destroys what it holds, strict mode
refuses a number and saves it, an antenne in a batch is never answered.

Its users are known by the tokens `sandbox` (a service of mandataires), `sandbox-autre` (another
one), `sandbox-individuel` and `sandbox-direction`. One may also sign in, as the software 7 whose
secret is `sandbox`.
"""

from server.sandbox.emjpm.app import Write, create

__all__ = ["Write", "create"]
