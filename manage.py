"""Run Touchstone's commands: `python manage.py help` lists them."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  the one line a newcomer on an old Python should see
    sys.exit("Touchstone needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)
