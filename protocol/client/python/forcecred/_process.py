"""Runs a program for a bounded time, and reads a bounded output."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import IO, Mapping, Optional, Sequence

MAX_OUTPUT = 1 << 20  # bytes of each stream; larger than any answer of forcecred


class OutputTooLarge(Exception):
    """The program printed more than MAX_OUTPUT, and was killed."""


class TookTooLong(Exception):
    """The program did not end in time, and was killed."""


class _Output:
    """What a program prints on one stream."""

    def __init__(self, process: subprocess.Popen[bytes], stream: Optional[IO[bytes]]) -> None:
        assert stream is not None
        self.data = b""
        self.is_too_large = False
        self._process, self._stream = process, stream

    def read(self) -> None:
        with self._stream:
            self.data = self._stream.read(MAX_OUTPUT + 1)
            if len(self.data) > MAX_OUTPUT:
                self.data, self.is_too_large = b"", True
                self._process.kill()


def _write(stream: IO[bytes], data: bytes) -> None:
    try:
        with stream:
            stream.write(data)
    except OSError:
        pass  # the program does not read it, and its exit status says more


def run_program(args: Sequence[str], data: bytes, env: Optional[Mapping[str, str]], timeout: float) -> tuple[int, bytes, bytes]:
    """Returns the exit status, stdout and stderr of a program that gets data on stdin."""
    deadline = time.monotonic() + timeout
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    outputs = _Output(process, process.stdout), _Output(process, process.stderr)
    readers = [threading.Thread(target=output.read, daemon=True) for output in outputs]
    try:
        for thread in *readers, threading.Thread(target=_write, args=(process.stdin, data), daemon=True):
            thread.start()
        for reader in readers:
            reader.join(max(0, deadline - time.monotonic()))
            if reader.is_alive():
                raise TookTooLong
        status = process.wait(max(0.001, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TookTooLong from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if any(output.is_too_large for output in outputs):
        raise OutputTooLarge
    return status, outputs[0].data, outputs[1].data
