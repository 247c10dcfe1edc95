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
def work():
    end = time.time() + 2.6
    while time.time() < end: pass
for _ in range(3): orphan(work)
time.sleep(2.2)
"""
GROW = """
kept = []
def work():
    kept.append(b'x' * (130 << 20))
    time.sleep(2)
for _ in range(7): orphan(work)
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
ROWS = tuple(
    Attack(
        f"drip-on-{channel}-hides-{resource}",
        PROGRAM.format(descriptor=descriptor, abuse=abuse),
        task="double",
        kinds=kinds,
        limits=dataclasses.replace(QUICK, cpu_s=5) if resource == "memory" else QUICK,  # to take it costs CPU time
    )
    for channel, descriptor in CHANNELS.items()
    for resource, (abuse, kinds) in ABUSES.items()
)
