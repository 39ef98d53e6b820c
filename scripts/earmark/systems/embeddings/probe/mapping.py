"""A map of a layer: every clip a point, clips with like vectors side by side.

Principal components first, then t-SNE (van der Maaten and Hinton 2008) of those. Distances between
far points and the sizes of clusters mean nothing on such a map; who is whose neighbour does.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from earmark.core.seeding import generator
from earmark.systems.embeddings.probe.read import Vectors
from earmark.systems.embeddings.probe.record import Map

COMPONENTS = 50  # kept for t-SNE
FEWEST = 30  # clips; of fewer, t-SNE shows its own randomness
PERPLEXITY = 30


def sample(vectors: Vectors, most: int, seed: int) -> list[int]:
    """Return at most ``most`` clips, the same number of each label as far as there are."""
    queues: dict[str, list[int]] = defaultdict(list)
    for i in generator(seed, "map").permutation(len(vectors.clip_ids)):
        queues[vectors.labels[i]].append(int(i))
    turns = [(turn, name, i) for name, queue in queues.items() for turn, i in enumerate(queue)]
    return sorted(i for _, _, i in sorted(turns)[:most])


def flattened(values: NDArray[np.float64], seed: int) -> tuple[str, NDArray[np.float64]]:
    """Return the method's name and the coordinates [clips, 2] of vectors [clips, width]."""
    spread = values.std(0)
    standard = (values - values.mean(0)) / np.where(spread == 0, 1, spread)
    components = min(COMPONENTS, *standard.shape)
    reduced = PCA(components, svd_solver="full").fit_transform(standard)
    if len(values) < FEWEST:
        plane = np.zeros((len(values), 2))
        plane[:, : min(2, components)] = reduced[:, :2]
        return "PCA", plane
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    # Starting from the two main components keeps the large picture and leaves nothing to chance.
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed % 2**32, n_jobs=1)
    return "PCA and t-SNE", tsne.fit_transform(reduced).astype(np.float64)


def mapped(vectors: Vectors, most: int, seed: int) -> Map:
    """Return the map of one layer."""
    chosen = sample(vectors, most, seed)
    method, plane = flattened(vectors.values[chosen], seed)
    return {
        "layer": vectors.layer,
        "method": method,
        "clips": len(vectors.clip_ids),
        "points": [
            {
                "clip_id": vectors.clip_ids[i],
                "x": round(float(x), 3),
                "y": round(float(y), 3),
                "label": vectors.labels[i],
                "split": vectors.splits[i],
            }
            for i, (x, y) in zip(chosen, plane, strict=True)
        ],
    }
