"""What Pydantic and tomllib find wrong with the settings, in the words of UX.md.

Knows which settings there are, from the models alone, and so what an unknown name was meant to be. Never sees a
value: the errors that it is given have none.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from attsync.settings.faults import Fault, Finding
from attsync.settings.places import Location, first_broken_line

Names = tuple[str, ...]
"""The way to a setting without the indexes of a location: ("database", "url")."""


class Table(NamedTuple):
    """One table of the settings: its model, and its heading as it stands in the file; "" for the file itself."""

    model: type[BaseModel]
    heading: str


Tables = Mapping[Names, Table]


def tables_of(model: type[BaseModel]) -> dict[Names, Table]:
    """Give every table that `model` describes, itself first, by the way to it."""
    return _tables_below(Table(model, ""), ())


def findings(errors: Iterable[ErrorDetails], tables: Tables) -> list[Finding]:
    """Turn Pydantic's errors into words; they have to be made without their input."""
    errors = list(errors)
    unknown = [_unknown(error["loc"], tables) for error in errors if error["type"] == "extra_forbidden"]
    said = {(*finding.location[:-1], finding.taken_for) for finding in unknown}
    others = [
        _finding(error, tables)
        for error in errors
        # Said once is enough: a setting that is missing because its name is mistyped, and a default (the last type)
        # that was to be worked out from a setting with a fault of its own.
        if not (error["type"] == "missing" and error["loc"] in said)
        and error["type"] not in {"extra_forbidden", "default_factory_not_called"}
    ]
    return [*unknown, *others]


def syntax_fault(path: Path, text: str, message: str, tables: Tables) -> Fault:
    """Turn what tomllib said of `text` into words, with the name of the setting but nothing else of the line."""
    words = next((words for start, words in _SYNTAX.items() if message.startswith(start)), _NOT_TOML)
    place = re.search(r"line ([0-9]+), column ([0-9]+)", message)
    line = int(place[1]) if place else first_broken_line(text) if "end of document" in message else None
    column = int(place[2]) if place else None
    known = {name for table in tables.values() for name in table.model.model_fields}
    start = re.match(r"\s*([a-z_]+)[ \t]*=", text.split("\n")[line - 1]) if line else None
    if start is None or start[1] not in known:  # then it may be a line of a key, which can look like a setting
        return Fault(path=path, key="", text=words, line=line, column=column)
    return Fault(
        path=path, key=start[1], text=words, line=line, column=column, shown=f"{start[1]} = ...", length=len(start[1])
    )


def near(name: str, names: Collection[str]) -> str | None:
    """Give the one of `names` that `name` was most likely meant to be."""
    same_but_case = {known.casefold(): known for known in names}.get(name.casefold())
    return same_but_case or next(iter(get_close_matches(name, names, n=1)), None)


_NOT_TOML: Final = "The file breaks the rules of TOML here."
_TWICE: Final = "This name or heading is in the file twice."
_NOT_CLOSED: Final = "A closing quotation mark or bracket is missing."
_NO_SETTING: Final = "A line is a [heading], a # comment, or a setting: name = value."
_SYNTAX: Final = {
    "Cannot declare": _TWICE,
    "Cannot overwrite": _TWICE,
    "Cannot mutate": _TWICE,
    "Cannot redefine": _TWICE,
    "Duplicate inline table key": _TWICE,
    "Unclosed": _NOT_CLOSED,
    "Expected \"'": _NOT_CLOSED,
    "Unterminated string": _NOT_CLOSED,
    "Illegal character '\\n'": _NOT_CLOSED,
    "Expected ']": _NOT_CLOSED,
    "Expected '='": _NO_SETTING,
    "Invalid statement": _NO_SETTING,
    "Invalid initial character for a key": _NO_SETTING,
    "Expected newline": "Nothing but a # comment may follow a value on its line.",
    "Invalid value": "This value cannot be read. Text stands in quotes.",
    "Unescaped '\\'": "Write text that holds a backslash in 'single quotes'.",
}
"""How each message of tomllib begins, and what we say."""

_TYPES: Final = {
    "bool_type": "Give true or false, without quotes.",
    "string_type": "Put the value in quotes.",
}


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
    """Give the model of a table's setting or of a list of tables; None for any other setting."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)


def _finding(error: ErrorDetails, tables: Tables) -> Finding:
    location = error["loc"]
    names = _names(location)
    *above, name = names
    if tuple(above) not in tables and (home := _home(name, tables)):
        return Finding(location, home, is_about_name=True)  # a setting below the heading of a map is read as its entry
    match error["type"]:
        case "missing":
            text = _missing(names, tables)
        case "value_error":
            text = str(error["ctx"]["error"])
        case "literal_error":
            text = f"Give {error['ctx']['expected']}.".replace("'", '"')
        case "tuple_type" if names not in tables:
            text = "Give a list in [square brackets]."
        case "tuple_type" | "model_type" | "dict_type":
            heading = tables[names].heading if names in tables else f"[{'.'.join(names)}]"
            text = f"This is a table: its settings stand below the heading {heading}."
        case other:
            text = _TYPES.get(other, "This value cannot be used.")
    return Finding(location, text)


def _unknown(location: Location, tables: Tables) -> Finding:
    *above, name = _names(location)
    if home := _home(name, tables):
        return Finding(location, home, is_about_name=True)
    meant = near(name, tables[tuple(above)].model.model_fields)
    hint = f" Did you mean {meant}?" if meant else ""
    if above == ["consent"] and not meant:
        hint = " An account stands below the heading [consent.usernames], whose # has to go too."
    if meant == f"{name}_file":
        hint += " The secret itself is never in this file."
    return Finding(location, f"This setting is not known.{hint}", is_about_name=True, taken_for=meant)


def _home(name: str, tables: Tables) -> str | None:
    """Say where the setting `name` belongs, which stands where it does not."""
    homes = [
        f"under {table.heading}" if table.heading else "at the top of the file"
        for table in tables.values()
        if name in table.model.model_fields
    ]
    return f"This setting belongs {' or '.join(homes)}." if homes else None


def _missing(names: Names, tables: Tables) -> str:
    if names in tables:
        return f"Add {tables[names].heading} and its settings."
    *above, name = names
    setting = tables[tuple(above)].model.model_fields[name]
    examples = " or ".join(setting.examples or ())
    return f"{setting.description or ''} Add this setting, for example  {name} = {examples}".lstrip()


def _names(location: Location) -> Names:
    return tuple(part for part in location if isinstance(part, str))
