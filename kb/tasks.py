"""What runs in the background. Each task is one action call.

Jobs are put into PostgreSQL by the action that needs them, in its own transaction. The gate waits
for none of them: with the worker stopped, everything that takes effect or ends still does.
"""

from __future__ import annotations

from procrastinate.contrib.django import app

from kb.actions import upkeep


@app.task(name="embed_versions", retry=3)
def embed_versions(version_ids: list[int]) -> None:
    """Embed the passages of versions that were submitted."""
    upkeep.embed_versions(version_ids=version_ids)


@app.periodic(cron="17 3 * * *")
@app.task(name="erase_past_retention")
def erase_past_retention(timestamp: int) -> None:
    """Erase what customers wrote longer ago than its retention."""
    upkeep.erase_past_retention()


@app.periodic(cron="43 * * * *")
@app.task(name="forget_replays")
def forget_replays(timestamp: int) -> None:
    """Forget what was kept to recognise repeated requests."""
    upkeep.forget_replays()
