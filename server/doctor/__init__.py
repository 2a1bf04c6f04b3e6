"""What is configured, what is missing, and what works: findings, for a command to show.

Nothing is changed here, but for the folder of the ledger, made as the server makes it, and for the
count of requests that instances share, of which those made here are. A finding holds no secret, and
no measure of one: addresses that could hold one are not repeated.
"""

from server.doctor.answering import answers, answers_to_profiles, unasked
from server.doctor.configuring import configuration
from server.doctor.findings import Chapter, Finding, State, works
from server.doctor.installation import installation
from server.doctor.offering import consent, why_not

__all__ = [
    "Chapter",
    "Finding",
    "State",
    "answers",
    "answers_to_profiles",
    "configuration",
    "consent",
    "installation",
    "unasked",
    "why_not",
    "works",
]
