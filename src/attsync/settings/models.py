"""The settings as frozen values: their names, types and defaults. data/config.toml explains them.

Does not contain where in a file a value is: `places` does.
"""

import re
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationInfo, field_validator

from attsync.accounts import read_secret
from attsync.problems import SettingsError
from attsync.settings import types
from attsync.settings.places import Location
from attsync.settings.words import wrong
from attsync.window import LONGEST, Count


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)
    _file: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:  # noqa: ANN401  Pydantic's own type for it
        """Keep the path of the settings file, which is not a setting: a file cannot say where it is."""
        self._file = context["path"] if context else Path()


class DfeSettings(_Table):
    """[dfe]: where to send, and how to sign in."""

    base_url: types.Https = Field(examples=['"https://localhost:8443"'])
    token_url: types.Https = Field(examples=['"https://localhost:8443/oauth/token"'])
    client_id: types.Text = Field(examples=['"oakfield"'])
    auth_method: Literal["client_secret_post", "client_secret_basic", "private_key_jwt"] = "client_secret_post"
    """How attsync proves who it is when it signs in (RFC 6749 2.3.1; RFC 7523)."""
    client_secret_file: types.File | None = Field(default=None, validate_default=True)
    private_key_file: types.File | None = Field(default=None, validate_default=True)
    """PEM. Set exactly when `auth_method` is private_key_jwt."""
    subscription_key_file: types.File | None = None
    scope: types.Text | None = None
    ca_file: types.File | None = None
    proxy: types.Proxy | None = None
    timeout_seconds: Annotated[int, types.whole(1, 90)] = 30
    connections: Annotated[int, types.whole(1, 32)] = 8
    run_minutes: Annotated[int, types.whole(1, 600)] = 10
    send_year_groups: bool = True

    @property
    def origin(self) -> str:
        """What consent is bound to: scheme, host and port of `base_url`, in lower case, without port 443."""
        return types.origin_of(self.base_url)

    @field_validator("client_secret_file", "private_key_file")
    @classmethod
    def _secret_fits_method(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        method, is_key = info.data.get("auth_method"), info.field_name == "private_key_file"
        if method is None:  # it has its own fault
            return value
        is_used = is_key == (method == "private_key_jwt")
        if is_used and value is None:
            raise wrong(str(info.field_name))
        if is_key and value is not None and not is_used:
            raise wrong("unused_key")
        return value


class WindowSettings(_Table):
    """[window]: how many days are sent."""

    days: Annotated[int, types.whole(1, LONGEST)] = LONGEST
    count: Count = "working"


class LogSettings(_Table):
    """[log]: the local record of every attempt."""

    path: types.File = Field(examples=['"attsync.db"'])
    """Has a default, the state folder, unless this account has no home folder."""
    keep_days: Annotated[int, types.whole(31, 36500)] = 1100
    """At least a month: what was sent in the longest window has to be in the log, or it could not be corrected."""


class ScheduleSettings(_Table):
    """[schedule]: when attsync should run; `crontab` and `status` use it."""

    times: types.Times = (time(10, 15), time(14, 45))


class NotifySettings(_Table):
    """[notify]: a monitor for the result of each run, and addresses for messages when a school turns bad or good."""

    ping_url: types.Https | None = None
    addresses_file: types.File | None = None
    """One address of Apprise per line; they contain passwords."""


class ConsentSettings(_Table):
    """[consent]: who can give consent if the school database does not contain that."""

    administrators: Annotated[tuple[types.Text, ...], Field(strict=False)] | None = None
    usernames: types.Usernames = {}


class SelectSettings(_Table):
    """[database.select]: the SELECTs for the school database."""

    marks: types.Sql = Field(examples=['"SELECT date, session, year_group, code FROM a_view"'])
    roll: types.Sql = Field(examples=['"SELECT year_group, entry_date, leaving_date FROM a_view"'])
    administrators: types.Sql | None = None
    schools: types.Sql | None = None


class SchoolSettings(_Table):
    """[[database.schools]]: one school in a database."""

    urn: types.Urn = Field(examples=["900012"])
    name: types.Text = Field(examples=['"Oakfield Primary School"'])
    school: types.Text = Field(default_factory=lambda so_far: str(so_far.get("urn")))
    codes: types.CodeMap = {}


class DatabaseSettings(_Table):
    """[[database]]: one school database and the maps for its values."""

    name: types.Text = "school database"
    """For messages; `load` numbers those without a name if there are several."""
    url: types.Database | None = None
    url_file: types.File | None = Field(default=None, validate_default=True)
    leaving_date_is: Literal["last_day", "first_day_off"] = Field(
        examples=['"last_day"', '"first_day_off"'],
        description="leaving_date_is",  # a sentence of `words`
    )
    select: SelectSettings
    codes: types.CodeMap = {}
    sessions: types.SessionMap = {}
    year_groups: types.YearGroupMap = {}
    schools: Annotated[tuple[SchoolSettings, ...], Field(strict=False)] = Field(default=(), validate_default=True)

    @property
    def folder(self) -> Path:
        """Where relative paths start: the folder of the settings file."""
        return self._file.parent

    def database_url(self) -> SecretStr:
        """Return the address for SQLAlchemy, from the settings or from `url_file`; it may contain a password.

        Raise SettingsError SECRET-FILE if the file is not safe or does not contain an address.
        """
        if self.url_file is None:
            return self.url or SecretStr("")
        try:
            return types.database_address(read_secret(self.url_file, what="database address"), self.folder)
        except SettingsError as error:
            raise SettingsError.of(error.problem.but(undone="database")) from error
        except ValueError:
            raise SettingsError("SECRET-FILE", "address", path=self.url_file, undone="database") from None

    @field_validator("url_file")
    @classmethod
    def _one_address(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "url" in info.data and (value is None) == (info.data["url"] is None):
            raise wrong("one_address")
        return value

    @field_validator("schools")
    @classmethod
    def _schools_once(cls, value: tuple[SchoolSettings, ...], info: ValidationInfo) -> tuple[SchoolSettings, ...]:
        select = info.data.get("select")
        if isinstance(select, SelectSettings) and (select.schools is not None) == bool(value):
            raise wrong("one_list")
        return value


class Settings(_Table):
    """The whole settings file."""

    trust: types.Text | None = None
    dfe: DfeSettings
    window: WindowSettings = WindowSettings()
    log: LogSettings
    schedule: ScheduleSettings = ScheduleSettings()
    notify: NotifySettings = NotifySettings()
    consent: ConsentSettings = ConsentSettings()
    database: Annotated[tuple[DatabaseSettings, ...], Field(strict=False)]

    @property
    def path(self) -> Path:
        """The settings file itself."""
        return self._file

    def secret_files(self) -> dict[str, Path]:
        """Return every file with a secret, by the name of its setting."""
        names = ("client_secret_file", "private_key_file", "subscription_key_file")
        named = {f"[dfe] {name}": getattr(self.dfe, name) for name in names}
        named["[notify] addresses_file"] = self.notify.addresses_file
        named |= {f"url_file of {database.name}": database.url_file for database in self.database}
        return {name: path for name, path in named.items() if path}

    @field_validator("database")  # not min_length: Pydantic counts only the tables without a fault
    @classmethod
    def _has_databases(cls, value: tuple[DatabaseSettings, ...]) -> tuple[DatabaseSettings, ...]:
        if not value:
            raise wrong("missing_table", heading="[[database]]")
        return value


class Table(NamedTuple):
    """One table of the settings: its model, and its heading as it is in the file; "" for the file itself."""

    model: type[BaseModel]
    heading: str


Names = tuple[str, ...]
"""The path of a setting without the indexes of a location: ("database", "url")."""


def _tables(model: type[BaseModel], heading: str, names: Names) -> dict[Names, Table]:
    """Return `model` and every table below it."""
    found = {names: Table(model, heading)}
    for name, setting in model.model_fields.items():
        for part in (setting.annotation, *get_args(setting.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                at = (*names, name)
                heading = f"[{'.'.join(at)}]"
                found |= _tables(part, heading if part is setting.annotation else f"[{heading}]", at)
    return found


TABLES: Final = _tables(Settings, "", ())
"""Every table by its path, the file itself first."""

_SIGN_IN: Final = re.compile(r"[a-z][a-z0-9+_]*://[^:/?@]*:.*@", re.IGNORECASE | re.DOTALL)
_PASSWORD_PARAMETER: Final = re.compile(r"[?&][^=&]*(?:pass|pwd|secret|token|odbc_connect)[^=&]*=", re.IGNORECASE)


def has_password(address: str) -> bool:
    """Whether the address of a database or a proxy contains a password."""
    return bool(_SIGN_IN.match(address) or _PASSWORD_PARAMETER.search(address))


def holds_password(settings: Settings) -> list[Location]:
    """Return the addresses in the settings that contain a password."""
    urls = [(("database", number, "url"), database.url) for number, database in enumerate(settings.database)]
    addresses: list[tuple[Location, SecretStr | None]] = [*urls, (("dfe", "proxy"), settings.dfe.proxy)]
    return [at for at, address in addresses if address and has_password(address.get_secret_value())]
