"""Files sent to the miniature Démarches simplifiées."""

import json
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from server.sandbox.demarches import Write, create
from server.sandbox.faults import DroppedError
from tests.sandbox.acting import Acting, acting, checksum, typed_id

FILE = b"%PDF-1.7 un arrete"
UNKNOWN = ["L’identifiant du fichier téléversé est invalide"]


async def test_a_file_is_announced_put_and_used(service: Acting):
    upload = await service.announce(FILE)

    assert upload["url"].startswith("http://sandbox/rails/active_storage/disk/")
    headers = json.loads(upload["headers"])
    assert headers["Content-MD5"] == checksum(FILE)
    assert headers["Content-Type"] == "application/pdf"
    assert (await service.put(upload, FILE)).status_code == 201
    payload = await service.act(
        "dossierAccepter", 200001, "dossier { state }", justificatif=upload["signedBlobId"]
    )
    assert payload["dossier"] == {"state": "accepte"}
    assert [(write.operation, write.applied) for write in service.writes] == [
        ("createDirectUpload", True),
        ("PUT", True),
        ("dossierAccepter", True),
    ]


async def test_what_was_put_is_given_out_again(service: Acting):
    signed = await service.upload(FILE)
    members = "dossier { motivationAttachment { url checksum } }"
    payload = await service.act("dossierAccepter", 200001, members, justificatif=signed)

    file = payload["dossier"]["motivationAttachment"]
    assert file["checksum"] == checksum(FILE)
    request = service.http.build_request("GET", file["url"])
    del request.headers["Authorization"]
    assert (await service.http.send(request)).content == FILE


async def test_a_file_is_put_and_given_out_where_the_sandbox_is_mounted():
    app = Starlette(routes=[Mount("/demarches", create())])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://sandbox/demarches",
        headers={"Authorization": "Bearer sandbox"},
    ) as http:
        service = Acting(http, app)
        signed = await service.upload(FILE)
        members = "dossier { motivationAttachment { url } }"
        payload = await service.act("dossierAccepter", 200001, members, justificatif=signed)

    place = payload["dossier"]["motivationAttachment"]["url"]
    assert place.startswith("http://sandbox/demarches/rails/active_storage/")


@pytest.mark.parametrize(
    ("content", "headers", "reason"),
    [
        (b"%PDF-1.7 another arrete", {}, "BadDigest"),
        (b"%PDF-1.7 un arretE", {}, "BadDigest"),
        (FILE, {"Content-Type": "text/plain"}, "SignatureDoesNotMatch"),
        (FILE, {"Content-MD5": checksum(b"")}, "SignatureDoesNotMatch"),
        (FILE, {"Content-Disposition": "attachment"}, "SignatureDoesNotMatch"),
        (FILE, {"Authorization": "Bearer sandbox"}, "InvalidArgument"),
    ],
    ids=["longer", "other bytes", "type", "digest", "disposition", "token"],
)
async def test_the_storage_admits_what_was_announced_and_nothing_else(
    service: Acting, content: bytes, headers: dict[str, str], reason: str
):
    upload = await service.announce(FILE)

    response = await service.put(upload, content, **headers)

    assert response.status_code == 403
    assert response.text.startswith(reason)
    assert service.writes[-1] == Write(operation="PUT", number=200001, applied=False)
    assert await service.refused(
        "dossierAccepter", 200001, justificatif=upload["signedBlobId"]
    ) == ["Le fichier n’a pas été correctement téléversé sur le serveur de stockage"]


async def test_a_file_can_be_used_for_an_hour(service: Acting):
    signed = await service.upload(FILE)
    service.later(timedelta(hours=1))

    assert await service.refused("dossierAccepter", 200001, justificatif=signed) == UNKNOWN


async def test_a_file_can_be_put_for_an_hour(service: Acting):
    upload = await service.announce(FILE)
    service.later(timedelta(hours=1))

    assert (await service.put(upload, FILE)).text.startswith("AccessDenied")


async def test_a_file_altered_on_its_way_is_noticed_when_it_is_used(service: Acting):
    signed = await service.upload(FILE, "corrompu.pdf")

    assert await service.refused("dossierAccepter", 200001, justificatif=signed) == [
        "Le hash du fichier téléversé est invalide"
    ]


async def test_a_file_is_put_though_the_answer_is_lost(service: Acting):
    upload = await service.announce(FILE)
    with pytest.raises(DroppedError), service.failing("lost; times=1"):
        await service.put(upload, FILE)

    signed = upload["signedBlobId"]
    assert await service.refused("dossierAccepter", 200001, justificatif=signed) == []


async def test_a_message_takes_no_file_heavier_than_20_megabytes(service: Acting):
    signed = await service.upload(b"0" * 20_000_001)

    assert await service.refused(
        "dossierEnvoyerMessage", 200002, body="Vu.", attachment=signed
    ) == ["Le fichier doit peser moins de 20 Mo"]


async def test_a_token_that_only_reads_announces_no_file():
    """The payload has no errors of its own: the null it must not be spreads up to the root."""
    async with acting("sandbox-lecture") as service:
        answer = await service.send(
            "createDirectUpload",
            "directUpload { url }",
            dossierId=typed_id("Dossier", 200001),
            filename="x.pdf",
            byteSize=1,
            checksum=checksum(b"x"),
            contentType="application/pdf",
        )

    assert answer["data"] == {"createDirectUpload": None}
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "invalid_null"}
