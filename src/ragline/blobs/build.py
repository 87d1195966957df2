"""From RAGLINE_FILES_URL to the file store it names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ragline.blobs.contract import BlobStore
from ragline.blobs.copies import LocalCopies
from ragline.blobs.folder import FolderStore
from ragline.errors import ConfigurationError, MissingPackage
from ragline.settings import Settings


def build_store(settings: Settings) -> BlobStore:
    """Return the file store that the settings name; `prepare` finds out whether it answers.

    Raises:
        ConfigurationError: the URL names no store that could work.
        MissingPackage: a bucket needs a package that is not installed.
    """
    url = settings.files_url
    if not url:
        return FolderStore(settings.files_dir)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _no_store("") from None
    if parts.scheme == "file":
        return FolderStore(_folder(parts))
    if parts.scheme == "s3":
        return _bucket(settings, parts)
    raise _no_store(parts.scheme)


def _folder(parts: SplitResult) -> Path:
    folder = Path(unquote(parts.path))
    local = parts.netloc in ("", "localhost") and not parts.query and not parts.fragment
    if not local or not folder.is_absolute() or "\0" in str(folder):
        raise ConfigurationError(
            "RAGLINE_FILES_URL does not hold the whole path of a folder: write it as "
            "file:///shared/folder, with three slashes and nothing behind the path."
        )
    # Made here, it would hide that the share is not mounted, and keep files from other machines.
    if not folder.is_dir():
        raise ConfigurationError(
            f"There is no folder {folder}, which RAGLINE_FILES_URL names: "
            "mount the share or create the folder, then start again."
        )
    return folder


def _bucket(settings: Settings, parts: SplitResult) -> BlobStore:
    try:
        # Loaded by name: its package is optional, and slow to load for those without a bucket.
        s3 = import_module("ragline.blobs.s3")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "obstore":
            raise  # a bug of ours, which no installation mends
        raise MissingPackage(
            "RAGLINE_FILES_URL names a bucket, which needs the package 'obstore'. "
            "Install it: pip install 'ragline[s3]'"
        ) from error
    if parts.query or parts.fragment:
        raise ConfigurationError(
            "RAGLINE_FILES_URL holds more than a bucket and a prefix: write it as "
            "s3://bucket/prefix, and region and endpoint in AWS_REGION and AWS_ENDPOINT_URL."
        )
    copies = LocalCopies(settings.data_dir / "cache" / "files")
    store: BlobStore = s3.BucketStore(parts.netloc, parts.path.strip("/"), copies)
    return store


def _no_store(scheme: str) -> ConfigurationError:
    # The rest of the URL is not repeated: it may hold a password.
    return ConfigurationError(
        f"RAGLINE_FILES_URL names no file store (its scheme is {scheme!r}): write it as "
        "file:///shared/folder or s3://bucket/prefix, or unset it for a folder in the data "
        "directory."
    )
