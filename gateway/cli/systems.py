"""`refold systems`: what is registered, and what can be asked of one system.

All of it is derived: names from the registry, fields and types from the msgspec structs, words
from the docstrings.
"""

import ast
import inspect
import itertools
import sys
import textwrap
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.padding import Padding

from gateway.cli.context import JsonOption, LogOption, load_context
from gateway.cli.output import print_json, print_rows, print_table, stdout, table_of
from log.codec import tag_of
from log.envelope import Command, Event
from processors.core.registry import Registered
from projections.core.read_models import read_models

INDENTED: dict[str, Any] = {"initial_indent": " " * 6, "subsequent_indent": " " * 6}

app = typer.Typer(add_completion=False)

INT64_MIN = -(2**63)


@app.command()
def systems(
    name: Annotated[
        str | None, typer.Argument(metavar="[SYSTEM]", help="Tell all about this one.")
    ] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """List systems, their commands, events and queries.

    With a name: every command and event with its fields, their types, defaults and meaning.

    Examples:

        refold systems
        refold systems exchange
        refold systems exchange --json | jq '.commands[].name'
    """
    context = load_context(log)
    if name is not None:
        described = describe(context.find(name))
        if as_json:
            print_json(described)
        else:
            _print_system(described)
        return
    all_described = [describe(registered) for registered in context.registry]
    if as_json:
        print_json(all_described)
        return
    rows = [
        {
            "system": one["name"],
            "commands": ", ".join(kind["name"] for kind in one["commands"]),
            "events": len(one["events"]),
            "queries": ", ".join(query["name"] for query in one["queries"]),
            "partitions": one["partitions"],
            "rules": one["rules_version"],
        }
        for one in all_described
    ]
    print_rows(rows, as_json=False)


def describe(registered: Registered) -> dict[str, Any]:
    """All that the registry knows of a system, as JSON's types."""
    system = registered.system
    models = read_models(registered)
    module = sys.modules[registered.package]
    return {
        "name": system.name,
        "package": registered.package,
        "rules_version": system.rules_version,
        "partitions": system.partitions,
        "value_format": system.value_format,
        "topics": [system.commands_topic, system.events_topic, system.dead_letters_topic],
        "about": inspect.getdoc(module) or "",
        "commands": [_describe_type(kind, Command) for kind in system.commands],
        "events": [_describe_type(kind, Event) for kind in system.events],
        "reactors": [
            {
                "name": reactor.name,
                "source": (reactor.source or system).name,
                "target": (reactor.target or system).name,
                "on": [tag_of(kind) for kind in reactor.on],
            }
            for reactor in system.reactors
        ],
        "effects": [
            {
                "name": f"{system.name}.{effect.name}",
                "on": [tag_of(kind) for kind in effect.on],
                "limits": msgspec.to_builtins(effect.limits),
                "settings": dict(effect.settings),
            }
            for effect in system.effects
        ],
        "projections": list(models.projections),
        "queries": [
            {"name": query.name, "usage": query.usage, "about": query.description}
            for query in models.queries.values()
        ],
    }


def _describe_type(kind: type[Any], envelope: type[Any]) -> dict[str, Any]:
    docs = _field_docs(kind)
    carried = envelope.__struct_fields__
    return {
        "name": tag_of(kind),
        "about": kind.__doc__ and inspect.cleandoc(kind.__doc__),
        "fields": [
            {
                "name": field.name,
                "type": type_text(msgspec.inspect.type_info(field.type)),
                "required": field.required,
                "default": None if field.required else msgspec.to_builtins(_default(field)),
                "about": docs.get(field.name, ""),
            }
            for field in msgspec.structs.fields(kind)
            if field.name not in carried
        ],
    }


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def type_text(info: msgspec.inspect.Type) -> str:
    """A type as people write it: `integer >= 1`, `"buy" | "sell"`, `list of text`."""
    match info:
        case msgspec.inspect.IntType():
            least = info.gt + 1 if info.gt is not None else info.ge
            return "integer" if least is None or least <= INT64_MIN else f"integer >= {least}"
        case msgspec.inspect.StrType():
            return "text"
        case msgspec.inspect.BoolType():
            return "true | false"
        case msgspec.inspect.FloatType():
            return "number"
        case msgspec.inspect.NoneType():
            return "null"
        case msgspec.inspect.EnumType():
            return _choices([member.value for member in info.cls])
        case msgspec.inspect.LiteralType():
            return _choices(list(info.values))
        case msgspec.inspect.UnionType():
            return " | ".join(map(type_text, info.types))
        case msgspec.inspect.DictType():
            return f"object of {type_text(info.value_type)}"
        case msgspec.inspect.TupleType():
            return f"[{', '.join(map(type_text, info.item_types))}]"
        case msgspec.inspect.CollectionType():
            return f"list of {type_text(info.item_type)}"
        case msgspec.inspect.StructType():
            fields = ", ".join(f"{f.encode_name}: {type_text(f.type)}" for f in info.fields)
            tag = f'{info.tag_field}: "{info.tag}", ' if info.tag_field else ""
            return f"{{{tag}{fields}}}"
    return type(info).__name__.removesuffix("Type").lower()


def _choices(values: list[Any]) -> str:
    shown = [msgspec.json.encode(value).decode() for value in values]
    return " | ".join(shown)


def _field_docs(kind: type[Any]) -> dict[str, str]:
    """The string below each field, where the source is at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs: dict[str, str] = {}
    for statement, after in itertools.pairwise(body):
        match statement, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = " ".join(text.split())
    return docs


def _print_system(system: dict[str, Any]) -> None:
    console = stdout()
    console.print(f"[bold]{escape(system['name'])}[/bold]  (package {escape(system['package'])})")
    console.print(f"rules version {system['rules_version']}, {system['partitions']} partitions")
    console.print(f"topics {', '.join(system['topics'])}")
    if system["about"]:
        console.print()
        console.print(system["about"], markup=False)
    for heading in ("commands", "events"):
        console.print(f"\n[bold]{heading.capitalize()}[/bold]")
        for kind in system[heading]:
            console.print(f"\n[cyan]{escape(kind['name'])}[/cyan]")
            if kind["about"]:
                console.print(textwrap.indent(kind["about"], "  "), markup=False)
            rows = [
                {
                    "field": field["name"],
                    "type": field["type"],
                    "default": "required"
                    if field["required"]
                    else msgspec.json.encode(field["default"]).decode(),
                    "about": field["about"],
                }
                for field in kind["fields"]
            ]
            if rows:
                table = table_of(rows, ["field", "type", "default", "about"])
                print_table(Padding.indent(table, 2))
    _print_neighbours(system)
    console.print("\n[bold]Queries[/bold]")
    for query in system["queries"]:
        console.print(f"  [cyan]{escape(query['usage'])}[/cyan]")
        console.print(textwrap.indent(query["about"].partition("\n")[0], "      "), markup=False)
    if not system["queries"]:
        console.print("  none")
    example = system["commands"][0]["name"] if system["commands"] else ""
    if example:
        console.print("\n[bold]Try[/bold]")
        line = f"echo '{_example(system['commands'][0])}' | refold append {system['name']}"
        console.print(f"  {line}", markup=False)


def _print_neighbours(system: dict[str, Any]) -> None:
    """Its reactors, and its effects with their settings, where it has some."""
    console = stdout()
    if system["reactors"]:
        console.print("\n[bold]Reactors[/bold]")
    for reactor in system["reactors"]:
        way = f"{reactor['source']} -> {reactor['target']}"
        console.print(f"  [cyan]{escape(reactor['name'])}[/cyan]  {way}, on")
        console.print(textwrap.fill(", ".join(reactor["on"]), 90, **INDENTED), markup=False)
    if system["effects"]:
        console.print("\n[bold]Effects[/bold]")
    for effect in system["effects"]:
        console.print(f"  [cyan]{escape(effect['name'])}[/cyan]  on {', '.join(effect['on'])}")
        for kind in ("settings", "limits"):
            values = ", ".join(f"{name} = {value}" for name, value in effect[kind].items())
            if values:
                console.print(textwrap.fill(f"{kind}: {values}", 90, **INDENTED), markup=False)


def _example(kind: dict[str, Any]) -> str:
    """A command line with the required fields, as a start."""
    simple = {"integer": 1, "text": "x", "true | false": True}
    values: dict[str, Any] = {"type": kind["name"]}
    for field in kind["fields"]:
        if field["required"]:
            first = field["type"].split(" >=")[0]
            value = simple.get(first)
            if value is None and first.startswith('"'):
                value = msgspec.json.decode(first.split(" | ")[0])
            values[field["name"]] = value
    return msgspec.json.encode(values).decode()
