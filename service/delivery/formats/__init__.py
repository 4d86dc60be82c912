"""Warnings as others write them: Atom, JSON Feed, CAP, CloudEvents. Pure: a bulletin and names in, bytes out."""
