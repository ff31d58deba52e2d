"""Keeps this machine's indexes in step with the database, and this process's view of them.

Decides when an index is still good, when a small part is added and when it is rebuilt. An index is
a cache: whatever is wrong with it (missing, damaged, of another format, encoder or database), it is
made anew from PostgreSQL, and meanwhile nothing wrong is served, because the gate reads every
candidate again. One process writes at a time; the others go on with what they have. Called by
`kb.search.retrieval`, `rebuild_indexes` and, after they commit, by large writes.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.db import DatabaseError, InterfaceError, connection

from kb.conf import settings
from kb.inference import encoder
from kb.search import building, manifest, source
from kb.search.blocks import Blocks
from kb.search.errors import IndexUnusableError
from kb.search.locking import only_writer
from kb.search.manifest import Mark
from kb.search.matrix import Scanner
from kb.search.snapshot import Snapshot
from kb.search.source import Head

logger = logging.getLogger("kb.search")

Progress = Callable[[int, int], None]

_INSPECT_EVERY_S = 0.2
"""How often the files of an index in use are looked at."""
_COMPLETE_EVERY_S = 2.0
"""How often vectors that were missing are looked for again."""
_WAIT_FOR_FIRST_S = 30.0
"""How long a question waits for an index that another process is building, with none to go on."""
_MOST_AT_ONCE = 50
"""More changed articles than this aren't taken in while a question waits."""
_LARGEST_PART = 1000
"""More changed articles than this are a reason to rebuild."""
_EMBEDDED_AT_ONCE = 32
"""Texts that are embedded on the spot; the rest follows, and is found by its words until then."""
_EMBEDDED_BEHIND_THE_SCENES = 256
_PAUSE_S = 5.0
"""How long a failure to make an index is believed, before it is tried again."""
_KEPT = 2


@dataclass(frozen=True)
class _Plan:
    """What is to be written, up to `mark`: all (`articles` None) or the passages of some."""

    reason: str
    articles: frozenset[int] | None
    mark: Mark | None
    trusts_old: bool

    @property
    def is_nothing(self) -> bool:
        return not self.reason

    @property
    def is_large(self) -> bool:
        return self.articles is None or len(self.articles) > _MOST_AT_ONCE


@dataclass(frozen=True)
class _Held:
    """What is open, and which manifest said so: one value, so that threads see both or none."""

    snapshot: Snapshot
    identity: tuple[int, int] | None


