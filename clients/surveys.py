"""A file of text, gone through before it is read: whatever its size, nothing of it is kept.

Once, for one in UTF-8; any other is gone through again, for what its bytes may stand for.
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Literal

CHUNK = 256 * 1024
"""Bytes that are looked at together: a millisecond of work."""
LONGEST_LINE = 1_000_000
"""Bytes of a line; a longer one is refused without being read to its end."""

Encoding = Literal["utf-8-sig", "cp1252"]

_ASCII = bytes(range(128))
_DEFINED = bytes(set(range(256)) - {0x81, 0x8D, 0x8F, 0x90, 0x9D})
"""What stands for a character in Windows-1252."""


class UnreadableError(Exception):
    """A file cannot be read, or not from some line on."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


class Survey:
    """What is known of a file once each of its chunks was added, in order."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._lines = 1
        self._unended = 0
        """Bytes since the last end of a line."""
        self._is_blank = True
        self._not_utf8 = 0
        self._lost = 0

    @property
    def encoding(self) -> Encoding:
        """UTF-8 if it can be that; Windows-1252, which almost anything can be, otherwise."""
        return "cp1252" if self._not_utf8 else "utf-8-sig"

    @property
    def not_utf8(self) -> int:
        """The first line that is not in UTF-8, or 0."""
        return self._not_utf8

    @property
    def lost(self) -> int:
        """The first line where a character is no longer what it was, in UTF-8, or 0."""
        return 0 if self._not_utf8 else self._lost

    def add(self, chunk: bytes) -> None:
        """Go on with this chunk of the file.

        Raises:
            UnreadableError: It holds a NUL byte, or a line that is too long.
        """
        if (nul := chunk.find(0)) >= 0:
            line = self._lines + chunk.count(b"\n", 0, nul)
            raise UnreadableError(line, "a NUL byte: this is no text, or it is not in UTF-8.")
        self._bound(chunk)
        if not self._not_utf8:
            self._decode(chunk)
        self._is_blank = self._is_blank and not chunk.removeprefix(codecs.BOM_UTF8).strip()
        self._lines += chunk.count(b"\n")

    def end(self) -> None:
        """Say that there is no more of it.

        Raises:
            UnreadableError: There was nothing in it.
        """
        if self._is_blank:
            raise UnreadableError(1, "the file is empty.")
        if not self._not_utf8:
            self._decode(b"", final=True)

    def _bound(self, chunk: bytes) -> None:
        first = chunk.find(b"\n")
        if self._unended + (len(chunk) if first < 0 else first) > LONGEST_LINE:
            raise UnreadableError(self._lines, f"a line of more than {LONGEST_LINE // 10**6} MB.")
        last = chunk.rfind(b"\n")
        self._unended = self._unended + len(chunk) if last < 0 else len(chunk) - last - 1

    def _decode(self, chunk: bytes, *, final: bool = False) -> None:
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            self._not_utf8 = self._lines + error.object.count(b"\n", 0, error.start)
            return
        if not self._lost and "\ufffd" in text:
            self._lost = self._lines + text.count("\n", 0, text.index("\ufffd"))


class Signs:
    """Where the bytes beyond ASCII of a file are, once each of its chunks was added, in order.

    They are all that tells one encoding of a byte for each letter from another.
    """

    def __init__(self) -> None:
        self._lines = 1
        self._first = dict[int, int]()
        """The line where each is first met."""

    @property
    def lost(self) -> int:
        """The first line that holds one which stands for nothing in Windows-1252, or 0."""
        return self.beyond(_DEFINED)

    def beyond(self, allowed: bytes) -> int:
        """The first line that holds one other than those, or 0."""
        return min((line for byte, line in self._first.items() if byte not in allowed), default=0)

    def add(self, chunk: bytes) -> None:
        """Go on with this chunk of the file."""
        for byte in set(chunk.translate(None, _ASCII + bytes(self._first))):
            self._first[byte] = self._lines + chunk.count(b"\n", 0, chunk.index(byte))
        self._lines += chunk.count(b"\n")


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The whole file."""
    stream.seek(0)
    while chunk := stream.read(CHUNK):
        yield chunk


def surveyed(stream: BinaryIO) -> tuple[Survey, Signs]:
    """What is known of a whole file, and of the signs of one that is not in UTF-8.

    Raises:
        UnreadableError: It holds a NUL byte or too long a line, or nothing.
    """
    survey, signs = Survey(), Signs()
    for chunk in chunks(stream):
        survey.add(chunk)
    survey.end()
    for chunk in chunks(stream) if survey.not_utf8 else ():
        signs.add(chunk)
    return survey, signs
