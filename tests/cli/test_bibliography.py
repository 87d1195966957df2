"""`ragline bibliography`."""

from __future__ import annotations

import json

from tests.cli.conftest import Ragline
from tests.inprocess import Tenant


def test_chosen_documents(ragline: Ragline, tenant: Tenant) -> None:
    """Documents are named by id or external id; without names it is all of them."""
    project = tenant.project("shelf")
    works = [("Tigers of Bengal", "1998"), ("Owls by Night", "2003")]
    for number, (title, year) in enumerate(works):
        tenant.ingest_text(
            project,
            f"{title}: a book on animals that hunt in the dark.",
            title=title,
            external_id=f"work-{number}",
            metadata={"year": int(year)},
        )

    every = json.loads(ragline("bibliography", "shelf", "--json").stdout)
    one = ragline("bibliography", "shelf", "-d", "work-1", "--style", "apa", "--format", "text")

    assert 2 == len(every["entries"])
    assert "Owls by Night" in one.stdout
    assert "Tigers" not in one.stdout


def test_nothing_there(ragline: Ragline, tenant: Tenant) -> None:
    """A project without documents has no bibliography."""
    tenant.project("empty")

    result = ragline("bibliography", "empty")

    assert (1, True) == (result.exit_code, "no documents" in result.stdout)
