"""The image without an engine: the real Dockerfile's steps, run one by one on a copy-on-write view of this machine.

`python -m tests.image` (or `make image`) needs root and a Linux kernel with overlayfs. What stands for the base image
is this machine's system with the Python that runs the script: what the base image itself brings is not tried.
Everything else is: both stages, what is copied and what .dockerignore keeps out, the unprivileged account without
capabilities, the read-only root, migration, start command, health check, the three curl lines of the README, a pusher,
and the stop.
"""
