"""The embedded PostgreSQL 18, for when no database URL is given.

`server` says who starts and stops it, `cluster` how, `place` where and as whom, `troubles` what to do when it fails.
"""

from service.store.embedded.place import EmbeddedServerError, Place, find_place
from service.store.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "EmbeddedServerError", "Place", "find_place"]
