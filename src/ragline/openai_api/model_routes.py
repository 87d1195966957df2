"""Models over HTTP, as OpenAI's clients ask for them."""

from __future__ import annotations

from fastapi import APIRouter

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.openai_api import catalog

router = APIRouter(prefix="/v1/models", tags=["openai"])


@router.get("")
def models(runtime: RuntimeParameter, caller: CallerParameter) -> catalog.ModelList:
    """List agents, projects, language models and the embedder, as models."""
    return catalog.ModelList(data=catalog.list_models(runtime, caller))


# The names of some models have a slash in them.
@router.get("/{model:path}")
def model(model: str, runtime: RuntimeParameter, caller: CallerParameter) -> catalog.Model:
    """Return a model."""
    return catalog.get_model(runtime, caller, model)
