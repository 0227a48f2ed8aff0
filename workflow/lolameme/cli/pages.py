"""Commands that print what is made from the types: the schema, the reference of a configuration, all columns."""

import argparse

from lolameme.study import config


def add(commands: "argparse._SubParsersAction") -> None:
    one = commands.add_parser("schema", help="print the JSON schema of the configuration")
    one.set_defaults(run=lambda _: print(config.schema(), end=""))

    one = commands.add_parser("reference", help="print docs/configuration.md: every key of a configuration")
    one.set_defaults(run=reference)

    one = commands.add_parser("columns", help="print docs/data.md: every column of every Parquet file")
    one.set_defaults(run=columns)


def reference(_: argparse.Namespace) -> None:
    from lolameme.study.reference import markdown

    print(markdown(), end="")


def columns(_: argparse.Namespace) -> None:
    from lolameme.reporting.columns import markdown

    print(markdown(), end="")
