"""The one folder: what is written there appears whole or not at all, and replaces nothing."""

import errno
import hashlib
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from mcp.server.mcpserver.exceptions import ToolError

from tests.support import is_private
from tools.files import Folder, content_type, safe_name
from tools.language import in_english

MOST = 1_000


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Folder:
    (tmp_path / "files").mkdir()
    return Folder(tmp_path / "files", in_english)


def names(folder: Folder) -> list[str]:
    assert folder.root is not None
    return sorted(path.name for path in folder.root.iterdir())


async def written(folder: Folder, name: str, *chunks: bytes) -> str:
    """The name under which a new file is kept."""
    async with folder.draft() as draft:
        for chunk in chunks:
            await draft.write(chunk)
        return (await draft.keep(name)).name


def is_open(path: Path) -> bool:
    """Whether this process has a file open."""
    about = path.stat()
    for descriptor in range(256):
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), about):
                return True
    return False


# Writing.


async def test_a_file_is_kept_whole_for_this_user_alone(folder: Folder, tmp_path: Path):
    async with folder.draft() as draft:
        await draft.write(b"one ")
        await draft.write(b"two")
        kept = await draft.keep("a.txt")

    path = tmp_path / "files" / "a.txt"
    assert path.read_bytes() == b"one two"
    assert is_private(path)
    assert (kept.name, kept.uri, kept.size) == ("a.txt", path.as_uri(), 7)
    assert kept.sha256 == hashlib.sha256(b"one two").hexdigest()
    assert names(folder) == ["a.txt"]


