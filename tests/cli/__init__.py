"""The `weiyu` command as people type it."""
