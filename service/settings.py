"""Every knob: default, unit, meaning. Read in main and cli only, passed on as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

PREFIX = "WEIYU_"


class SettingsError(Exception):
    """A setting that cannot be used; the text names the variable and says what would be right."""


class Settings(BaseModel):
    """One field per environment variable `WEIYU_<FIELD>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database_url: str | None = Field(None, description="postgresql://…; empty: the embedded server in data_dir")
    data_dir: Path = Field(Path("./var"), description="embedded database, demo keys, logs")
    models_dir: Path = Field(
        Path("./models"), description="the model that ships, one folder; the registry decides which judges"
    )
    rulebook: Path | None = Field(None, description="incident rulebook to serve; empty: the one that ships")
    alert_mapping: Path | None = Field(
        None, description="which category and area an alert of Alertmanager speaks of; empty: the file that ships"
    )
    timezone: ZoneInfo = Field(ZoneInfo("Asia/Shanghai"), description="days and months are counted in this zone")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=1, le=65535, description="port to listen on")
    public_url: str | None = Field(None, description="address in links of warnings; empty: http://host:port")
    authority: str = Field(
        "weiyu.invalid",
        max_length=200,
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$",
        description="domain name of the operator, in the ids of Atom, CAP and CloudEvents; once set, never changed",
    )
    push_allow: str = Field("", description="networks that pushes may go to besides public ones, comma-separated")
    push_workers: int = Field(32, ge=0, le=512, description="pushes under way at once; 0: this process pushes nothing")
    push_per_endpoint: int = Field(4, ge=1, le=64, description="pushes under way at once to one endpoint")
    push_timeout_s: float = Field(15, gt=0, le=60, description="seconds one push may take in all")
    push_verify: bool = Field(True, description="a new address must prove itself before its first warning")
    smtp: str | None = Field(
        None, description="smtps://login:password@host:465?from=address, or smtp+starttls://…; empty: no mail"
    )
    pool_size: int = Field(8, ge=2, le=100, description="database connections for requests")
    group_limit: int = Field(500, ge=1, le=5000, description="most reports written in one transaction")
    waiting_limit: int = Field(5000, ge=1, description="reports that may wait before 503 is answered")
    max_body_bytes: int = Field(
        6_000_000, ge=1000, description="largest request body; 500 reports of 4,000 characters fit"
    )
    late_hours: float | None = Field(None, gt=0, description="overrides the threshold reports.late_hours, for replays")
    demo: bool = Field(False, description="fill an empty database with the simulated district and keep a trickle going")

    @field_validator("timezone", mode="before")
    @classmethod
    def _known_zone(cls, name: object) -> object:
        try:
            return ZoneInfo(name) if isinstance(name, str) else name
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"unknown time zone {name!r}, try Asia/Shanghai") from error

    @property
    def link_base(self) -> str:
        """Where links in warnings point to, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from `WEIYU_…` variables; empty ones count as absent. Raises SettingsError naming the variable."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value != ""
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        lines = [f"{PREFIX}{str(part['loc'][0]).upper()}: {part['msg']}" for part in error.errors()]
        raise SettingsError("\n".join(lines)) from None
