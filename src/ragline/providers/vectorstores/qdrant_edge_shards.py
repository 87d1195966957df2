"""Which shard holds a project: one of its own while there are few, later some share one.

Alone in its shard a project is searched in half the time, and the time for which an index that is
replaced holds the interpreter is that of a shard, not of all. Each shard takes 11 MB and a
thread of the engine, so there are not more than a few.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from qdrant_edge import Filter as EdgeFilter
from qdrant_edge import Point

from ragline.providers.vectorstores.qdrant_edge_index import Growth, IndexBuilding
from ragline.providers.vectorstores.qdrant_edge_live import LiveShard
from ragline.providers.vectorstores.qdrant_edge_shard import holds_shard, translated

MOST_SHARDS = 8


class GrowingShard:
    """A live shard, and the index that is built over it whenever enough has changed."""

    def __init__(self, folder: Path, dimensions: int, growth: Growth, turn: Path) -> None:
        """Open the shard in a folder, created first if there is none."""
        self.live = LiveShard(folder, dimensions)
        self.building = IndexBuilding(self.live, folder, dimensions, growth, turn)
        self.building.consider()

    def upsert(self, points: list[Point]) -> None:
        """Write chunks; they are on disk when it returns."""
        self.live.upsert(points)
        self.building.consider()

    def remove(self, among: EdgeFilter, held: int) -> None:
        """Remove chunks, which are said to be so many; that is on disk when it returns."""
        self.live.remove(among, held)
        self.building.consider()

    def close(self) -> None:
        """Give up building and release the folder; closing twice is allowed."""
        self.building.close()
        self.live.close()


class ProjectShards:
    """The shards of one index folder. Safe for use from several threads."""

    def __init__(self, path: Path, dimensions: int, growth: Growth) -> None:
        """Open all shards that there are, or create the first one.

        Raises `ConfigurationError` where another process has them open, or where they were
        built with other dimensions.
        """
        self._path = path
        self._dimensions = dimensions
        self._growth = growth
        self._lock = threading.Lock()
        self._all: tuple[GrowingShard, ...] = ()
        self._homes: dict[str, GrowingShard] = {}
        try:
            for folder in _folders(path):
                shard = self._opened(folder)
                self._homes |= dict.fromkeys(shard.live.projects, shard)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[GrowingShard]:
        """Iterate over the shards."""
        return iter(self._all)

    def holding(self, project_id: str) -> GrowingShard | None:
        """Return the shard of a project, if anything was ever written for it."""
        return self._homes.get(project_id)

    def home(self, project_id: str) -> GrowingShard:
        """Return the shard of a project; one that is new gets the emptiest, or a new one."""
        known = self._homes.get(project_id)
        if known is not None:
            return known
        with self._lock:
            if project_id not in self._homes:
                shard = self._emptiest()
                # Before the first of its chunks: whoever is alone there has to know.
                shard.live.projects.add(project_id)
                self._homes[project_id] = shard
            return self._homes[project_id]

    def close(self) -> None:
        """Release the folder; closing twice is allowed."""
        for shard in self._all:
            shard.close()

    def _emptiest(self) -> GrowingShard:
        unused = [each for each in self._all if not each.live.projects]
        if not unused and len(self._all) < MOST_SHARDS:
            with translated():
                return self._opened(self._free_folder())
        among = unused or self._all
        return min(among, key=lambda each: (each.live.chunks, len(each.live.projects)))

    def _opened(self, folder: Path) -> GrowingShard:
        # Beside the folder of the index, so that those of the other models wait as well.
        turn = self._path.parent / ".index-building"
        shard = GrowingShard(folder, self._dimensions, self._growth, turn)
        self._all = (*self._all, shard)
        return shard

    def _free_folder(self) -> Path:
        names = map(str, range(MOST_SHARDS))
        return next(self._path / name for name in names if not (self._path / name).exists())


def _folders(path: Path) -> list[Path]:
    """Return the folders of the shards; the first one, which is always there, keeps others out.

    Indexes that were made when there was one shard for all have it in their folder itself.
    """
    numbered = [each for each in path.glob("*") if each.name.isdigit()]
    numbered.sort(key=lambda each: int(each.name))
    return [*([path] if holds_shard(path) else []), *numbered] or [path / "0"]
