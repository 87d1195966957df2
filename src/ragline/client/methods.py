"""How a flow becomes a method of both clients, with the signature it is described with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

from ragline.client.async_connection import AsyncConnection
from ragline.client.connection import Connection
from ragline.client.steps import Flow, Series

P = ParamSpec("P")
T = TypeVar("T")


class Call(Generic[P, T]):
    """A method with one result: returned by `Client`, awaited with `AsyncClient`."""

    def __init__(self, describe: Callable[P, Flow[T]]) -> None:
        self.describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: Connection, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, client: AsyncConnection, owner: type
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, Flow[T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self.describe

        def call(*arguments: P.args, **options: P.kwargs) -> Any:
            return client.run(self.describe(*arguments, **options))

        return update_wrapper(call, self.describe)


class Many(Generic[P, T]):
    """A method with many results: a generator of `Client`, an async one of `AsyncClient`.

    A loop may be left early; `close()` or `aclose()` then frees its connection at once.
    """

    def __init__(self, describe: Callable[P, Series[T]]) -> None:
        self.describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: Connection, owner: type) -> Callable[P, Generator[T, None, None]]: ...
    @overload
    def __get__(
        self, client: AsyncConnection, owner: type
    ) -> Callable[P, AsyncGenerator[T, None]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, Series[T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self.describe

        def call(*arguments: P.args, **options: P.kwargs) -> Any:
            return client.each(self.describe(*arguments, **options))

        return update_wrapper(call, self.describe)
