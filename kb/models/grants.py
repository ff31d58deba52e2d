"""What the application's role may do: it owns nothing, truncates nothing, deletes little.

`prepare_database` runs these statements as the owner after each migration.
"""

from __future__ import annotations

# Written by the database's own triggers; a request only reads them.
READ_ONLY = (
    "kb_contributor",
    "kb_periodrecord",
    "kb_factperiod",
    "kb_chainhead",
    "kb_clock_shift",
)
# Caches, sessions, queues and staging: the only rows that may be removed.
DELETABLE = (
    "kb_stagedrecord",
    "kb_passagevector",
    "kb_idempotencyrecord",
    "kb_ratebucket",
    "kb_rolegrant",
    "django_session",
    "procrastinate_jobs",
    "procrastinate_events",
    "procrastinate_periodic_defers",
    "procrastinate_workers",
)


def grants_sql(app_role: str) -> list[str]:
    """Return the statements that give `app_role` its rights, and take every other one away."""
    role = '"' + app_role.replace('"', '""') + '"'
    return [
        # Before PostgreSQL 15 everybody could make objects here; upgraded clusters still let them.
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
        *(f"REVOKE INSERT, UPDATE ON {table} FROM {role}" for table in READ_ONLY),
        *(f"GRANT DELETE ON {table} TO {role}" for table in DELETABLE),
    ]
