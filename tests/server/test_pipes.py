"""Stdin and stdout, where they are pipes: what is said passes whole, and once."""

import os
import socket
from pathlib import Path
from threading import Event

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.to_thread import run_sync

from server import pipes
from server.pipes import MOST_BYTES, Incoming, Outgoing


async def heard(said: bytes) -> list[str]:
    """The lines of what somebody says who then leaves."""
    end, theirs = os.pipe()

    def say() -> None:
        with os.fdopen(theirs, "wb") as pipe:
            pipe.write(said)

    lines: list[str] = []
    async with Incoming(end) as incoming, anyio.create_task_group() as others:
        others.start_soon(run_sync, say)
        lines += [line async for line in incoming]
    return lines


async def test_lines_come_whole_however_a_pipe_cuts_them():
    lines = ["{}", "x" + "é" * 100_000, "", "the last, unfinished"]

    assert await heard("\n".join(lines).encode()) == lines


async def test_what_is_no_text_is_heard_as_such():
    assert await heard(b"\xff{}\r\n") == ["\ufffd{}\r"]


async def test_a_message_that_never_ends_is_left_unread_and_said_so(
    caplog: pytest.LogCaptureFixture,
):
    endless = b"x" * (MOST_BYTES + 1)

    assert await heard(endless + b"\n{}\n" + endless) == ["{}"]
    assert caplog.messages == [f"A message of over {MOST_BYTES} bytes was left unread."]


async def test_a_host_that_leaves_without_listening_to_the_end_has_left():
    ours, theirs = socket.socketpair()
    with theirs:
        ours.send(b"what it will not hear")

    async with Incoming(ours.detach()) as incoming:
        assert [line async for line in incoming] == []


async def test_answers_wait_for_whoever_reads_late_and_are_given_once():
    theirs, end = os.pipe()
    answers = [f"{number} {'x' * 9_000}\n" for number in range(50)]
    heard, full = list[str](), Event()

    def listen() -> None:
        told = full.wait(5)
        with os.fdopen(theirs) as pipe:
            heard.extend(pipe)
        assert told, "the whole process waited, and not the answers alone"

    async def answer() -> None:
        async with Outgoing(end) as outgoing:
            for each in answers:
                await outgoing.write(each)

    async with anyio.create_task_group() as others:
        others.start_soon(run_sync, listen)
        await wait_all_tasks_blocked()
        others.start_soon(answer)
        await wait_all_tasks_blocked()
        full.set()

    assert heard == answers


async def test_a_host_that_stopped_listening_is_told_nothing_more():
    theirs, end = os.pipe()
    os.close(theirs)

    async with Outgoing(end) as outgoing:
        with pytest.raises(anyio.ClosedResourceError):
            await outgoing.write("{}\n")


def test_files_are_left_to_the_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with (tmp_path / "said").open("w+b") as file:
        monkeypatch.setattr(pipes, "STDIN", file.fileno())
        monkeypatch.setattr(pipes, "STDOUT", file.fileno())

        assert (pipes.incoming(), pipes.outgoing()) == (None, None)
