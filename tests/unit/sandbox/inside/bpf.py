"""Classic BPF, run step by step as the kernel would run it."""

from __future__ import annotations

import struct

from halo_raft.sandbox.inside import calls, seccomp


def answer(code: bytes, number: int, *arguments: int, arch: int = calls.AUDIT_ARCH["x86_64"]) -> int:
    """Return what a filter answers to a call."""
    loads = {seccomp.NUMBER: number, seccomp.ARCH: arch}
    for index, place in enumerate(seccomp.ARGUMENTS):
        value = arguments[index] if index < len(arguments) else 0
        loads |= {place: value & 0xFFFF_FFFF, place + 4: value >> 32}
    at = value = 0
    while True:
        operation, if_true, if_false, operand = struct.unpack_from("HBBI", code, 8 * at)
        at += 1
        if operation == seccomp.LOAD:
            value = loads[operand]
        elif operation == seccomp.RETURN:
            return int(operand)
        elif operation == seccomp.JUMP:
            at += operand
        else:
            holds = {
                seccomp.JUMP_EQUAL: value == operand,
                seccomp.JUMP_FROM: value >= operand,
                seccomp.JUMP_SET: bool(value & operand),
            }
            at += if_true if holds[operation] else if_false
