"""What a search within a project asks of a shard: less where the shard holds nothing else.

A condition on the project costs half as much again as a scan without it, and term statistics of
a project are counted anew for every search. Both can be left out of most shards: those with the
chunks of one project, of which none has been removed or replaced under the index.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

from qdrant_edge import (
    EdgeShard,
    FacetRequest,
    IdfParams,
    QueryRequest,
    ScoredPoint,
    SearchParams,
)
from qdrant_edge import Filter as EdgeFilter

from ragline.providers.contracts import Filter
from ragline.providers.vectorstores.qdrant_edge_filters import Conditions, condition_of, equal

_MOST_PROJECTS = 1_000_000


def in_project(project_id: str) -> EdgeFilter:
    """Return the condition of belonging to a project."""
    return EdgeFilter(must=[equal("project_id", project_id)])


def projects_in(shard: EdgeShard) -> set[str]:
    """Return the projects whose chunks a shard holds."""
    found = shard.facet(FacetRequest("project_id", limit=_MOST_PROJECTS, exact=True))
    return {str(hit.value) for hit in found.hits}


@dataclass(frozen=True, slots=True)
class Scope:
    """A search's project, the filter that its chunks pass, and what is known of the shard."""

    project_id: str
    filter: Filter | None
    projects: Set[str]
    """The projects that the shard may hold chunks of; one that comes is added before its chunks."""
    indexed: int
    """The chunks that the index was built over."""

    def query(
        self, shard: EdgeShard, request: Callable[[EdgeFilter | None, SearchParams], QueryRequest]
    ) -> list[ScoredPoint]:
        """Return what a request finds in the project; it is given conditions and statistics."""
        passes: Conditions = [] if self.filter is None else [condition_of(self.filter)]
        if self._is_alone:
            among = EdgeFilter(must=passes) if passes else None
            found = shard.query(request(among, self._statistics(shard)))
            # Unless another project came meanwhile.
            if self._is_alone:
                return found
        among = EdgeFilter(must=[equal("project_id", self.project_id), *passes])
        return shard.query(request(among, self._own_statistics()))

    @property
    def _is_alone(self) -> bool:
        return self.projects <= {self.project_id}

    def _own_statistics(self) -> SearchParams:
        return SearchParams(idf=IdfParams(in_project(self.project_id)))

    def _statistics(self, shard: EdgeShard) -> SearchParams:
        """Return how terms are counted: over all that is stored where that is what there is.

        What was removed from under an index is still counted there. The engine counts a vector
        of terms for each chunk ever written and, of those under the index, the dense one as well.
        """
        info = shard.info()
        if info.indexed_vectors_count - info.points_count == self.indexed:
            return SearchParams()
        return self._own_statistics()
