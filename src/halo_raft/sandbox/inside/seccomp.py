"""The system calls that no candidate needs, and the filter that refuses them.

A deny-list over a default of `allow`: interpreters, compilers and run-times keep working, while ways
to other processes, to namespaces, to the network and to little-used kernel code are shut.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from halo_raft.sandbox.inside import system

# name -> number on (x86_64, aarch64); None where there is no such call
DENIED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "personality": (135, 92),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "lookup_dcookie": (212, 18),
    "vhangup": (153, 58),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "cachestat": (451, 451),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
METADATA: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}
"""Changes to files of the same user that Landlock does not see."""
CLONE, CLONE3, SOCKET, SOCKETPAIR = (56, 220), (435, 435), (41, 198), (53, 199)
FORK, VFORK = (57, None), (58, None)
PRCTL, PRLIMIT = (157, 167), (302, 261)
KILL, TKILL, TGKILL = (62, 129), (200, 130), (234, 131)
SIGQUEUEINFO = ((129, 138), (297, 240), (424, 424))
"""rt_sigqueueinfo, rt_tgsigqueueinfo and pidfd_send_signal."""
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
NAMESPACES = 0x7E020080  # every CLONE_NEW* flag, time namespaces included
CLONE_THREAD = 0x00010000
AF_UNIX, PR_SET_PDEATHSIG = 1, 1

FIRST_UNKNOWN = 463
"""System calls from here on are newer than this list, and answered as a kernel without them would."""

LOAD, JUMP, JUMP_EQUAL, JUMP_FROM, JUMP_SET, RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
REFUSE, UNKNOWN = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
NUMBER, ARCH, FIRST_ARGUMENT = 0, 4, 16
SET_MODE_FILTER = 1

Instruction = tuple[int, int, int, int]
"""Operation, how far to jump if true and if false, operand: classic BPF."""


def program(machine: str, *, sockets: bool, processes: bool, signals: bool, metadata: bool) -> bytes:
    """Return the filter as classic BPF.

    The kernel tries a filter on every call there is when it is loaded, which each run does: so it is
    a search tree over the numbers and not a list.

    Args:
        machine: `x86_64` or `aarch64`.
        sockets: Whether AF_UNIX sockets may be made (other families never).
        processes: Whether processes may be made; threads always may.
        signals: Whether signals may be sent to other processes.
        metadata: Whether modes, owners and times of files may be changed.
    """
    column = ("x86_64", "aarch64").index(machine)
    answers = _looked_into(column, processes)
    denied = [*DENIED.values()]
    if not signals:
        denied += [KILL, TKILL, *SIGQUEUEINFO]
    if not processes:
        denied += [FORK, VFORK]
    if not metadata:
        denied += METADATA.values()
    if not sockets:
        denied += [SOCKET]
    answers |= {number: [(RETURN, 0, 0, REFUSE)] for numbers in denied if (number := numbers[column]) is not None}
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCH),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
    ]
    if machine == "x86_64":
        code += [(JUMP_FROM, 0, 1, X32_BIT), (RETURN, 0, 0, KILL_PROCESS)]
    code += _tree(_runs(answers))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _looked_into(column: int, processes: bool) -> dict[int, list[Instruction]]:
    """Return the answers, by number, to calls that depend on their first argument."""
    namespaces = [(JUMP_SET, 0, 1, NAMESPACES), (RETURN, 0, 0, REFUSE)]
    threads_alone = [] if processes else [(JUMP_SET, 1, 0, CLONE_THREAD), (RETURN, 0, 0, REFUSE)]
    unix_alone = [(JUMP_EQUAL, 1, 0, AF_UNIX), (RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT)]
    checks = {
        CLONE: [*namespaces, *threads_alone],
        PRCTL: [(JUMP_EQUAL, 0, 1, PR_SET_PDEATHSIG), (RETURN, 0, 0, REFUSE)],
        PRLIMIT: [(JUMP_EQUAL, 1, 0, 0), (RETURN, 0, 0, REFUSE)],  # its own alone
        SOCKET: unix_alone,
        SOCKETPAIR: unix_alone,
    }
    answers = {
        numbers[column]: [(LOAD, 0, 0, FIRST_ARGUMENT), *check, (RETURN, 0, 0, ALLOW)]
        for numbers, check in checks.items()
    }
    answers[CLONE3[column]] = [(RETURN, 0, 0, UNKNOWN)]  # its flags are out of a filter's reach; libc takes clone
    return answers


def _runs(answers: dict[int, list[Instruction]]) -> list[tuple[int, list[Instruction]]]:
    """Return the first number of each run of calls with one answer, and the answer."""
    allow, unknown = [(RETURN, 0, 0, ALLOW)], [(RETURN, 0, 0, UNKNOWN)]
    runs: list[tuple[int, list[Instruction]]] = []
    for number in range(FIRST_UNKNOWN + 1):
        answer = answers.get(number, allow) if number < FIRST_UNKNOWN else unknown
        if not runs or runs[-1][1] != answer:
            runs.append((number, answer))
    return runs


def _tree(runs: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Return a binary search over runs."""
    if len(runs) == 1:
        return runs[0][1]
    middle = len(runs) // 2
    below, above = _tree(runs[:middle]), _tree(runs[middle:])
    return [(JUMP_FROM, 0, 1, runs[middle][0]), (JUMP, 0, 0, len(below)), *below, *above]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """A filter that is ready to be put in force.

    Args:
        code: See `program`.
    """

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        self._header = _Program(len(code) // 8, ctypes.cast(self._code, ctypes.c_void_p))
        self._pointer = ctypes.byref(self._header)
        self._number = system.NUMBERS[system.machine()]["seccomp"]

    def load(self) -> None:
        """Put the filter in force for this process and all that it becomes; it cannot be taken back.

        Raises:
            OSError: The kernel refuses, or `no_new_privs` is not set.
        """
        system.syscall(self._number, SET_MODE_FILTER, 0, self._pointer)
