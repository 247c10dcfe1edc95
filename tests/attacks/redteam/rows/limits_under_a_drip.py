"""Programs that go past a limit while a byte comes out every few milliseconds: four resources, three channels.

Each has its answer out before it starts, and ends well when nobody stops it in time.
"""

import dataclasses

from halo_raft.records import VerdictKind
from redteam.attack import QUICK, Attack

TIMEOUT, MEMORY = VerdictKind.TIMEOUT, VerdictKind.MEMORY
CHANNELS = {"stdout": 1, "stderr": 2, "channel": 3}
PROGRAM = """
import os, sys, threading, time

print(int(input()) * 2, flush=True)

def drip():
    while True:
        try: os.write({descriptor}, b'\\n')
        except OSError: pass
        time.sleep(0.015)

def orphan(work):
    # out of the tree of processes that a parent has; where no process may be made, here
    try:
        if os.fork(): return os.wait()
        if os.fork(): os._exit(0)
    except PermissionError: return work()
    work()
    os._exit(0)

threading.Thread(target=drip, daemon=True).start()
{abuse}
os._exit(0)
"""
SPIN = """
reader, writer = os.pipe()
def work():
    end = time.process_time() + 1.5
    while time.process_time() < end: pass
for _ in range(2): orphan(work)
os.close(writer)
os.read(reader, 1)  # until the last of them has ended
"""
GROW = """
reader, writer = os.pipe()
kept, first = [], os.getpid()
def work():
    kept.append(b'x' * (130 << 20))
    os.write(writer, b'.')
    if os.getpid() != first: time.sleep(10)
for _ in range(7): orphan(work)
for _ in range(7): os.read(reader, 1)  # until all of them hold theirs
time.sleep(1.5)
"""
FILL = """
for n in range(40):
    with open('part%d' % n, 'wb') as part: part.write(b'x' * (6 << 20))
    time.sleep(0.01)
"""
SLEEP = "time.sleep(4)"
ABUSES = {
    "processor": (SPIN, (TIMEOUT,)),
    "memory": (GROW, (MEMORY,)),
    "disk": (FILL, (VerdictKind.OUTPUT_LIMIT, VerdictKind.RUNTIME)),
    "wall": (SLEEP, (TIMEOUT,)),
}
LIMITS = {
    "memory": dataclasses.replace(QUICK, cpu_s=10, wall_s=20),  # to take it costs time
    "disk": dataclasses.replace(QUICK, cpu_s=10, wall_s=20),
}
ROWS = tuple(
    Attack(
        f"drip-on-{channel}-hides-{resource}",
        PROGRAM.format(descriptor=descriptor, abuse=abuse),
        task="double",
        kinds=kinds,
        limits=LIMITS.get(resource, QUICK),
    )
    for channel, descriptor in CHANNELS.items()
    for resource, (abuse, kinds) in ABUSES.items()
)
