"""From RAGLINE_FILES_URL to a file store."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from ragline.blobs import build_store
from ragline.errors import ConfigurationError, MissingPackage
from ragline.settings import Settings, load_settings


def settings_with(url: str | None, tmp_path: Path) -> Settings:
    """Return settings with this URL."""
    return load_settings(_env_file=None, data_dir=tmp_path, files_url=url)


@pytest.mark.parametrize("unset", [None, ""])
def test_unset(tmp_path: Path, unset: str | None) -> None:
    """Unset, files lie in the data directory."""

    blobs = build_store(settings_with(unset, tmp_path))
    blobs.prepare()
    with blobs.local(blobs.store(io.BytesIO(b"x")).content_hash) as path:
        assert tmp_path / "files" == path.parents[1]


@pytest.mark.parametrize("host", ["", "localhost"])
def test_folder(tmp_path: Path, host: str) -> None:
    """A folder is named by its whole path, with % where a URL wants it."""

    folder = tmp_path / "of all machines"
    folder.mkdir()
    blobs = build_store(settings_with(f"file://{host}{tmp_path}/of%20all%20machines", tmp_path))
    blobs.prepare()
    with blobs.local(blobs.store(io.BytesIO(b"x")).content_hash) as path:
        assert folder == path.parents[1]


def test_folder_that_is_not_mounted(tmp_path: Path) -> None:
    """A named folder is never made: other machines would not find what lies in it."""

    with pytest.raises(ConfigurationError, match=r"RAGLINE_FILES_URL.*mount the share"):
        build_store(settings_with(f"file://{tmp_path}/share", tmp_path))

    assert not (tmp_path / "share").exists()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://server/files",
        "/shared/folder",
        "shared",
        "gs://bucket/prefix",
        "https://user:secret@server/bucket",
        "http://[half",
        "file://server/share",
        "file://shared/folder",
        "file:shared",
        "file:///shared?mode=ro",
        "file:///sha%00red",
        "s3://",
        "s3:///prefix",
        "s3:bucket",
        "s3://a",
        "s3://key:secret@bucket/prefix",
        "s3://bucket:9000/prefix",
        "s3://bucket/../other",
        "s3://bucket/a//b",
        "s3://bucket/./a",
        "s3://bucket/a%2Fb",
        "s3://bucket/a b",
        "s3://bucket/prefix?region=eu",
        "s3://bucket/prefix#x",
    ],
)
def test_impossible(tmp_path: Path, url: str) -> None:
    """A URL that names no store stops the start; a password in it is not repeated."""
    with pytest.raises(ConfigurationError, match="RAGLINE_FILES_URL") as raised:
        build_store(settings_with(url, tmp_path))

    assert "secret" not in raised.value.message


@pytest.mark.parametrize(
    "endpoint", ["nonsense", "server:9000", "ftp://server", "http://", "http://h:port", "http://["]
)
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_impossible_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, endpoint: str
) -> None:
    """An endpoint that is no address stops the start."""

    monkeypatch.setenv(name, endpoint)

    with pytest.raises(ConfigurationError, match=rf"{name} .*RAGLINE_FILES_URL"):
        build_store(settings_with("s3://bucket", tmp_path))


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket without its package is answered with the line that installs it."""

    monkeypatch.setitem(sys.modules, "obstore", None)
    for name in ("ragline.blobs.s3", "ragline.blobs.s3_errors"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    with pytest.raises(MissingPackage, match=r"pip install 'ragline\[s3\]'"):
        build_store(settings_with("s3://bucket/prefix", tmp_path))


def test_package_is_not_loaded_without_a_bucket() -> None:
    """Who keeps files in a folder needs no package for buckets."""

    code = "import ragline.blobs, sys; sys.exit('obstore' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
