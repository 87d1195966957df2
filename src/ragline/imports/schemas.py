"""What imports look like over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from ragline.accounts.schemas import CleanText
from ragline.imports.receiving import Options
from ragline.jobs.schemas import JobView, WishesFields

Column = Annotated[CleanText, Field(min_length=1, max_length=200)]
Prefix = Annotated[CleanText, Field(max_length=100)]


class ImportFields(WishesFields):
    """What may be said of an import.

    The columns are those of tables. `prefix` stands before the external id of every document:
    give each source one of its own where several may use the same names. `clean` says whether a
    model repairs badly read passages of what is ingested; left out, the project decides. With
    `products` the rows of tables are products, and the other files their pictures; the columns
    are then those of their descriptions, ids and names.
    """

    dry_run: bool = False
    text_column: Column | None = None
    id_column: Column | None = None
    title_column: Column | None = None
    prefix: Prefix = ""
    clean: bool | None = None
    products: bool = False

    @property
    def options(self) -> Options:
        """The same, as services take it."""
        return Options(self.text_column, self.id_column, self.title_column, self.prefix)


class FolderImport(ImportFields):
    """A folder of the server, below a root that its operator allows, by its absolute path."""

    folder: Annotated[CleanText, Field(min_length=1, max_length=4096)]


class ImportAccepted(BaseModel):
    """The job that imports; the documents' jobs become its children."""

    job: JobView


class DryRun(BaseModel):
    """What an import would do; nothing was queued, and nothing is kept.

    `documents` are `new`, `changed`, `again` (their last job came to nothing), `unchanged`, or
    `duplicates` of other contents; the first three would be ingested. `pages`, `tokens`, `cost`
    and `seconds` are of those; null where too little was measured to tell. `basis` says in a
    sentence each how they were estimated.
    """

    documents: int
    new: int
    changed: int
    again: int
    unchanged: int
    duplicates: int
    missing_files: int
    pages: int
    tokens: int
    cost: float | None
    seconds: float | None
    basis: dict[str, str]
    warnings: list[dict[str, Any]]