async def test_a_file_is_closed_before_it_is_named(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """On Windows, what is open can be neither renamed nor removed."""
    removed = Path.unlink

    def unlink(path: Path, *, missing_ok: bool = False) -> None:
        if path.exists() and is_open(path):
            raise PermissionError
        removed(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)

    assert await written(folder, "a.txt", b"1") == "a.txt"
    assert (tmp_path / "files" / "a.txt").read_bytes() == b"1"


async def test_a_system_that_cannot_refuse_links_nor_pipes_still_reads(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    """Windows names neither."""
    await written(folder, "a.txt", b"1")
    for absent in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
        monkeypatch.delattr(os, absent, raising=False)

    assert await folder.content("a.txt", most=MOST) == b"1"
    assert await written(folder, "b.txt", b"2") == "b.txt"


async def test_nobody_sees_a_file_before_it_is_kept(folder: Folder):
    async with folder.draft() as draft:
        await draft.write(b"half")

        (only,) = names(folder)
        assert only.startswith(".guichet-")

    assert names(folder) == []


async def test_a_file_is_gone_when_writing_it_fails(folder: Folder):
    async def interrupted() -> None:
        async with folder.draft() as draft:
            await draft.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await interrupted()

    assert names(folder) == []


async def test_a_file_is_gone_when_writing_it_is_cancelled(folder: Folder):
    with anyio.CancelScope() as scope:
        async with folder.draft() as draft:
            await draft.write(b"half")
            scope.cancel()
            await draft.write(b"the rest")

    assert scope.cancelled_caught
    assert names(folder) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a link there is of the day it was made")
async def test_what_a_killed_process_left_is_removed_a_day_later_and_nothing_else(
    folder: Folder, tmp_path: Path
):
    left, recent = f".guichet-{'0' * 16}.part", f".guichet-{'1' * 16}.part"
    others = [".guichet-notes.part", f".guichet-{'0' * 16}.part.txt", "a.part"]
    for name in (left, recent, *others):
        (tmp_path / "files" / name).write_bytes(b"half")
    link, deeper = (f".guichet-{digit * 16}.part" for digit in "23")
    (tmp_path / "files" / link).symlink_to("a.part")
    (tmp_path / "files" / deeper).mkdir()
    for name in (left, *others, link, deeper):
        os.utime(tmp_path / "files" / name, (0, 0), follow_symlinks=False)

    await written(folder, "a.txt", b"whole")

    assert names(folder) == sorted([recent, *others, link, deeper, "a.txt"])


async def test_nothing_is_ever_replaced(folder: Folder, tmp_path: Path):
    outside = tmp_path / "outside.txt"
    (tmp_path / "files" / "a-2.txt").symlink_to(outside)

    kept = [await written(folder, "a.txt", content) for content in (b"1", b"2", b"3")]

    assert kept == ["a.txt", "a-3.txt", "a-4.txt"]
    assert (tmp_path / "files" / "a.txt").read_bytes() == b"1"
    assert not outside.exists()


async def test_what_is_written_beside_a_link_is_where_it_says(folder: Folder, tmp_path: Path):
    for name in "ab":
        (tmp_path / "files" / name).mkdir()
    (tmp_path / "files" / "a" / "link").symlink_to("../b/file")

    async with folder.draft(beside="a/link") as draft:
        kept = await draft.keep("c.txt")

    assert kept.name == "a/c.txt"
    assert (tmp_path / "files" / kept.name).exists()


async def test_nothing_is_replaced_where_a_file_has_but_one_name(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    """Some file systems, such as those of memory cards, have no hard links."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)

    assert [await written(folder, "a.txt", content) for content in (b"1", b"2")] == [
        "a.txt",
        "a-2.txt",
    ]
    assert names(folder) == ["a-2.txt", "a.txt"]


@pytest.mark.parametrize(
    "spans",
    [[(0, 2)], [(8, 2)], [(2, 2), (6, 2)], [(0, 2), (2, 2)], [(0, 10)], [(0, 4), (6, 4)]],
    ids=str,
)
async def test_parts_can_be_taken_out(folder: Folder, tmp_path: Path, spans: list[tuple[int, int]]):
    content = b"aabbccddee"
    left = bytes(
        byte
        for place, byte in enumerate(content)
        if not any(start <= place < start + length for start, length in spans)
    )
    async with folder.draft() as draft:
        await draft.write(content)
        await draft.cut(spans)
        await draft.write(b"!")
        kept = await draft.keep("a.txt")

    assert (tmp_path / "files" / "a.txt").read_bytes() == left + b"!"
    assert kept.size == len(left) + 1
    assert kept.sha256 == hashlib.sha256(left + b"!").hexdigest()


async def test_a_folder_that_is_full_is_said_so_and_left_as_it_was(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ToolError, match="there is room left"):
        await written(folder, "a.txt", b"1")

    assert names(folder) == []


@pytest.mark.skipif(os.name != "posix", reason="only POSIX sees a folder on the disk")
async def test_a_file_is_kept_where_a_folder_cannot_be_seen_on_the_disk(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    """As on some shares: it is there, and saying otherwise would have it written again."""
    synced = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not of a folder")
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    assert await written(folder, "a.txt", b"1") == "a.txt"
    assert names(folder) == ["a.txt"]


async def test_a_folder_that_is_gone_is_said_so(folder: Folder, tmp_path: Path):
    (tmp_path / "files").rmdir()

    with pytest.raises(ToolError, match="could not be written") as caught:
        await written(folder, "a.txt", b"1")

    assert str(tmp_path) not in str(caught.value)


async def test_without_a_folder_writing_names_the_setting():
    with pytest.raises(ToolError, match="GUICHET_FILES"):
        await written(Folder(None, in_english), "a.txt", b"1")


# Names given by strangers.


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("facture.pdf", "facture.pdf"),
        ("Attestation d’employeur (été).pdf", "Attestation d’employeur (été).pdf"),
        ("e\u0301te\u0301.pdf", "été.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\a.pdf", "C_a.pdf"),
        (".bashrc", "bashrc"),
        ("...", "file"),
        ("-rf.pdf", "rf.pdf"),
        ("~root", "root"),
        ("", "file"),
        (" \n\t ", "file"),
        ("a\x00b\nc.pdf", "a_b c.pdf"),
        ("facture\u202efdp.exe", "facture_fdp.exe"),
        ("zero\u200bwidth.pdf", "zero_width.pdf"),
        ('a<b>c"d|e?f*g.pdf', "a_b_c_d_e_f_g.pdf"),
        ("trailing.pdf. . ", "trailing.pdf"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("com1 .pdf", "_com1.pdf"),
        ("contrat.pdf", "contrat.pdf"),
    ],
)
def test_a_name_is_made_one_that_any_system_takes(given: str, safe: str):
    assert safe_name(given) == safe


@pytest.mark.parametrize("letter", ["a", "é", "名"])
def test_a_long_name_is_cut_and_keeps_its_extension(letter: str):
    name = safe_name(letter * 500 + ".pdf")

    assert name.endswith(f"{letter}.pdf")
    assert 170 < len(name.encode()) <= 180


def test_what_is_too_long_for_an_extension_is_cut_like_the_rest():
    assert safe_name("a." + "b" * 500) == "a." + "b" * 178


async def test_a_hostile_name_stays_in_the_folder(folder: Folder, tmp_path: Path):
    assert await written(folder, "../../up.txt", b"1") == "_.._up.txt"
    assert os.listdir(tmp_path) == ["files"]  # noqa: PTH208  (nothing awaits it)


# Reading.


async def test_a_piece_has_its_digests_and_its_type(folder: Folder, tmp_path: Path):
    (tmp_path / "files" / "sub").mkdir()
    (tmp_path / "files" / "sub" / "avis.pdf").write_bytes(b"")

    piece = await folder.piece("sub/avis.pdf", most=MOST)

    assert (piece.name, piece.content, piece.content_type) == ("avis.pdf", b"", "application/pdf")
    assert piece.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert piece.md5 == "1B2M2Y8AsgTpgAmY7PhCfg=="


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("avis\u202efdp.exe", "avis\ufffdfdp.exe"),
        ("avis\n.pdf", "avis .pdf"),
        ("avis.pdf\n", "avis.pdf"),
        ("\u3000", "file"),
    ],
    ids=ascii,
)
async def test_nothing_hides_in_the_name_of_a_piece(
    folder: Folder, tmp_path: Path, given: str, name: str
):
    (tmp_path / "files" / given).write_bytes(b"")

    assert (await folder.piece(given, most=MOST)).name == name


@pytest.mark.parametrize(("size", "fits"), [(MOST, True), (MOST + 1, False)])
async def test_a_piece_is_read_up_to_a_size(
    folder: Folder, tmp_path: Path, size: int, *, fits: bool
):
    (tmp_path / "files" / "a.pdf").write_bytes(b"x" * size)

    if fits:
        assert len((await folder.piece("a.pdf", most=MOST)).content) == size
    else:
        with pytest.raises(ToolError, match="larger than"):
            await folder.piece("a.pdf", most=MOST)


async def test_links_that_go_round_in_circles_lead_nowhere(folder: Folder, tmp_path: Path):
    (tmp_path / "files" / "a").symlink_to("b")
    (tmp_path / "files" / "b").symlink_to("a")

    with pytest.raises(ToolError, match="has no file named 'a'"):
        await folder.content("a", most=MOST)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.PDF", "application/pdf"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.odt", "application/vnd.oasis.opendocument.text"),
        ("a.png", "image/png"),
        ("a", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_a_type_is_told_by_the_name(name: str, kind: str):
    assert content_type(name) == kind
