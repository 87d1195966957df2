"""The events that a streamed response is told in: typed, numbered, made of what happened.

The same happenings in the same order give the same events with the same numbers, so that a
reader who comes back is told the rest of what it was told before. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragline.openai_api.responses_objects import (
    Found,
    Head,
    Item,
    Said,
    Status,
    message_item,
    response,
    search_item,
    text_part,
    usage_of,
)

Event = dict[str, Any]


class Script:
    """Writes the events of one response, one method for each thing that can happen to it."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self._number = 0
        self._begun = False
        self._items = 0
        self._messages = 0
        self._search: Item | None = None
        self._open: int | None = None
        self._text = ""

    def accepted(self) -> list[Event]:
        """Tell that it stands in line."""
        return [self._whole("response.created", "queued"), self._whole("response.queued", "queued")]

    def begun(self) -> list[Event]:
        """Tell that it is at work; once, however often it is taken up again."""
        if self._begun:
            return []
        self._begun = True
        created = [] if self._number else [self._whole("response.created", "in_progress")]
        return [*created, self._whole("response.in_progress", "in_progress")]

    def searched(self, found: Found) -> list[Event]:
        """Tell what was searched for and found, if that is an item of this response."""
        if not self.head.shows_search or self._search is not None:
            return []
        self._search = search_item(self.head, found)
        index, self._items = self._items, self._items + 1
        place = {"item_id": self._search["id"], "output_index": index}
        begun = search_item(self.head, None)
        return [
            self._event("response.output_item.added", output_index=index, item=begun),
            self._event("response.file_search_call.in_progress", **place),
            self._event("response.file_search_call.searching", **place),
            self._event("response.file_search_call.completed", **place),
            self._event("response.output_item.done", output_index=index, item=self._search),
        ]

    def said(self, words: str) -> list[Event]:
        """Tell the next words of the answer."""
        events = [] if self._open is not None else self._begin_message()
        self._text += words
        return [*events, self._delta(words)]

    def interrupted(self) -> list[Event]:
        """End a message that will not go on: the answer is begun anew in another one."""
        if self._open is None:
            return []
        return self._end_message(self._text, (), "incomplete")[0]

    def answered(self, said: Said, *, at: int) -> list[Event]:
        """Tell the end of a whole answer: what of it was not told yet, and what it rests on."""
        events: list[Event] = []
        if not said.text.startswith(self._text):
            events += self.interrupted()
        rest = said.text[len(self._text) :]
        if rest or self._open is None:
            events += self.said(rest)
        status: Status = "incomplete" if said.truncated else "completed"
        ended, item = self._end_message(said.text, said.annotations, status)
        output = [*([self._search] if self._search else []), item]
        whole = self._whole(
            f"response.{status}", status, output=output, usage=usage_of(said), completed_at=at
        )
        return [*events, *ended, whole]

    def failed(self, error: Mapping[str, Any]) -> list[Event]:
        """Tell why there will be no answer."""
        return [*self.interrupted(), self._whole("response.failed", "failed", error=error)]

    def cancelled(self) -> list[Event]:
        """Tell that nobody wants the answer any more."""
        return [*self.interrupted(), self._whole("response.cancelled", "cancelled")]

    def renewed(self) -> list[Event]:
        """Tell that what had ended stands in line again."""
        self._begun = False
        return [*self.interrupted(), self._whole("response.queued", "queued")]

    def _begin_message(self) -> list[Event]:
        self._open, self._text = self._items, ""
        self._items += 1
        item = message_item(self.head, "in_progress", self._messages)
        self._messages += 1
        return [
            self._event("response.output_item.added", output_index=self._open, item=item),
            self._event("response.content_part.added", **self._place(), part=text_part("")),
        ]

    def _end_message(self, text: str, annotations: Any, status: Any) -> tuple[list[Event], Item]:
        place = self._place()
        part = text_part(text, annotations)
        item = message_item(self.head, status, self._messages - 1) | {"content": [part]}
        told = [
            self._event(
                "response.output_text.annotation.added",
                **place,
                annotation_index=number,
                annotation=dict(annotation),
            )
            for number, annotation in enumerate(annotations)
        ]
        events = [
            *told,
            self._event("response.output_text.done", **place, text=text, logprobs=[]),
            self._event("response.content_part.done", **place, part=part),
            self._event("response.output_item.done", output_index=self._open, item=item),
        ]
        self._open, self._text = None, ""
        return events, item

    def _delta(self, words: str) -> Event:
        return self._event("response.output_text.delta", **self._place(), delta=words, logprobs=[])

    def _place(self) -> dict[str, Any]:
        item_id = self.head.name("msg", self._messages - 1)
        return {"item_id": item_id, "output_index": self._open, "content_index": 0}

    def _whole(self, type: str, status: Status, **fields: Any) -> Event:
        return self._event(type, response=response(self.head, status, **fields))

    def _event(self, type: str, **fields: Any) -> Event:
        event = {"type": type, "sequence_number": self._number, **fields}
        self._number += 1
        return event
