"""What is known of the services without loading what talks to them: what settings are made of."""

from typing import Literal

DEMARCHES_A_MINUTE = 400
"""Requests that Démarches simplifiées answers, for one token."""
EMJPM_A_MINUTE = 360
"""Requests that eMJPM answers, from everybody behind one address."""
STATIC_HOSTS = ("static.demarches-simplifiees.fr",)
"""Where Démarches simplifiées keeps its files, besides its own address."""

Flow = Literal["partners", "thematics", "campaigns", "proposals", "updates", "updates_by_semester"]
"""What the document of faire-simple names, and says is read by a GET."""
SEMESTER = "{semester}"
"""Stands for the semester in the path of the flow that takes one."""
