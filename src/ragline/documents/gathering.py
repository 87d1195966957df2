"""Requests that arrive together are kept together: one transaction, and one change of thread.

A transaction costs several times as much as what one more document adds to it. While one is
under way, those that come meanwhile gather; whoever comes alone does not wait.
"""

from __future__ import annotations

import asyncio
from collections import deque

from fastapi.concurrency import run_in_threadpool

from ragline.bootstrap import Runtime
from ragline.documents import service
from ragline.documents.schemas import Accepted
from ragline.documents.storing import Submission

MOST_FILES = 100
"""The most files of a transaction, if they came with several requests."""

_Place = tuple[str, str]
_Waiting = tuple[Submission, "asyncio.Future[Accepted]"]


class Gathering:
    """Hands over what was received, a project's requests at a time; one for each process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: dict[_Place, deque[_Waiting]] = {}
        self._busy: asyncio.Task[None] | None = None

    async def accept(self, tenant_id: str, project_id: str, submission: Submission) -> Accepted:
        """Return the answer to a request, or raise what is wrong with it.

        What was received is kept even if its sender does not wait for the answer.
        """
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((tenant_id, project_id), deque()).append((submission, answer))
        if self._busy is None or self._busy.done():
            self._busy = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        """Keep what waits; projects take turns."""
        while self._waiting:
            place, waiting = next(iter(self._waiting.items()))
            del self._waiting[place]
            chosen = _first_of(waiting)
            if waiting:
                self._waiting[place] = waiting
            await self._keep(place, chosen)

    async def _keep(self, place: _Place, chosen: list[_Waiting]) -> None:
        answers: list[Accepted | Exception]
        try:
            submissions = [submission for submission, _ in chosen]
            answers = await run_in_threadpool(service.accept, self._runtime, *place, submissions)
        except Exception as error:  # noqa: BLE001  # each sender is told, none may wait for ever
            answers = [error] * len(chosen)
        for (_, future), answer in zip(chosen, answers, strict=True):
            if future.done():
                continue  # its sender has gone
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def _first_of(waiting: deque[_Waiting]) -> list[_Waiting]:
    """Take the first request, and those behind it that fit into the same transaction."""
    chosen = [waiting.popleft()]
    files = len(chosen[0][0].stored)
    while waiting and files + len(waiting[0][0].stored) <= MOST_FILES:
        chosen.append(waiting.popleft())
        files += len(chosen[-1][0].stored)
    return chosen
