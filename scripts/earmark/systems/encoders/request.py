"""Encoder scoring in the configuration: checked, and cut to what each job reads.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from earmark.core.errors import UserError, nearest
from earmark.core.files import sha256
from earmark.models import towers
from earmark.models.towers.asked import Tower
from earmark.systems.configuration import Settings
from earmark.systems.contract import Behind
from earmark.systems.encoders import asked
from earmark.systems.encoders import plan as planning
from earmark.systems.encoders.config import Encoders
from earmark.systems.encoders.entries import Encoder, Suite
from earmark.systems.encoders.form import WAVES, Form
from earmark.systems.encoders.plan import evaluation_of, plan_of

FOLDER = "results/encoders"
WRONG_ANSWERS = f"{FOLDER}/wrong_answers_of_encoders.parquet"
CHECK = "check/encoders"
NAME, DATASET = r"[a-z][a-z0-9-]*", r"[a-z0-9][a-z0-9_.-]*?"
RESULT = re.compile(rf"{FOLDER}/({NAME})/({NAME})/({DATASET})\.json")
TABLE = re.compile(rf"{FOLDER}/({NAME})/({NAME})/scores\.(tsv|json)")
CHECKED = re.compile(rf"{CHECK}/({NAME})(\.json)?")


def encoder_of(settings: Settings, name: str) -> Encoder:
    """Return an encoder; raises UserError with the nearest name."""
    return settings.one(Encoder, name)


def tower(settings: Settings, name: str) -> Tower:
    """Return what an encoder is made by; see :func:`earmark.models.towers.load`."""
    encoder = encoder_of(settings, name)
    if encoder.model is not None:
        kind = settings.model(encoder.model).kind
        if kind not in towers.KINDS:
            raise UserError(
                f"encoder '{name}': model: '{encoder.model}' is of kind {kind}, which is no audio encoder; "
                f"kinds that are: {', '.join(sorted(set(towers.KINDS) - {'own'}))}"
            )
        return Tower(kind=kind, dtype=encoder.dtype, batch_clips=encoder.batch_clips)
    if encoder.random is not None:
        sizes = dict(encoder.random)
        kind = sizes.pop("kind", None)
        if kind not in towers.KINDS:
            raise UserError(f"encoder '{name}': random: kind is {kind!r}; {nearest(str(kind), towers.KINDS)}")
        return Tower(kind=kind, dtype=encoder.dtype, batch_clips=encoder.batch_clips, random=sizes)
    return Tower(
        kind="own",
        dtype=encoder.dtype,
        batch_clips=encoder.batch_clips,
        code=encoder.code,
        arguments=encoder.arguments,
    )


def code_of(settings: Settings, name: str) -> str:
    """Return the file below scripts/ that makes an encoder."""
    return towers.code_of(tower(settings, name).kind)


def own_code(settings: Settings, name: str) -> str | None:
    """Return the digest of a user's file, so that an edit of it is noticed; None for other encoders."""
    code = encoder_of(settings, name).code
    path = towers.file_of(code) if code else None
    return sha256(path)[:16] if path is not None and path.is_file() else None


def checkpoint_of(settings: Settings, name: str) -> list[str]:
    """Return the record of an encoder's checkpoint, where it has one."""
    model = encoder_of(settings, name).model
    return [] if model is None else [f"models/{model}/checkpoint.json"]


def train_form(settings: Settings, suite: str) -> Form:
    """Return in what form the clips of a training are stored."""
    plan = plan_of(settings, suite)
    if plan.suite.compat == "xares":
        return WAVES
    return Form(plan.suite.features, plan.training.crop_audio_length, plan.training.seed)


def test_form(settings: Settings, encoder: str, suite: str) -> Form:
    """Return in what form the clips of an evaluation are stored: whole."""
    chosen = planning.suite_of(settings, suite)
    as_upstream = chosen.compat == "xares"
    half = as_upstream and tower(settings, encoder).kind == "whisper"
    return Form(chosen.features, half=half, sinc=as_upstream)


def folder(encoder: str, form: Form) -> str:
    """Return the folder of an encoder's features in a form."""
    return f"features/encoders/{encoder}/{form}"


