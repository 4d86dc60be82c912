"""What the process that trains on own outcomes and whoever starts it say to each other."""

from __future__ import annotations

OWN = "own_outcomes"  # `trained_on.data` of a card that was made here
OUTCOMES_FILE = "outcomes.json"
REFUSED = 3  # exit code: foreseen, the reason stands on stderr
