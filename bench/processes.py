"""A process as the system sees it from outside: how long it lives, what it uses."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).parents[1]
MEGABYTE = 1024.0
"""In kilobytes, as the system counts."""
MILLISECONDS = 1000.0


@dataclass(frozen=True, slots=True)
class Life:
    """What a whole life took, in milliseconds."""

    wall: float
    cpu: float


class Process:
    """A program that is fed on stdin and read on stdout, until the block ends."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.started = time.perf_counter()
        self._child = subprocess.Popen(  # noqa: S603  (a command of ours)
            command,
            env={**inherited(), **environment},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.life: Life | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def stdin(self) -> IO[bytes]:
        return _open(self._child.stdin)

    @property
    def stdout(self) -> IO[bytes]:
        return _open(self._child.stdout)

    @property
    def age(self) -> float:
        """Milliseconds since it was started."""
        return (time.perf_counter() - self.started) * MILLISECONDS

    @property
    def cpu(self) -> float:
        """Milliseconds of processor so far, by steps of ten."""
        fields = self._told("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * MILLISECONDS / os.sysconf("SC_CLK_TCK")

    @property
    def resident(self) -> float:
        """Megabytes that it holds."""
        return self._status("VmRSS")

    @property
    def peak(self) -> float:
        """Megabytes that it held at most, since it started or since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        Path(f"/proc/{self._child.pid}/clear_refs").write_text("5", encoding="ascii")

    def terminate(self) -> None:
        self._child.terminate()

    def end(self) -> Life:
        """Close its stdin, wait for it to leave, and tell what its life took."""
        if self.life is None:
            self.stdin.close()
            _, status, usage = os.wait4(self._child.pid, 0)
            self._child.returncode = os.waitstatus_to_exitcode(status)
            cpu = (usage.ru_utime + usage.ru_stime) * MILLISECONDS
            self.life = Life(self.age, cpu)
            self.stdout.close()
        return self.life

    def _status(self, name: str) -> float:
        lines = dict(line.split(":", 1) for line in self._told("status").splitlines())
        return int(lines[name].split()[0]) / MEGABYTE

    def _told(self, file: str) -> str:
        return Path(f"/proc/{self._child.pid}/{file}").read_text(encoding="utf-8")


def python(*arguments: str) -> Sequence[str]:
    """A command run by this very Python."""
    return (sys.executable, *arguments)


def installed(name: str) -> Sequence[str]:
    """A command of the environment of this very Python."""
    return (str(Path(sys.executable).with_name(name)),)


def reference(name: str, *arguments: str) -> Sequence[str]:
    """The command of a reference program."""
    return python("-m", f"bench.references.{name}", *arguments)


def inherited() -> dict[str, str]:
    """Our environment, but what changes how Python starts, or what Guichet is told."""
    # Without its bytecode, whatever starts takes 2.6 times as long.
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GUICHET_"))}


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("not a pipe")
    return stream
