"""Dockerfile and compose.yaml hold what the code gives: files, commands, settings, ports."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from service.cli import COMMANDS
from service.settings import read_settings
from tests.image.dockerfile import BadDockerfile, Context, health_command, read_dockerfile
from tests.served import ROOT

DOCKERFILE = read_dockerfile((ROOT / "Dockerfile").read_text("utf-8"))
CONTEXT = Context(ROOT, (ROOT / ".dockerignore").read_text("utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "weiyu"}
SERVERS = {name: service for name, service in OURS.items() if "ports" in service}


def test_everything_that_is_copied_is_there_and_let_through() -> None:
    copied = [step.copied for stage in DOCKERFILE for step in stage.steps if step.word == "COPY"]
    empty = [source for stage, sources, _ in copied if stage is None for source in sources if not CONTEXT.files(source)]
    assert copied
    assert not empty


def test_what_is_no_part_of_the_image_stays_out_of_the_context() -> None:
    for kept_out in (".git/HEAD", "tests/makers.py", "Makefile", "requirements-dev.lock", "compose.yaml"):
        assert not CONTEXT.has(kept_out), kept_out
    assert CONTEXT.has("service/main.py")
    assert CONTEXT.has("models/escalation-0.3-e73305ac/model.json")


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_lives() -> None:
    final = DOCKERFILE[-1]
    assert final.last("USER").rest not in ("root", "0")
    assert "/healthz" in " ".join(health_command(final))
    assert "weiyu serve" in " ".join(final.last("CMD").command)


def test_an_instruction_that_is_not_known_is_named_with_its_line() -> None:
    with pytest.raises(BadDockerfile, match="Dockerfile:3"):
        read_dockerfile("# a comment\nFROM base\nONBUILD RUN true\n")


def test_compose_starts_two_servers_that_push_nothing_and_one_pusher() -> None:
    assert sorted(SERVERS) == ["app-1", "app-2"]
    assert all(settings_of(service).push_workers == 0 for service in SERVERS.values())
    pushers = [service for service in OURS.values() if service.get("command") == ["weiyu", "push"]]
    assert [settings_of(service).push_workers > 0 for service in pushers] == [True]


def test_every_command_and_every_variable_in_compose_exists() -> None:
    for service in OURS.values():
        settings_of(service)
        first, *words = service.get("command", ["weiyu", "serve"])
        assert first == "weiyu"
        assert words[0] in COMMANDS
    urls = {service["environment"]["WEIYU_PUBLIC_URL"] for service in OURS.values()}
    assert len(urls) == 1, "links in warnings are the same whoever pushes them"


def test_everything_of_ours_is_read_only_unprivileged_and_waits_for_the_migration() -> None:
    for name, service in OURS.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        if name != "migrate":
            assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_ports_are_open_to_this_machine_only_and_no_two_are_alike() -> None:
    ports = [port for service in SERVERS.values() for port in service["ports"]]
    assert [port.split(":")[0] for port in ports] == ["127.0.0.1", "127.0.0.1"]
    assert len({port.split(":")[1] for port in ports}) == 2
    exposed = DOCKERFILE[-1].last("EXPOSE").rest
    assert {port.split(":")[2] for port in ports} == {exposed}
    assert "ports" not in COMPOSE["services"]["db"]


def settings_of(service: dict[str, Any]) -> Any:
    """The settings that a service's environment makes; raises for a variable that does not exist."""
    given = {
        name: re.sub(r"\$\{\w+(?::-([^}]*)|[^}]*)\}", r"\1", value) for name, value in service["environment"].items()
    }
    return read_settings(given)
