"""What can go wrong when talking to a service, sorted by whose move it is.

ApiError
├── UnavailableError      it did not answer, and nothing was changed: trying again may work
├── LostAnswerError       a change was sent and its answer never came: read before writing again
├── AccessDeniedError     it refuses the credentials: whoever configured them must act
├── NotFoundError         it has no such record, or not for these credentials
├── RejectedError         it understood the request and refuses it: the caller must change it
├── WithdrawnError        it no longer serves this, or serves it elsewhere
├── FaultyServiceError    it fails by a known defect of its own: the request was right
└── UnexpectedReplyError  it answered something its contract does not allow
"""


class ApiError(Exception):
    """A service could not do what was asked.

    `reason` is ours: never a payload, never the text of an HTTP library's exception, since
    both may hold secrets and personal data.
    """

    remedy = ""

    def __init__(self, service: str, reason: str, *, remedy: str = "") -> None:
        super().__init__(service, reason)
        self.service = service
        self.reason = reason
        self.remedy = remedy or type(self).remedy

    def __str__(self) -> str:
        return f"{self.service}: {self.reason} {self.remedy}".rstrip()


class UnavailableError(ApiError):
    remedy = "Nothing was changed. Try again in a few minutes."


class LostAnswerError(ApiError):
    remedy = "The change may have been made: read the record before doing anything else."


class AccessDeniedError(ApiError):
    remedy = "Check the credentials configured for this service."


class NotFoundError(ApiError):
    remedy = "Check the identifier, and that these credentials may see it."


class RejectedError(ApiError):
    pass


class WithdrawnError(ApiError):
    pass


class FaultyServiceError(ApiError):
    remedy = "The request was right: do not change it, and tell the service's team."


class UnexpectedReplyError(ApiError):
    remedy = "The service may have changed its API; this is worth a bug report."
