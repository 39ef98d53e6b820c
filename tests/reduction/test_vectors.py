"""The published methods' test vectors are reproduced, by a prompt alone and by one in a padded batch.

Most vectors were made by running public code on random tensors; those from formulas alone pin our reading.
They lie beside the project, not in it; without them the tests are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from earmark.reduction import affinity, cdpruner, headrouter, likeness, seats, sparsevlm, speechprune
from earmark.reduction.contract import Known, Reducer, Span
from earmark.reduction.loader import load
from earmark.reduction.slots import with_slots

VECTORS = Path(__file__).parents[3] / "shared" / "specs" / "vectors"
CLOSE: dict[str, Any] = {"atol": 2e-5, "rtol": 0}
BEFORE, AFTER = 2, 3


def cases(name: str) -> list[Any]:
    """The cases of a file, or one that is skipped where there is none."""
    path = VECTORS / f"{name}.json"
    if not path.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"no test vectors at {path}"), id="absent")]
    found = json.loads(path.read_text())["cases"]
    return [pytest.param(case, id=f"{name}-{number}") for number, case in enumerate(found)]


def pooled(case: Mapping[str, Any]) -> dict[str, Tensor]:
    """Scores of tokens as the specification defines them, from a whole attention map [heads, 2 n, 2 n]."""
    if "encoder_attention" not in case:
        return {}
    maps = torch.tensor(case["encoder_attention"])
    found = {}
    for name, joined in (("max", maps.amax(0)), ("mean", maps.mean(0))):
        n = len(joined) // 2
        pool = joined.reshape(n, 2, n, 2).sum(3).mean(1)
        found |= {f"received_{name}": pool.sum(0), f"diagonal_{name}": pool.diagonal()}
    if "encoder_keys" in case:
        keys = torch.tensor(case["encoder_keys"])
        found["keys"] = keys.mean(0) if keys.dim() == 3 else keys
        found["keys"] = found["keys"].reshape(len(found["received_max"]), -1, keys.shape[-1]).mean(1)
    return found


@dataclass
class Map:
    """Attention that was given as a whole, in the place of a decoder layer's."""

    maps: Tensor
    """[heads, tokens, tokens]."""
    real: Tensor

    def of(self, row: int) -> Map:
        """Return the map, alone and right-aligned as a prompt."""
        return Map(self.maps, self.real[row : row + 1])

    def attention(self, queries: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the rows asked for."""
        columns = queries.any(0).nonzero()[:, 0]
        wide = self.maps.new_zeros(1, len(self.maps), self.real.shape[1], self.real.shape[1])
        first = self.real.shape[1] - self.maps.shape[1]
        wide[0, :, first:, first:] = self.maps
        yield columns, wide[:, :, columns]


def given(
    features: Tensor,
    budget: int,
    scores: Mapping[str, Tensor] | None = None,
    padded: bool = False,
    before: int = BEFORE,
    after: int = AFTER,
    **extra: Any,
) -> Known:
    """What a method knows of a prompt with these audio states; padded: beside a longer one, as row 0."""
    rows = [features, torch.randn(len(features) + 5, features.shape[1])] if padded else [features]
    lengths = tuple(map(len, rows))
    width = before + max(lengths) + after
    hidden = torch.zeros(len(rows), width, features.shape[1])
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    later = torch.zeros_like(mask)
    for row, states in enumerate(rows):
        mask[row, width - after - len(states) : width - after] = True
        hidden[row, mask[row]] = states
        later[row, width - after :] = True
    span = Span.of(mask, lengths)
    encoder = {}
    for name, values in (scores or {}).items():
        encoder[name] = torch.rand(len(rows), max(lengths), *values.shape[1:])
        encoder[name][0, : len(values)] = values
    budgets = (budget, 3)[: len(rows)]
    return Known(
        hidden, span, later, budgets, lambda states: states, encoder=encoder, question=later, **extra
    )


def outcome(method: Reducer, known: Known) -> tuple[list[int], Tensor]:
    """Places and states of row 0's slots."""
    reduced = method.reduce(known)
    places = [offset for offset in reduced.place[0].tolist() if offset >= 0]
    counts = tuple((reduced.place >= 0).sum(1).tolist())
    states = with_slots(known.hidden, known.span, reduced, counts)
    return places, states[0, known.span.positions[0, places]]


def kept_at(n: int, case: Mapping[str, Any]) -> int:
    """Tokens kept by the ports, where a case gives their ratio."""
    return int(case["budget"]) if "budget" in case else max(2, round(n * case["remain_token_ratio"]))


MERGING = [
    ("average_pooling", "average-pooling", {}),
    ("atome_input", "atome", {}),
    ("atome_input_attention", "atome", {"weights": "attention"}),
    ("atome", "atome", {}),
    ("fastadasp_input", "fastadasp", {}),
    ("fastadasp_input_attention", "fastadasp", {"weights": "attention"}),
    ("ltbm", "ltbm", {}),
    ("global_merge", "global-merge", {}),
]


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(
    ("name", "options", "case"),
    [
        (name, opts, *case.values)
        for file, name, opts in MERGING
        for case in cases(file)
        if case.values != ({},)
    ]
    or [("none", {}, None)],
)
def test_merged_states_are_those_of_the_vectors(
    name: str, options: dict[str, Any], case: Any, padded: bool
) -> None:
    if case is None:
        pytest.skip(f"no test vectors at {VECTORS}")
    features = torch.tensor(case.get("features", case.get("keys_or_features")))
    budget = kept_at(len(features), case) if "remain_token_ratio" in case else case["budget"]
    known = given(features, budget, pooled(case), padded)
    places, merged = outcome(load(name, options), known)  # type: ignore[arg-type]
    torch.testing.assert_close(merged, torch.tensor(case["merged"]), **CLOSE)
    if "places_in_time" in case:
        assert places == case["places_in_time"]


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("case", cases("affinity_pooling"))
def test_affinity_pools_the_groups_of_the_vectors(case: Any, padded: bool) -> None:
    options = {"threshold": case["threshold"], "lookback": case["lookback"]}
    known = given(torch.tensor(case["features"]), 5, padded=padded)
    _, merged = outcome(load("affinity", options), known)  # type: ignore[arg-type]
    torch.testing.assert_close(merged, torch.tensor(case["merged"]), **CLOSE)
    table = affinity.diagonals(torch.tensor(case["features"]), case["lookback"])
    groups = affinity.scanned(table, case["threshold"])
    assert [(groups == g).nonzero()[:, 0].tolist() for g in range(int(groups[-1]) + 1)] == case["groups"]


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("case", cases("samap"))
def test_samap_keeps_the_groups_of_the_vectors(case: Any, padded: bool) -> None:
    known = given(torch.tensor(case["features"]), case["budget"], pooled(case), padded)
    _, merged = outcome(load("samap", {"threshold": case["threshold"]}), known)  # type: ignore[arg-type]
    torch.testing.assert_close(merged, torch.tensor(case["result"]), **CLOSE)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("case", cases("fastadasp_layer"))
def test_fastadasp_merges_in_the_decoder_as_the_vectors_say(case: Any, padded: bool) -> None:
    features, count = torch.tensor(case["hidden"]), case["audio_tokens"]
    maps = torch.tensor(case["attention"])
    after = maps.shape[1] - case["audio_start"] - count
    budget = count - int(count * case["merge_ratio"])
    known = given(features, budget, padded=padded, before=case["audio_start"], after=after)
    # row 0 stands at the right end: what is left of it is padding
    first = known.hidden.shape[1] - maps.shape[1]
    real = torch.arange(known.hidden.shape[1]) >= first
    keys = torch.randn(
        len(known.budget), 1, known.hidden.shape[1], len(case["keys_all_heads_concatenated"][0])
    )
    keys[0, 0, known.span.positions[0, :count]] = torch.tensor(case["keys_all_heads_concatenated"])
    probe: Any = Map(maps, real.expand(len(known.budget), -1))
    known = Known(**{**vars(known), "keys": keys, "probe": probe})
    weights = "mean" if case["variant"] == "merge_ave" else "attention"
    _, merged = outcome(load("fastadasp-layer", {"weights": weights}), known)  # type: ignore[arg-type]
    torch.testing.assert_close(merged, torch.tensor(case["merged"]), **CLOSE)


KEEPING = [
    ("cdpruner_audio_attention", "cdpruner", {"relevance": "attention"}),
    ("divprune", "divprune", {}),
    ("vispruner_audio", "vispruner", {}),
]


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(
    ("name", "options", "case"),
    [
        (name, opts, *case.values)
        for file, name, opts in KEEPING
        for case in cases(file)
        if case.values != ({},)
    ]
    or [("none", {}, None)],
)
def test_kept_tokens_are_those_of_the_vectors(
    name: str, options: dict[str, Any], case: Any, padded: bool
) -> None:
    if case is None:
        pytest.skip(f"no test vectors at {VECTORS}")
    method: Any = load(name, options)
    features = torch.tensor(case["features"])
    ratio = case.get("remain_token_ratio", case.get("keep_ratio"))
    budget = method.reference_tokens(len(features), 1 - ratio)
    assert budget == len(case["kept"])
    assert outcome(method, given(features, budget, pooled(case), padded))[0] == case["kept"]


@pytest.mark.parametrize("case", cases("cdpruner_audio"))
def test_plain_cdpruner_goes_on_from_a_first_pick_as_the_vectors_do(case: Any) -> None:
    kernel = likeness.cosines(torch.tensor(case["features"]))
    order = likeness.volume_greedy(
        kernel, len(case["kept"]), kernel.diagonal(), first=case["greedy_order"][0]
    )
    assert order.tolist() == case["greedy_order"]


@pytest.mark.parametrize("case", cases("cdpruner"))
def test_cdpruner_with_a_question_keeps_what_the_vectors_keep(case: Any) -> None:
    shared = torch.tensor(case["token_embeds_shared_space"])
    relevance = cdpruner.to_question(shared, torch.tensor(case["text_embeds"]))
    torch.testing.assert_close(relevance, torch.tensor(case["relevance"]), **CLOSE)
    kernel = relevance[:, None] * likeness.cosines(torch.tensor(case["features"])) * relevance
    assert sorted(likeness.volume_greedy(kernel, case["keep"], relevance).tolist()) == case["kept"]


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("case", cases("visionzip_audio"))
def test_visionzip_keeps_and_merges_as_the_vectors_say(case: Any, padded: bool) -> None:
    method: Any = load("visionzip", {"contextual": case["contextual_ratio"]})
    features = torch.tensor(case["features"])
    budget = method.reference_tokens(len(features), 1 - case["remain_token_ratio"])
    places, merged = outcome(method, given(features, budget, pooled(case), padded))
    assert places == case["kept"]
    torch.testing.assert_close(merged, torch.tensor(case["features_after"])[places], **CLOSE)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("case", cases("segmentwise_topk"))
def test_segmentwise_keeps_what_the_vectors_keep(case: Any, padded: bool) -> None:
    method: Any = load("segmentwise", {"segments": case["segments"]})
    scores = torch.tensor(case["scores"])
    for budget, kept in [
        (case["budget"], case["kept_exact"]),
        (case["segments"] * (case["budget"] // case["segments"]), case["kept_paper (S*floor(K/S))"]),
    ]:
        known = given(torch.randn(len(scores), 4), budget, {"received_mean": scores}, padded)
        assert outcome(method, known)[0] == kept


@pytest.mark.parametrize("case", cases("headrouter"))
def test_headrouter_weighs_heads_as_the_vectors_do(case: Any) -> None:
    logits = torch.tensor(case["probe_logits_no_rope [heads, text queries, audio keys]"])
    heads = headrouter.marginals(logits)
    torch.testing.assert_close(heads, torch.tensor(case["marginal p [heads, audio]"]), **CLOSE)
    torch.testing.assert_close(headrouter.selectivity(heads), torch.tensor(case["selectivity"]), **CLOSE)
    profile = headrouter.Profile(
        torch.tensor(case["profiles sem,uni,aco"]), torch.tensor(case["centres"]), case["sigma"]
    )
    score = headrouter.importance(heads, profile)
    torch.testing.assert_close(score, torch.tensor(case["importance"]), **CLOSE)
    assert sorted(likeness.largest(score, case["keep"]).tolist()) == case["kept"]


@pytest.mark.parametrize("case", cases("speechprune"))
def test_speechprune_keeps_what_the_vectors_keep(case: Any) -> None:
    features = torch.tensor(case["features"])
    similar = likeness.cosines(features, torch.tensor(case["query_embeddings"])).mean(1)
    torch.testing.assert_close(similar, torch.tensor(case["token_similarity"]), **CLOSE)
    first = speechprune.like_the_question(similar, case["k1"], case["tokens_per_frame"]).sort().values
    assert first.tolist() == case["stage1"]
    queries, keys = torch.tensor(case["Wq"]), torch.tensor(case["Wk"])
    score = speechprune.sign_attention(features[first], queries, keys, len(queries))
    torch.testing.assert_close(score, torch.tensor(case["stage2_score"]), **CLOSE)
    assert sorted(first[likeness.largest(score, case["k2"])].tolist()) == case["kept"]


@pytest.mark.parametrize("case", cases("sparsevlm_score"))
def test_sparsevlm_lets_the_raters_of_the_vectors_score(case: Any) -> None:
    hidden, start, length = torch.tensor(case["hidden"]), case["span_start"], case["span_length"]
    audio, text = hidden[start : start + length], hidden[start + length :]
    raters = sparsevlm.raters(audio, text)
    assert raters.tolist() == case["rater_offsets_in_text_after"]
    rows = torch.tensor(case["attention"])[:, start + length + raters, start : start + length]
    torch.testing.assert_close(rows.mean((0, 1)), torch.tensor(case["scores"]), **CLOSE)
    assert sorted(likeness.largest(rows.mean((0, 1)), 4).tolist()) == case["keep4"]


@pytest.mark.parametrize("case", cases("sparsevlm_cluster_merge"))
def test_sparsevlm_clusters_as_the_vectors_do(case: Any) -> None:
    # the public density has random noise of up to 1e-6
    tokens = torch.tensor(case["tokens"])
    group, centres = sparsevlm.clustered(tokens, case["clusters"])
    means = torch.stack([tokens[group == number].mean(0) for number in range(len(centres))])
    torch.testing.assert_close(means, torch.tensor(case["merged"]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("case", cases("seats_windivprune"))
def test_seats_keeps_what_the_vectors_keep_of_a_window(case: Any) -> None:
    features, attention = torch.tensor(case["features"]), torch.tensor(case["attention"])
    assert sorted(seats.weighted_farthest(features, attention, case["keep"]).tolist()) == case["kept"]


@pytest.mark.parametrize("case", cases("seats_schedule"))
def test_seats_drops_in_the_steps_of_the_vectors(case: Any) -> None:
    assert seats.FIRST * case["target"] == pytest.approx(case["encoder_ratio"])
    assert seats.schedule(case["target"]) == pytest.approx(case["keep_per_step"], abs=1e-4)
