"""The axe: the real service is killed at random moments while it works, then three ledgers are compared.

`python -m tests.attack --kills 200 --seed 1`. The seed fixes what is struck and how long is waited; the processes race,
so that no two runs are alike. `kill -9` is not a power cut: what the system holds in memory survives it, and the folder
may lie in memory; that a commit reaches the disk is PostgreSQL's promise (fsync stays on) and is not tried here.
"""
