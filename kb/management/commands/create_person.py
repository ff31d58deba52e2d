"""`create_person`: somebody who signs in, with roles.

Parses words; `kb.actions.people` decides. A password is made and printed once, unless one is asked
for or comes from standard input; it is never an argument, where other processes could read it.
"""

from __future__ import annotations

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kb.actions import people
from kb.actions.work import Actor
from kb.management.refusing import one_line
from kb.models import Role


class Command(BaseCommand):
    """manage.py create_person NAME --role R ... [--group G]"""

    help = (
        "Make a person who signs in, and print the password once. Example: "
        'python manage.py create_person mira --role editor approver --group "Customer policy"'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare name, roles and where the password comes from."""
        parser.add_argument("name", help="the name to sign in with")
        parser.add_argument(
            "--role",
            nargs="+",
            action="extend",
            default=[],
            metavar="R",
            dest="roles",
            help=f"one or more of {', '.join(Role.values)}",
        )
        parser.add_argument(
            "--group", default="", help="only for articles of this owner group (made if new)"
        )
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--ask-password",
            action="store_true",
            help="type the password instead of having it made",
        )
        source.add_argument(
            "--password-stdin", action="store_true", help="read it from standard input's first line"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print who was made, and the password if it was made here."""
        made = not (options["ask_password"] or options["password_stdin"])
        password = _password(options)
        with one_line():
            people.create_person(
                actor=Actor.system("create_person"),
                name=options["name"],
                roles=options["roles"],
                password=password,
                group=options["group"],
            )
        where = f" for {options['group']}" if options["group"] else ""
        self.stderr.write(f"{options['name']} can sign in as {', '.join(options['roles'])}{where}.")
        if made:
            self.stdout.write(password)


def _password(options: dict[str, Any]) -> str:
    if options["password_stdin"]:
        return sys.stdin.readline().rstrip("\n")
    if not options["ask_password"]:
        return secrets.token_urlsafe(15)
    if not sys.stdin.isatty():
        raise CommandError("--ask-password needs a terminal; use --password-stdin in scripts.")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("The same again: "):
        raise CommandError("The two passwords differ; nobody was made.")
    return first
