"""The embedded PostgreSQL and the processes around it: found, started, watched and ended.

Plain functions with explicit arguments; nothing here needs Django to be set up. Called by the
commands `up`, `run_with_database`, `backup` and `restore`.
"""
