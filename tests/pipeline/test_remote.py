"""DVC's cache on an S3 server: what `dvc push` brings there, `dvc pull` brings back, byte for byte."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.support.checkout import Checkout

pytestmark = pytest.mark.dvc
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "t",
    "AWS_SECRET_ACCESS_KEY": "t",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",  # nobody is to be asked for credentials
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "NO_PROXY": "127.0.0.1",
}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an S3 server on this machine, with an empty bucket `elbowroom`."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it reports each request
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="elbowroom")
    yield address
    server.stop()


def cached(cache: Path) -> dict[str, bytes]:
    """The files of DVC's cache, but for what it knows of runs."""
    cache = cache / "files"
    return {str(path.relative_to(cache)): path.read_bytes() for path in cache.rglob("*") if path.is_file()}


def test_what_is_pushed_is_pulled(tiny: Checkout, endpoint: str) -> None:
    tiny.run("dvc", "remote", "add", "--default", "store", "s3://elbowroom/cache")
    tiny.run("dvc", "remote", "modify", "store", "endpointurl", endpoint)
    cache = Path(tiny.run("dvc", "cache", "dir").strip())
    before = cached(cache)
    assert len(before) > 20
    tiny.run("dvc", "push")
    assert "Everything is up to date" in tiny.run("dvc", "push")
    for folder in (cache, tiny.path / "data", tiny.path / "models"):
        shutil.rmtree(folder)
    tiny.run("dvc", "pull")
    after = cached(cache)
    assert after == {name: before[name] for name in after}
    assert len(after) > 20
    assert tiny.run("dvc", "status") == "Data and pipelines are up to date.\n"
