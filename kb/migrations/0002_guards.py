"""What PostgreSQL itself refuses: the clock, legal moves, periods, holds, ledger and audit.

The SQL lies in files of its own beside this one, so that it can be read, and diffed, as SQL.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("kb", "0001_tables")]
    operations = [
        migrations.RunSQL(
            (SQL / name).read_text(encoding="utf-8"),
            reverse_sql=migrations.RunSQL.noop,
        )
        for name in ("clock.sql", "versions.sql", "periods.sql", "records.sql")
    ]