def train_files(settings: Settings, encoder: str, suite: str) -> list[str]:
    """Return the indexes of the features that a training reads."""
    place = folder(encoder, train_form(settings, suite))
    return [
        f"{place}/{shard.name}.parquet" for each in plan_of(settings, suite).sources for shard in each.shards
    ]


def test_files(settings: Settings, encoder: str, suite: str, dataset: str) -> list[str]:
    """Return the indexes of the features that an evaluation reads."""
    place = folder(encoder, test_form(settings, encoder, suite))
    return [f"{place}/{shard.name}.parquet" for shard in evaluation_of(settings, suite, dataset).shards]


def fetching(settings: Settings, path: str) -> asked.FetchJob:
    """Return what fetching the shard at a path reads."""
    shard = planning.shard_named(settings, path)
    return asked.FetchJob(
        repo=shard.repo, revision=shard.revision, inside=shard.inside, address=shard.address
    )


def extraction(settings: Settings, encoder: str, form: str) -> asked.FeaturesJob:
    """Return what making a shard's features reads."""
    return asked.FeaturesJob(tower=tower(settings, encoder), form=form, device=settings.config.device)


def checking(settings: Settings, encoder: str) -> asked.CheckJob:
    """Return what the check of an encoder reads."""
    return asked.CheckJob(name=encoder, tower=tower(settings, encoder), device=settings.config.device)


def decoder_of(settings: Settings, suite: str) -> str:
    """Return the record of a suite's language model."""
    return f"models/{planning.suite_of(settings, suite).decoder}/checkpoint.json"


def training(settings: Settings, encoder: str, suite: str) -> asked.TrainingJob:
    """Return everything a training reads but its files."""
    plan, made = plan_of(settings, suite), tower(settings, encoder)
    return asked.TrainingJob(
        encoder=encoder,
        suite=suite,
        tower=made,
        kinds=asked.Kinds(encoder=made.kind, decoder=settings.model(plan.suite.decoder).kind),
        sources=[_source(each) for each in plan.sources],
        training=plan.training,
        projector=plan.suite.projector,
        normalise=plan.suite.normalise,
        lora=plan.suite.lora,
        precision=plan.suite.precision,
        compat=plan.suite.compat,
        max_failed_share=plan.suite.max_failed_share,
        device=settings.config.device,
    )


def _source(each: planning.Source) -> asked.Source:
    return asked.Source(
        name=each.name,
        prompts=each.prompts,
        key=each.block.key,
        share=each.share,
        shards=[shard.name for shard in each.shards],
    )


def answering(settings: Settings, encoder: str, suite: str, dataset: str) -> asked.AnswerJob:
    """Return everything that answering reads but its files."""
    chosen = evaluation_of(settings, suite, dataset)
    prompt = chosen.block.data.prompt
    return asked.AnswerJob(
        encoder=encoder,
        suite=suite,
        dataset=dataset,
        prompts=[prompt] if isinstance(prompt, str) else prompt,
        key=chosen.block.data.key,
        metric=chosen.block.metric,
        metric_args=chosen.block.metric_args,
        batch_size=chosen.block.batch_size,
        shards=[shard.name for shard in chosen.shards],
        max_failed_share=planning.suite_of(settings, suite).max_failed_share,
        device=settings.config.device,
    )


def scoring(settings: Settings, encoder: str, suite: str, dataset: str) -> asked.ScoreJob:
    """Return everything that scoring reads but its files."""
    chosen, plan = evaluation_of(settings, suite, dataset), plan_of(settings, suite)
    return asked.ScoreJob(
        encoder=encoder,
        suite=suite,
        dataset=dataset,
        decoder=plan.suite.decoder,
        compat=plan.suite.compat,
        metric=chosen.block.metric,
        metric_args=chosen.block.metric_args,
        weight=chosen.block.weight,
        labels=sorted({*encoder_of(settings, encoder).labels, *plan.suite.labels}),
        max_failed_share=plan.suite.max_failed_share,
        bootstrap=settings.of(Encoders).scoring.bootstrap,
        seed=settings.config.seed,
        training=plan.training,
    )