class Keeper:
    """The indexes of one database in one folder, as this process sees them; threads share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: _Held | None = None
        self._seen: Head | None = None
        self._distrusted = ""
        self._inspected_at = 0.0
        self._completed_at = time.monotonic()
        self._failed_at: float | None = None
        self._refreshing = threading.Lock()
        self._behind_the_scenes: threading.Thread | None = None

    def at(self, head: Head) -> Snapshot:
        """Return the indexes as of `head`, or, while another works on them, the last good ones.

        Raises IndexUnusableError or OSError where there are none and none can be made.
        """
        held = self._held
        if held is not None and self._seen == head and not self._is_time_to_inspect(held):
            return held.snapshot
        if not self._refreshing.acquire(blocking=held is None):
            return held.snapshot if held else self._must_have()
        try:
            return self._refresh(head)
        finally:
            self._refreshing.release()

    def rebuild(self, *, progress: Progress | None = None, threads: int = 1) -> Snapshot:
        """Make the indexes anew beside the present ones, then put them in their place.

        Readers go on meanwhile. Every passage is embedded that isn't yet, `threads` at once.
        `progress` is called with the passages done and the total. Raises OSError, or
        IndexUnusableError if another writer is at work for too long.
        """
        with only_writer(self.folder, wait_s=_WAIT_FOR_FIRST_S) as alone:
            if not alone:
                raise IndexUnusableError(
                    f"another process has been writing to {self.folder} for "
                    f"{_WAIT_FOR_FIRST_S:.0f} seconds; try again when it is done"
                )
            blocks = Blocks(
                encoder=encoder.current(), budget=None, progress=progress, threads=threads
            )
            return self._build("asked for", blocks)

    def distrust(self, snapshot: Snapshot, reason: object) -> None:
        """Never use this generation again: it turned out to be damaged while it was read."""
        generation = snapshot.manifest.generation
        logger.error("the search index %s is damaged and will be rebuilt: %s", generation, reason)
        self._distrusted = generation
        held = self._held
        if held is not None and held.snapshot.manifest.generation == generation:
            self._held = None

    def _must_have(self) -> Snapshot:
        held = self._held
        if held is None:
            raise IndexUnusableError("the index was lost while it was being refreshed")
        return held.snapshot

    def _is_time_to_inspect(self, held: _Held) -> bool:
        """Say whether the files must be looked at now, and if so, look.

        A file cut short under a running process would end that process when it is read, so sizes
        are checked often; a removed folder, or another process's newer index, is noticed as well.
        """
        now = time.monotonic()
        if now - self._inspected_at < _INSPECT_EVERY_S:
            return False
        self._inspected_at = now
        whole = held.snapshot.is_whole()
        if _identity(self.folder) != held.identity:
            return True  # replaced, and what was there before may be gone
        if not whole:
            self.distrust(held.snapshot, "a file of it has been cut short or removed")
            return True
        return bool(held.snapshot.manifest.pending) and self._is_time_to_complete()

    def _is_time_to_complete(self) -> bool:
        return time.monotonic() - self._completed_at > _COMPLETE_EVERY_S

    def _refresh(self, head: Head) -> Snapshot:
        if self._failed_at is not None and time.monotonic() - self._failed_at < _PAUSE_S:
            raise IndexUnusableError("none could be made a moment ago")
        thread = self._behind_the_scenes
        if thread is not None and thread.is_alive():
            return self._must_have()
        held = self._open()
        plan = self._plan(held)
        if held is not None and plan.is_nothing:
            self._seen = head
            return held
        usable = held is not None and plan.trusts_old
        if usable and plan.is_large and not connection.in_atomic_block:
            self._start_behind_the_scenes()
            return self._must_have()
        return self._refresh_now(head, wait_s=0.0 if usable else _WAIT_FOR_FIRST_S)

    def _refresh_now(self, head: Head, *, wait_s: float) -> Snapshot:
        try:
            with only_writer(self.folder, wait_s=wait_s) as alone:
                if alone:
                    self._catch_up(budget=_EMBEDDED_AT_ONCE)
                    self._seen = head
                elif wait_s:
                    raise IndexUnusableError("another process is still building the index")
        except (OSError, IndexUnusableError):
            self._failed_at = time.monotonic()
            raise
        self._failed_at = None
        return self._must_have()

    def _start_behind_the_scenes(self) -> None:
        """Do large work in a thread; questions go on with what there is."""
        if self._behind_the_scenes is not None and self._behind_the_scenes.is_alive():
            return
        self._behind_the_scenes = threading.Thread(
            target=self._work_behind_the_scenes, name="index", daemon=True
        )
        self._behind_the_scenes.start()

    def _work_behind_the_scenes(self) -> None:
        try:
            with only_writer(self.folder, wait_s=0.0) as alone:
                if alone:
                    self._catch_up(budget=_EMBEDDED_BEHIND_THE_SCENES)
        except (OSError, IndexUnusableError, DatabaseError, InterfaceError):
            logger.exception("the search index couldn't be brought up to date; it stays as it is")
        finally:
            connection.close()

    def _open(self) -> Snapshot | None:
        """Open what the folder holds now, unless it is what we have; None if it can't be used."""
        while True:
            identity = _identity(self.folder)
            held = self._held
            if held is not None and identity == held.identity:
                return held.snapshot
            try:
                found = manifest.read(self.folder)
                if found.generation == self._distrusted:
                    raise IndexUnusableError(f"generation {found.generation} is damaged")
                opened = Snapshot(self.folder, found, scanner=_scanner())
            except IndexUnusableError as error:
                if identity != _identity(self.folder):
                    continue  # a writer replaced it while we looked
                if identity is not None or held is not None:
                    logger.warning("the search index can't be used and is rebuilt: %s", error)
                self._held = None
                return None
            self._held = _Held(opened, identity)
            return opened

    def _plan(self, held: Snapshot | None) -> _Plan:
        if held is None:
            return _Plan("there is none that can be used", None, None, trusts_old=False)
        mark = held.manifest.mark
        changes = source.changes_from(mark.cursor if mark else 0)
        if mark is not None and (not changes or changes[0] != mark):
            return _Plan("the database has another past", None, None, trusts_old=False)
        present = encoder.current()
        if present is not None and present.name != held.manifest.encoder:
            return _Plan(f"the encoder is now {present.name}", None, None, trusts_old=True)
        new = changes[1:] if mark is not None else changes
        articles = source.articles_of(new)
        if len(changes) > source.MOST_CHANGES or len(articles) > _LARGEST_PART:
            return _Plan(f"{len(articles)} articles changed", None, None, trusts_old=True)
        if present is not None and held.manifest.pending:
            articles |= self._completable(held)
        if not new and not articles:
            return _Plan("", frozenset(), mark, trusts_old=True)
        last = new[-1] if new else mark
        return _Plan("changes", frozenset(articles), last, trusts_old=True)

    def _completable(self, held: Snapshot) -> set[int]:
        """Some of the articles whose vectors are missing, if it is time to look for them again."""
        if not self._is_time_to_complete() or connection.in_atomic_block:
            return set()
        self._completed_at = time.monotonic()
        return set(held.manifest.pending[:_MOST_AT_ONCE])

    def _catch_up(self, *, budget: int) -> None:
        """Write what is to be written. The caller is the only writer."""
        held = self._open()  # perhaps another process has done it all meanwhile
        plan = self._plan(held)
        if held is not None and plan.is_nothing:
            return
        if held is None or plan.articles is None:
            self._build(plan.reason, Blocks(encoder=encoder.current(), budget=budget))
            return
        blocks = Blocks(encoder=encoder.current(), budget=budget)
        entries = [entry for page in source.entries(plan.articles) for entry in page]
        vectors = blocks.vectors(entries)
        try:
            written = building.extend(
                held, mark=plan.mark, removed=plan.articles, entries=entries, vectors=vectors
            )
            if building.wants_folding(written):
                building.fold(self._reopened())
            self._reopened()
        except (OSError, IndexUnusableError) as error:
            logger.warning("the search index can't be added to and is rebuilt: %s", error)
            self._build("it couldn't be added to", blocks)

    def _reopened(self) -> Snapshot:
        opened = self._open()
        if opened is None:
            raise IndexUnusableError(f"what was just written to {self.folder} can't be read")
        return opened

    def _build(self, reason: str, blocks: Blocks) -> Snapshot:
        started_at = time.monotonic()
        present = encoder.current()
        mark = source.last_change()  # before the passages: what comes later is taken in later
        building.build(
            self.folder,
            origin=building.Origin(
                source=self.folder.name,
                encoder=present.name if present else "",
                dimensions=present.dimensions if present else 0,
            ),
            mark=mark,
            blocks=blocks.of(source.entries()),
        )
        built = self._reopened()
        logger.info(
            "search index built in %.1f s: %d passages, %d articles without vectors yet (%s)",
            time.monotonic() - started_at,
            built.size,
            len(built.manifest.pending),
            reason,
        )
        _remove_orphans(self.folder)
        return built


