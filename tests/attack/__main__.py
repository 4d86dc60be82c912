"""`python -m tests.attack --kills 200 --seed 1`: prints a table; exit code 1 when anything differs."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys

from tests.attack.axe import Outcome, attack, strokes


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill the service at random moments, then compare three ledgers.")
    parser.add_argument("--kills", type=int, default=200, help="how many strokes")
    parser.add_argument("--seed", type=int, default=1, help="fixes what is struck; the processes race all the same")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end, it still clears up
    outcome = asyncio.run(attack(strokes(given.kills, random.Random(given.seed)), given.seed))
    show(outcome)
    return 1 if outcome.differences else 0


def show(outcome: Outcome) -> None:
    for name, count in outcome.counts.items():
        print(f"  {name:48} {count:8}")
    if outcome.differences:
        print(outcome.logs)
    print(f"\n{len(outcome.differences)} differences between what was told, what is stored and what was received")
    for line in outcome.differences[:200]:
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