def tabling(settings: Settings, encoder: str, suite: str) -> asked.TableJob:
    """Return what the table of an encoder's scores reads but its files."""
    plan = plan_of(settings, suite)
    weights = {name: each.block.weight for name, each in plan.evaluations.items()}
    return asked.TableJob(encoder=encoder, suite=suite, weights=weights)


def results_of(settings: Settings, encoder: str, suite: str) -> list[str]:
    """Return the results of an encoder on every data set of a suite."""
    return [f"{FOLDER}/{encoder}/{suite}/{name}.json" for name in plan_of(settings, suite).evaluations]


def cells(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield every encoder and suite of config, each pair once."""
    blocks = settings.of(Encoders).scoring.grid
    yield from dict.fromkeys((e, s) for block in blocks for s in block.suites for e in block.encoders)


def every_result(settings: Settings) -> list[str]:
    """Return the results that config asks for, and the table of each encoder and suite."""
    found = [path for cell in cells(settings) for path in results_of(settings, *cell)]
    return found + [f"{FOLDER}/{encoder}/{suite}/scores.json" for encoder, suite in cells(settings)]


def answered(settings: Settings) -> list[str]:
    """Return the results that config asks for whose answers the page shows: all but the tables."""
    return [path for path in every_result(settings) if RESULT.fullmatch(path) and not TABLE.fullmatch(path)]


def page_files(settings: Settings) -> list[str]:
    """Return the file of wrong answers, where there are results."""
    return [WRONG_ANSWERS] if answered(settings) else []


def showing(settings: Settings) -> asked.WrongAnswersJob:
    """Return what collecting wrong answers reads but results: how many, and where each one's shards lie."""
    shards = {}
    for path in answered(settings):
        _, suite, dataset = path.removeprefix(f"{FOLDER}/").removesuffix(".json").split("/")
        shards[path] = {shard.name: shard.path for shard in evaluation_of(settings, suite, dataset).shards}
    return asked.WrongAnswersJob(report=settings.config.report, shards=shards)


def behind(path: str, settings: Settings) -> Behind:
    """Return what a result needs of the configuration: encoder, suite, language model, resamples."""
    encoder, suite = path.removeprefix(f"{FOLDER}/").split("/")[:2]
    known = suite in settings.each(Suite)
    decoder = planning.suite_of(settings, suite).decoder
    things = {"encoders": [encoder], "suites": [suite] if known else [], "models": [decoder]}
    block = {"encoders": [encoder], "suites": [suite]}
    return Behind(
        things, {"scoring": {"grid": [block], "bootstrap": settings.of(Encoders).scoring.bootstrap}}
    )


def check(settings: Settings) -> None:
    """Check what the configuration says of encoder scoring; raises UserError."""
    for name, encoder in settings.each(Encoder).items():
        if encoder.model is not None and encoder.model not in settings.models:
            hint = nearest(encoder.model, settings.models)
            raise UserError(f"encoder '{name}': model: unknown model '{encoder.model}'; {hint}")
        tower(settings, name)
    for name in settings.each(Suite):
        _check_decoder(settings, name)
    for encoder_name, suite in cells(settings):
        _check_pair(settings, encoder_name, suite)


def _check_decoder(settings: Settings, suite: str) -> None:
    decoder = planning.suite_of(settings, suite).decoder
    known = [name for name, entry in settings.models.items() if entry.kind == "causal_lm"]
    if decoder not in known:
        hint = nearest(decoder, known)
        raise UserError(f"suite '{suite}': decoder: '{decoder}' is no model of kind causal_lm; {hint}")


def _check_pair(settings: Settings, encoder: str, suite: str) -> None:
    encoder_of(settings, encoder)
    plan_of(settings, suite)
    _check_decoder(settings, suite)


def check_target(path: str, settings: Settings) -> None:
    """Check the names in a target of encoder scoring; raises UserError with the nearest name."""
    if found := CHECKED.fullmatch(path):
        encoder_of(settings, found[1])
    elif found := TABLE.fullmatch(path):
        _check_pair(settings, found[1], found[2])
    elif found := RESULT.fullmatch(path):
        _check_pair(settings, found[1], found[2])
        evaluation_of(settings, found[2], found[3])
