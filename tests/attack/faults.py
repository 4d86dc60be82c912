"""`python -m tests.attack.faults --kills 50 --seed 1`: prints its counts; exit code 1 when anything is wrong."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from tests.attack.fault_run import run


def main() -> int:
    parser = argparse.ArgumentParser(description="Push among bad receivers, kill the pushers, step the clock.")
    parser.add_argument("--kills", type=int, default=50, help="how often a pusher is killed")
    parser.add_argument("--seed", type=int, default=1, help="fixes who is killed; the processes race all the same")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end, it still clears up
    found = asyncio.run(run(given.kills, given.seed))
    for name, count in found.counts.items():
        print(f"  {name:48} {count:8}")
    print(f"\n{len(found.wrong)} pushes lost, parked, doubled under another id, or failures without their name")
    for line in found.wrong[:200]:
        print(f"  {line}")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
