"""What every route asks first: the runtime, and who is calling."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from ragline.accounts import service
from ragline.bootstrap import Runtime

# These are coroutines although most never wait: a plain function would cost each request
# a change of thread, which is more than its work.


async def runtime_of(request: Request) -> Runtime:
    """Return the runtime the application was made with."""
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeParameter = Annotated[Runtime, Depends(runtime_of)]


async def caller_of(request: Request, runtime: RuntimeParameter) -> service.Caller:
    """Return who is calling, by bearer token or by the password of HTTP Basic."""
    token = _token(request.headers.get("authorization", ""))
    known = service.remembered(runtime, token)
    if known is not None:
        return known
    return await run_in_threadpool(service.authenticate, runtime, token)


async def editor_of(caller: Annotated[service.Caller, Depends(caller_of)]) -> service.Caller:
    """Return the caller if its key may change things."""
    caller.require(service.Role.OWNER, service.Role.OPERATOR)
    return caller


async def operator_of(caller: Annotated[service.Caller, Depends(caller_of)]) -> service.Caller:
    """Return the caller if its key may make tenants."""
    caller.require(service.Role.OPERATOR)
    return caller


CallerParameter = Annotated[service.Caller, Depends(caller_of)]
EditorParameter = Annotated[service.Caller, Depends(editor_of)]
OperatorParameter = Annotated[service.Caller, Depends(operator_of)]


def _token(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None
