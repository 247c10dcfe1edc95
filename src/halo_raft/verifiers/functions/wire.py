"""Frames between the judge and the candidate's process: length, nonce, kind, body.

A reply repeats the nonce of the request that it answers, so an answer that was written before it was
asked for is seen as the forgery that it is.
"""

from __future__ import annotations

import os

from halo_raft.verifiers.functions.codec import MAX_BYTES

NONCE_BYTES = 8
FIRST_NONCE = bytes(NONCE_BYTES)
REQUEST = b"Q"
"""What either end asks of the other: (operation, streams, names of keywords, operands, values of keywords)."""
VALUE, ERROR, CALLBACK, SYNTAX, LOADED = b"V", b"E", b"K", b"X", b"R"
"""Replies: (value, what was printed); see `errors.described`; a request to the judge; an error; nothing."""
FIRST_READ = 4096
"""Bytes asked for at first: nearly all frames are smaller, and take one read."""
KIND_AT = 4 + NONCE_BYTES
_READ, _WRITE = os.read, os.write


class Closed(EOFError):
    """The other end is gone, or does not keep to the format."""


class Forged(Closed):
    """What arrived is no frame, or more than the one that was to come."""


def send(fd: int, nonce: bytes, kind: bytes, body: bytes) -> None:
    """Write one frame.

    Raises:
        OSError: The other end is gone.
    """
    frame = memoryview((len(body) + NONCE_BYTES + 1).to_bytes(4, "big") + nonce + kind + body)
    while frame:
        frame = frame[_WRITE(fd, frame) :]


def receive(fd: int) -> tuple[bytes, bytes, bytes]:
    """Read one frame: nonce, kind, body. An end writes nothing more before it is answered.

    Raises:
        Closed: There is none.
        Forged: It is larger than any honest one, or more than one was written.
    """
    frame = _read(fd, FIRST_READ)
    while len(frame) < 4:
        frame += _read(fd, FIRST_READ)
    size = int.from_bytes(frame[:4], "big")
    if not NONCE_BYTES < size <= MAX_BYTES + 1024 or len(frame) > size + 4:
        raise Forged("a frame of an impossible size")
    if missing := size + 4 - len(frame):
        frame = b"".join((frame, *_exactly(fd, missing)))
    return frame[4:KIND_AT], frame[KIND_AT : KIND_AT + 1], frame[KIND_AT + 1 :]


def _exactly(fd: int, count: int) -> list[bytes]:
    parts = []
    while count:
        parts.append(part := _read(fd, min(count, 1 << 16)))
        count -= len(part)
    return parts


def _read(fd: int, count: int) -> bytes:
    try:
        part = _READ(fd, count)
    except OSError as error:
        raise Closed(str(error)) from None
    if not part:
        raise Closed("closed")
    return part
