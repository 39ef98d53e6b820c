"""Inputs and outputs in a bucket: the storage plugin against a real S3 server on loopback."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from workflow import Workflow

BUCKET = ("--default-storage-provider", "s3", "--default-storage-prefix", "s3://earmark/run")


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Iterator[InBucket]:
    """The small workflow with its files in a bucket of a server that lasts as long as the tests."""
    boto3 = pytest.importorskip("boto3")
    servers = pytest.importorskip("moto.server")
    pytest.importorskip("snakemake_storage_plugin_s3")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = servers.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        flow = InBucket(tmp_path_factory.mktemp("stored"))
        flow.endpoint = "http://{}:{}".format(*server.get_host_and_port())
        flow.bucket = boto3.resource(
            "s3",
            endpoint_url=flow.endpoint,
            aws_access_key_id="id",
            aws_secret_access_key="key",
            region_name="us-east-1",
        ).Bucket("earmark")
        flow.bucket.create()
        yield flow
    finally:
        server.stop()


class InBucket(Workflow):
    """The workflow whose settings of storage come from the environment, as keys should."""

    endpoint: str

    def environment(self) -> dict[str, str]:
        settings = {"ENDPOINT_URL": self.endpoint, "ACCESS_KEY": "id", "SECRET_KEY": "key"}
        return super().environment() | {f"SNAKEMAKE_STORAGE_S3_{k}": v for k, v in settings.items()}


def test_data_are_read_from_and_written_to_a_bucket(stored):
    stored.run("-j2", *BUCKET, "--", "data/gtzan/audit.json")
    kept = {entry.key for entry in stored.bucket.objects.all()}
    assert {"run/data/gtzan/shards/test-00000-of-00001.tar", "run/data/gtzan/audit.html"} <= kept
    audit = json.loads(stored.bucket.Object("run/data/gtzan/audit.json").get()["Body"].read())
    assert audit["task"] == "gtzan"
    assert not (stored.folder / "data").exists()
    assert "Nothing to be done" in stored.run("-j2", *BUCKET, "--", "data/gtzan/audit.json").stdout


def test_pods_would_get_their_files_from_the_bucket(stored):
    profile = ("--workflow-profile", "profiles/kubernetes")
    listed = stored.run("-n", "-p", *profile, "--", "results/gtzan_dart_0.5.json").stdout
    assert "output: s3://earmark/results/gtzan_dart_0.5.json (send to storage)" in listed
    assert "gpu_manufacturer=nvidia" in listed
