"""The loss: labels and teacher, weighed as the specification says."""

import pytest
import torch
from torch.nn import functional

from earmark.systems.tagging.loss import clip_losses

B, C = 5, 3


@pytest.fixture
def made():
    torch.manual_seed(0)
    return torch.randn(B, C, requires_grad=True), torch.rand(B, C), torch.rand(B, C)


def losses(made, weight, kind="bce", known=None):
    z, y, p = made
    return clip_losses(
        z, y, p, torch.ones(B, dtype=torch.bool) if known is None else known, weight=weight, kind=kind
    )


def test_labels_and_teacher_are_weighed_by_lambda(made):
    z, y, p = made
    bce = functional.binary_cross_entropy_with_logits
    torch.testing.assert_close(losses(made, 0.1).mean(), 0.1 * bce(z, y) + 0.9 * bce(z, p))
    torch.testing.assert_close(losses(made, 1.0).mean(), bce(z, y))
    torch.testing.assert_close(losses(made, 0.0).mean(), bce(z, p))


def test_a_clip_without_a_teacher_has_the_whole_loss_against_its_labels(made):
    z, y, _ = made
    known = torch.tensor([True, False, True, False, False])
    found = losses(made, 0.1, known=known)
    alone = functional.binary_cross_entropy_with_logits(z, y, reduction="none").mean(dim=1)
    assert torch.equal(found[~known], alone[~known])
    assert not torch.isclose(found[known], alone[known]).any()


def test_the_gradient_is_that_of_the_divergence_between_bernoullis(made):
    z, _, p = made
    (found,) = torch.autograd.grad(losses(made, 0.0).sum(), z)
    q = z.sigmoid()
    divergence = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).mean(dim=1).sum()
    (expected,) = torch.autograd.grad(divergence, z)
    torch.testing.assert_close(found, expected)


def test_cross_entropy_takes_mixed_labels_and_the_teachers_distribution(made):
    z, y, p = made
    y, p = y / y.sum(1, keepdim=True), p.softmax(1)
    found = clip_losses(z, y, p, torch.ones(B, dtype=torch.bool), weight=0.3, kind="ce")
    log = z.log_softmax(1)
    torch.testing.assert_close(found, -(0.3 * y * log + 0.7 * p * log).sum(1))