def _identity(folder: Path) -> tuple[int, int] | None:
    """What changes whenever another manifest is put in place; None if there is none."""
    try:
        found = (folder / manifest.NAME).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _remove_orphans(folder: Path) -> None:
    """Remove the indexes of databases of the same cluster that are no more."""
    system, _, _ = folder.name.rpartition("-")
    alive = {f"{system}-{oid}" for oid in source.databases()}
    for other in folder.parent.glob(f"{system}-*"):
        if other.name not in alive:
            shutil.rmtree(other, ignore_errors=True)


@lru_cache(maxsize=1)
def _scanner() -> Scanner:
    return Scanner()


_keepers: OrderedDict[Path, Keeper] = OrderedDict()
_keepers_lock = threading.Lock()


def keeper_of(head: Head) -> Keeper:
    """Return this process's keeper of the indexes of one database."""
    folder = settings().home / "indexes" / head.database
    with _keepers_lock:
        found = _keepers.get(folder)
        if found is None:
            found = _keepers[folder] = Keeper(folder)
        _keepers.move_to_end(folder)
        while len(_keepers) > _KEPT:
            _keepers.popitem(last=False)
        return found


def current() -> Snapshot:
    """Return the indexes, brought up to date with the database.

    Raises django.db.Error if PostgreSQL can't be asked, IndexUnusableError or OSError where there
    are no indexes and none can be made.
    """
    head = source.head()
    return keeper_of(head).at(head)


def rebuild(*, progress: Progress | None = None, threads: int = 1) -> Snapshot:
    """Make the indexes anew; see `Keeper.rebuild`."""
    return keeper_of(source.head()).rebuild(progress=progress, threads=threads)


def distrust(snapshot: Snapshot, reason: object) -> None:
    """Have the indexes that a snapshot belongs to made anew; see `Keeper.distrust`."""
    for keeper in _keepers_of(snapshot.folder):
        keeper.distrust(snapshot, reason)


def _keepers_of(folder: Path) -> Iterable[Keeper]:
    with _keepers_lock:
        return [keeper for path, keeper in _keepers.items() if path == folder]
