"""What a student learns from: labels, and the probabilities a teacher gives the same clip.

With logits z, labels y and the teacher's probabilities p, a clip's loss is lambda L(z, y) + (1 - lambda)
L(z, p), where L is binary cross-entropy, the mean over classes, or cross-entropy (specification 3.1). The
temperature is the teacher's alone and already in p. A clip that no teacher has seen has the loss against its
labels with full weight.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from earmark.systems.tagging.settings import CE


def clip_losses(
    logits: Tensor, target: Tensor, soft: Tensor | None, has_soft: Tensor, *, weight: float, kind: str
) -> Tensor:
    """Return each clip's loss, shape [batch], in float32.

    Args:
        logits: of the student, [batch, classes].
        target: labels, mixed as the waveforms were, [batch, classes].
        soft: the teachers' probabilities, mixed alike, [batch, classes]; whatever where there are none, None
            where there is no teacher.
        has_soft: whether a clip has them, bool [batch].
        weight: lambda, the weight of the labels; 1 leaves the teachers out.
        kind: ``bce`` or ``ce``.

    """
    hard = _against(logits.float(), target, kind)
    if weight == 1 or soft is None:
        return hard
    both = weight * hard + (1 - weight) * _against(logits.float(), soft, kind)
    return both.where(has_soft, hard)


def _against(logits: Tensor, target: Tensor, kind: str) -> Tensor:
    if kind == CE:
        return functional.cross_entropy(logits, target, reduction="none")
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=1)
