"""What can be wrong with the settings: every sentence, in one table; and from Pydantic's and tomllib's errors to them.

Never sees a value: the errors that it is given have none.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from attsync.settings.places import Location

SENTENCES: Final = {
    # names
    "unknown": "This setting is not known.",
    "unknown variable": "This variable is not known.",
    "meant": "Did you mean {meant}?",
    "secret": "Never put the secret itself in this file.",
    "account": "Put accounts under the heading [consent.usernames], and remove its # too.",
    "elsewhere": "This setting belongs {where}.",
    "missing": "Add this setting, for example  {example}",
    "missing table": "Add {heading} and its settings.",
    "a table": "This is a table. Put its settings under the heading {heading}.",
    # kinds of values
    "boolean": "Use true or false, without quotes.",
    "text": "Put the value in quotes.",
    "list": "Use a list in [square brackets].",
    "choice": "Use {choices}.",
    "other": "This value cannot be used.",
    "whole number": "Use a whole number from {low} to {high}.",
    "empty": "This must not be empty.",
    "invisible": "This must not contain a line break or another invisible character.",
    "URN": "A URN has 6 digits, for example 900012.",
    "URN in quotes": "A URN has 6 digits, for example 900012. Write it without quotes.",
    "LAESTAB": "This looks like a LAESTAB. A URN has 6 digits, for example 900012.",
    "time": 'Use a time of day in quotes, for example "10:15".',
    "no time": "Use at least one time of day.",
    "https": 'Use an address that starts with https:// and does not contain a user name, "?" or "#".',
    "proxy": 'Use the address of the proxy, for example "http://proxy.example:3128".',
    "database": 'Use an address as SQLAlchemy writes it, for example "sqlite:///school.db".',
    "no file": "That file does not exist, and an address starts with the database type, such as postgresql://.",
    "SELECT": "Write a SELECT here.",
    "code": 'Use "present", "unmarked" or a DfE code, for example "I".',
    "session": 'Use "AM" or "PM".',
    "year group": 'Use a DfE year group, for example "R" or "1".',
    "spaces": "Two names under this heading differ only in the spaces around them.",
    # settings that belong together
    "client secret": 'Add the file with the client secret, for example  client_secret_file = "client-secret"',
    "private key": 'Add the file with the private key, for example  private_key_file = "private-key.pem"',
    "unused key": 'A private key is only used with  auth_method = "private_key_jwt"',
    "one address": 'Use either url or url_file, for example  url = "sqlite:///school.db"',
    "one list": "List the schools under [[database.schools]], or use the schools SELECT, but not both.",
    "leaving": "The school office knows whether a leaving date is the last day at school or the day after.",
    "URN twice": "A school can be listed only once: {first} has this URN too.",
    "school twice": "Rows belong to one school only: {first} has this value too.",
    # the text of the file
    "not UTF-8": "This line is not UTF-8 text. Save the file as UTF-8.",
    "twice": "This name or heading is in the file twice.",
    "not closed": "A closing quotation mark or bracket is missing.",
    "no setting": "A line must be a [heading], a # comment, or a setting: name = value.",
    "more": "Only a # comment can follow a value on the same line.",
    "unquoted": "This value cannot be read. Put text in quotes.",
    "backslash": "Put text that contains a backslash in 'single quotes'.",
    "not TOML": "This line does not follow TOML rules.",
}

_TOMLLIB: Final = {
    "Cannot declare": "twice",
    "Cannot overwrite": "twice",
    "Cannot mutate": "twice",
    "Cannot redefine": "twice",
    "Duplicate inline table key": "twice",
    "Unclosed": "not closed",
    "Expected \"'": "not closed",
    "Unterminated string": "not closed",
    "Illegal character '\\n'": "not closed",
    "Expected ']": "not closed",
    "Expected '='": "no setting",
    "Invalid statement": "no setting",
    "Invalid initial character for a key": "no setting",
    "Expected newline": "more",
    "Invalid value": "unquoted",
    "Unescaped '\\'": "backslash",
}
"""How each message of tomllib begins, and our sentence."""

Names = tuple[str, ...]
"""The way to a setting without the indexes of a location: ("database", "url")."""


class Table(NamedTuple):
    """One table of the settings: its model, and its heading as it is in the file; "" for the file itself."""

    model: type[BaseModel]
    heading: str


Tables = Mapping[Names, Table]


class Finding(NamedTuple):
    """What is wrong at one location of the settings, before it is known where in the file that is."""

    location: Location
    text: str
    taken_for: str | None = None
    """The setting that was most likely meant, where the name is not known."""


def wrong(sentence: str, /, meant: str | None = None, **values: object) -> ValueError:
    """Return the error for a value, with its sentence of the table; `meant` is what it was most likely to be."""
    return ValueError(say(sentence, meant, **values))


def say(sentence: str, /, meant: str | None = None, **values: object) -> str:
    """Return a sentence of the table, and after it what was most likely meant."""
    text = SENTENCES[sentence].format(**values)
    return f"{text} {SENTENCES['meant'].format(meant=meant)}" if meant else text


def near(name: str, names: Collection[str]) -> str | None:
    """Return the one of `names` that `name` was most likely meant to be."""
    same_but_case = {known.casefold(): known for known in names}.get(name.casefold())
    return same_but_case or next(iter(get_close_matches(name, names, n=1)), None)


def tables_of(model: type[BaseModel]) -> dict[Names, Table]:
    """Return every table that `model` describes, itself first, by the way to it."""
    return _tables_below(Table(model, ""), ())


def findings(errors: Iterable[ErrorDetails], tables: Tables) -> list[Finding]:
    """Return Pydantic's errors, which have to be made without their input, in our words."""
    errors = list(errors)
    unknown = [_unknown(error["loc"], tables) for error in errors if error["type"] == "extra_forbidden"]
    said = {(*finding.location[:-1], finding.taken_for) for finding in unknown}
    others = [
        Finding(error["loc"], _sentence(error, tables))
        for error in errors
        # Said once is enough: a setting that is missing because its name is mistyped, and a default (the last type)
        # that was to be worked out from a setting with a fault of its own.
        if not (error["type"] == "missing" and error["loc"] in said)
        and error["type"] not in {"extra_forbidden", "default_factory_not_called"}
    ]
    return [*unknown, *others]


