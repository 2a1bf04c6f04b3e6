"""The carpooling registry's API: read certificates, give applications their identity keys.

Documentation: https://tech.covoiturage.beta.gouv.fr. The client sends what it documents, and
understands both the answers it documents and those the service was seen to give.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import anyio
import httpx

from clients.approval import Approval
from clients.covoiturage.auth import holder, nothing_sent_before_a_token
from clients.covoiturage.certificates import Certificate, certified
from clients.covoiturage.refusals import (
    SERVICE,
    refused_certificate,
    refused_import,
    refuses_token,
)
from clients.errors import (
    AccessDeniedError,
    ApiError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
    WithdrawnError,
)
from clients.http import ONCE, PATIENT, Outgoing, document, outgoing, upstream

if TYPE_CHECKING:
    from clients.covoiturage.applications import Application, Written
    from clients.covoiturage.imports import ImportReport

MOST_ROWS = 1000
"""Rows in one import, at most."""
CERTIFICATES_TOGETHER = 4
"""Certificates that are asked for at once, at most."""

Heard = Callable[[int], Awaitable[None]]
"""What is told how far a long reading is."""


class CovoiturageClient:
    """Certificates, which need no credentials, and the import, which needs an operator's."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        certificates_version: str = "v3.2",
        import_version: str = "v3.3",
    ) -> None:
        self._http = http
        self._certificates_version = certificates_version
        self._import_version = import_version
        self._operator = ""

    async def certificate(self, uuid: UUID) -> Certificate:
        """The certificate with this uuid, whoever asks.

        Raises:
            NotFoundError: There is none.
            WithdrawnError: Certificates are not served any more, or not under this version.
            ApiError: It could not be read.
        """
        with upstream(SERVICE):
            response = await self._http.get(f"/{self._certificates_version}/certificates/{uuid}")
            if not response.is_success:
                raise refused_certificate(response)
            certificate = certified(document(response.content))
        if certificate.uuid != uuid:
            raise UnexpectedReplyError(SERVICE, "another certificate than the one asked for.")
        return certificate

    async def certificates(
        self, uuids: Iterable[UUID], heard: Heard | None = None
    ) -> tuple[Mapping[UUID, Certificate], Mapping[UUID, ApiError]]:
        """The certificates with these uuids, and why each of the others cannot be had.

        A few are asked for at a time; what is no matter of one certificate holds for the rest.
        `heard` is told how many are known of, each time.
        """
        found, missing = dict[UUID, Certificate](), dict[UUID, ApiError]()
        wanted, everywhere = iter(dict.fromkeys(uuids)), list[ApiError]()

        async def ask() -> None:
            for uuid in wanted:
                try:
                    if everywhere:
                        missing[uuid] = everywhere[0]
                    else:
                        found[uuid] = await self.certificate(uuid)
                except ApiError as error:
                    missing[uuid] = error
                    everywhere.extend([error] * isinstance(error, _EVERYWHERE))
                if heard:
                    await heard(len(found) + len(missing))

        async with anyio.create_task_group() as tasks:
            for _ in range(CERTIFICATES_TOGETHER):
                tasks.start_soon(ask)
        return found, missing

    async def check_certificates(self) -> None:
        """Return once the service has denied, whoever asks, that there is a made-up certificate.

        Raises:
            WithdrawnError: Certificates are not served any more, or not under this version.
            ApiError: The service does not answer, or not as itself.
        """
        with upstream(SERVICE):
            response = await self._http.get(self._made_up(), auth=None, extensions=ONCE)
        if response.is_success:
            raise UnexpectedReplyError(SERVICE, "an answer where there is nothing to give.")
        refused = refused_certificate(response)
        if response.status_code != HTTPStatus.NOT_FOUND or isinstance(refused, WithdrawnError):
            raise refused

    async def check_credentials(self) -> None:
        """Return once the service has given a token for the keys, or has let the token pass.

        Raises:
            AccessDeniedError: The credentials are wrong.
            ApiError: The service does not answer, or not as itself.
        """
        await self.operator()

    async def operator(self, *, anew: bool = True) -> str:
        """On whose behalf the credentials act: the same whatever the token, and the keys.

        The service is asked, unless it was before and that will do.

        Raises:
            AccessDeniedError: The credentials are wrong.
            ApiError: The service does not answer, or not as itself.
        """
        if anew or not self._operator:
            with upstream(SERVICE):
                response = await self._http.get(self._made_up(), extensions=ONCE)
            if refuses_token(response):
                raise refused_certificate(response)
            self._operator = holder(response.request)
        return self._operator

    async def import_identities(
        self, rows: Sequence["Application | Written"], *, patient: bool = False, approval: Approval
    ) -> "ImportReport":
        """Give 1 to 1,000 applications their identity key, once and for all.

        Rows fail one by one. A key is written once: sending a row again fails as not found. One
        request of many is `patient`: it waits for the next minute if this one is used up. Rows
        given as they are sent are read only to tell which of them failed.

        Raises:
            RejectedError: One row or more is not as documented: none was imported.
            LostAnswerError: It was sent, and nobody knows what was imported.
            FaultyServiceError: The service cannot take any list at the moment.
            WithdrawnError: It does not take imports any more, or not under this version.
            ApiError: Nothing was imported, for another reason.
        """
        from clients.covoiturage.imports import imported  # noqa: PLC0415  (what no certificate needs)

        if not 1 <= len(rows) <= MOST_ROWS:
            raise RejectedError(SERVICE, f"1 to {MOST_ROWS} rows at a time, not {len(rows)}.")
        with upstream(SERVICE, writing=True), nothing_sent_before_a_token():
            response = await self._http.send(self._importing(rows, patient=patient))
            if not response.is_success:
                raise refused_import(response)
            return imported(rows, document(response.content))

    def importation(self, rows: Sequence["Application | Written"]) -> Outgoing:
        """The request by which `import_identities` imports rows; nothing is sent.

        Its body is described rather than shown: keys and truncated phones are personal data.
        """
        request = self._importing(rows)
        digest = hashlib.sha256(request.content).hexdigest()
        size = len(request.content)
        return outgoing(
            request, f"a JSON array of {len(rows)} rows, {size} bytes, SHA-256 {digest}"
        )

    def _made_up(self) -> str:
        """The address of a certificate that nobody has."""
        return f"/{self._certificates_version}/certificates/{uuid4()}"

    def _importing(
        self, rows: Sequence["Application | Written"], *, patient: bool = False
    ) -> httpx.Request:
        written = (row if isinstance(row, str) else row.written for row in rows)
        return self._http.build_request(
            "POST",
            f"/{self._import_version}/policies/cee/import/identity",
            content=f"[{','.join(written)}]",
            headers={"Content-Type": "application/json"},
            extensions=PATIENT if patient else {},
        )


_EVERYWHERE = (AccessDeniedError, UnavailableError, WithdrawnError)
"""What no other certificate would be answered either."""
