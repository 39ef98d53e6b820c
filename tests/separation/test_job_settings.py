"""What jobs of separation read of the configuration, and what is checked before any of them runs."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.systems.separation import asked, job_settings, request

from . import miniature


def settings(folder, **separation) -> Settings:
    content = miniature.content(folder)
    content["separation"] |= separation
    return Settings.load(content, ROOT)


def test_a_separator_that_config_does_not_choose_can_be_made() -> None:
    found = job_settings.separator_job(Settings.load({"default_model": "demo"}, ROOT), "audiosep")
    assert isinstance(found, asked.Imported)
    assert (found.labels, found.condition) == ([], 512)


def test_jobs_read_back_what_rules_write(tmp_path) -> None:
    said = settings(tmp_path)
    for job in (
        job_settings.separator_job(said, "mini"),
        job_settings.adapter_job(said, "domain-0"),
        job_settings.partition_job(said),
        job_settings.texts_job(said, "mini", "made"),
        job_settings.scores_job(said, "made_pairs", "base"),
        job_settings.result_job(said, "made_pairs", "text"),
    ):
        assert type(job).read(job.plain(), "x") == job


def test_adapters_of_dp_lass_are_read_and_not_trained(tmp_path) -> None:
    files = {"domain-1": "cluster1_model.pt"}
    adapter = {"kind": "reconv", "batch_norm": "update", "files": files}
    said = settings(tmp_path, adapter=adapter)
    assert isinstance(job_settings.adapter_job(said, "domain-0"), asked.DomainAdapter)
    found = job_settings.adapter_job(said, "domain-1")
    assert isinstance(found, asked.ReadAdapter) and found.file == files["domain-1"]
    with pytest.raises(UserError, match="unknown domain in separation.adapter.files 'domain-7'"):
        request.check(settings(tmp_path, adapter=adapter | {"files": {"domain-7": "x"}}))
    with pytest.raises(UserError, match="are of kind reconv, all blocks, batch_norm update"):
        settings(tmp_path, adapter=adapter | {"kind": "lora"})


def test_a_benchmark_s_files_are_looked_for_when_the_workflow_is_planned(tmp_path) -> None:
    content = miniature.content(tmp_path)
    table = tmp_path / "t.csv"
    table.write_text("idx,caption,src_wav,noise_wav\n0,dog,a.wav,b.wav\n")
    content["mixtures"]["esc50"] = {"root": str(tmp_path), "table": str(table)}
    said = Settings.load(content, ROOT)
    with pytest.raises(UserError, match="mixture-0.wav is missing; segment-0.wav is missing"):
        request.check_files(said, "esc50")
    for side in ("mixture", "segment"):
        soundfile.write(tmp_path / f"{side}-0.wav", np.zeros(100), 8000)
    request.check_files(said, "esc50")
    assert job_settings.set_files(said, "esc50") == {"root": str(tmp_path), "table": str(table)}


def test_a_recording_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="separation.recordings.mix: there is no file .*mix.wav"):
        request.check_target("separated/mix/rain.flac", settings(tmp_path))
    soundfile.write(tmp_path / "mix.wav", np.zeros(100), 8000)
    request.check_target("separated/mix/rain.flac", settings(tmp_path))