def syntax(message: str) -> str:
    """Return what tomllib's message means."""
    return say(next((ours for start, ours in _TOMLLIB.items() if message.startswith(start)), "not TOML"))


def _tables_below(table: Table, names: Names) -> dict[Names, Table]:
    found = {names: table}
    for name, setting in table.model.model_fields.items():
        if model := _model_in(setting.annotation):
            heading = ".".join((*names, name))
            is_list = get_origin(setting.annotation) is tuple
            below = Table(model, f"[[{heading}]]" if is_list else f"[{heading}]")
            found |= _tables_below(below, (*names, name))
    return found


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model of a table's setting or of a list of tables; None for any other setting."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)


def _sentence(error: ErrorDetails, tables: Tables) -> str:  # noqa: PLR0911  a line a kind of error
    names = _names(error["loc"])
    *above, name = names
    if tuple(above) not in tables and (home := _home(name, tables)):
        return home  # a setting below the heading of a map is read as its entry
    match error["type"]:
        case "missing":
            return _missing(names, tables)
        case "value_error":
            return str(error["ctx"]["error"])
        case "literal_error":
            return say("choice", choices=re.sub("'", '"', error["ctx"]["expected"]))
        case "tuple_type" if names not in tables:
            return say("list")
        case "tuple_type" | "model_type" | "dict_type":
            return say("a table", heading=tables[names].heading if names in tables else f"[{'.'.join(names)}]")
        case other:
            return say({"bool_type": "boolean", "string_type": "text"}.get(other, "other"))


def _unknown(location: Location, tables: Tables) -> Finding:
    *above, name = _names(location)
    if home := _home(name, tables):
        return Finding(location, home)
    meant = near(name, tables[tuple(above)].model.model_fields)
    parts = [say("unknown", meant)]
    if above == ["consent"] and not meant:
        parts.append(say("account"))
    if meant == f"{name}_file":
        parts.append(say("secret"))
    return Finding(location, " ".join(parts), taken_for=meant)


def _home(name: str, tables: Tables) -> str | None:
    """Return where the setting `name` belongs, which is where it does not."""
    homes = [
        f"under {table.heading}" if table.heading else "at the top of the file"
        for table in tables.values()
        if name in table.model.model_fields
    ]
    return say("elsewhere", where=" or ".join(homes)) if homes else None


def _missing(names: Names, tables: Tables) -> str:
    if names in tables:
        return say("missing table", heading=tables[names].heading)
    *above, name = names
    setting = tables[tuple(above)].model.model_fields[name]
    text = say("missing", example=f"{name} = {' or '.join(setting.examples or ())}")
    return f"{say(setting.description)} {text}" if setting.description else text


def _names(location: Location) -> Names:
    return tuple(part for part in location if isinstance(part, str))
