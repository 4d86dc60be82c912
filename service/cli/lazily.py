"""Commands that are loaded when they are called: a server need not load what imports files or trains models."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from service.later import loaded


class Told(NamedTuple):
    """Where a command stands, `module:name` of a function or a group, and what it is for, in Chinese."""

    place: str
    help: str


class Commands(TyperGroup):
    """The commands of a registry. Help shows what the registry says; only the one that is called is loaded."""

    def __init__(self, name: str, what_for: str, told: dict[str, Told]) -> None:
        shown = {command: TyperCommand(command, help=entry.help) for command, entry in told.items()}
        super().__init__(name=name, help=what_for, no_args_is_help=True, commands={**shown})
        self._told = told

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in self._told:
            self.commands[args[0]] = _loaded(args[0], self._told[args[0]])
        return super().resolve_command(ctx, args)


def _loaded(name: str, told: Told) -> Any:
    found: typer.Typer | Callable[..., Any] = _loaded_at_rest(told.place)
    command = get_group(found) if isinstance(found, typer.Typer) else _single(found)
    command.name, command.help = name, told.help
    return command


def _loaded_at_rest(place: str) -> Any:
    """The collector would walk over all that is loaded, which stays, again and again: a fifth of a server's start."""
    gc.disable()
    found = loaded(place)
    gc.freeze()
    gc.enable()
    return found


def _single(function: Callable[..., Any]) -> Any:
    holder = typer.Typer(add_completion=False)
    holder.command()(function)
    return get_command(holder)
