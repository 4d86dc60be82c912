"""Whole flows over HTTP."""
