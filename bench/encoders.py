"""Encoder scoring against the public way on the same parts: training steps and evaluated clips.

The public way, from its specification: the encoder runs in the loop, in training mode, on clips decoded in
the main process, four at a time; the language model is transformers' with peft's adapter and computes logits
of every position; evaluation encodes again and calls `generate`. Ours: features are files, logits are
computed where a target is predicted, the adapter's maps are one operation each, and part of the weights when
answers are written. Parts have the sizes of whisper-base (half of its frames kept, as upstream's example
does) and SmolLM2-135M with LoRA and one linear layer, weights are random; clips last five seconds. Both sides
take the same steps in one process, in turns; their losses must agree. The fastest of each counts, in CPU
seconds on a CPU. Answers have four tokens, as labels have.

    python bench/encoders.py [--device cuda] [--quick]

The last line is JSON. `train_ratio` counts the features as made for this training, where each clip is seen
`VISITS` times; `shared_ratio` as made already, by another training or for another text of the clip.
`captions_ratio` is of learning `CAPTIONS` texts of each clip: in the public way as many steps, in ours one
with `texts_together`, features made already; the mean of the public losses must be ours.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import library  # noqa: F401  (where earmark lies)
import numpy as np
import soundfile
import torch
import typer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from earmark.config.compose import Lora
from earmark.core.allocator import keep_freed_memory
from earmark.models import towers
from earmark.models.adapter import with_adapter
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.models.fused_adapter import fuse
from earmark.models.projector import Projector, Shape
from earmark.models.towers.asked import Tower
from earmark.systems.encoders.generate import PENALTY, Ask, write
from earmark.systems.encoders.learner import Learner, Share, first_half
from earmark.systems.encoders.sequences import Layout, upstream
from earmark.systems.encoders.speaker import Speaker

SECONDS, BATCH, ANSWER, VISITS = 5, 4, 4, 15
"""Of a clip, clips in a step, tokens of an answer, times a clip is seen: 300 steps of 80 clips."""
CAPTIONS, CAPTION = 5, 13
"""Of a clip, as in Clotho, and tokens of each."""
LABELS = ("dog bark", "rain", "rooster", "crying baby")
PROMPT = "Classify the environmental sound."


def parts(folder: Path, quick: bool) -> tuple[Checkpoint, Checkpoint]:
    """Write both parts with random weights; smaller ones for a smoke run."""
    torch.manual_seed(0)
    width, depth = (64, 2) if quick else (512, 6)
    whisper = WhisperConfig(
        d_model=width, encoder_layers=depth, encoder_attention_heads=8, encoder_ffn_dim=4 * width,
        decoder_layers=1, decoder_attention_heads=8, decoder_ffn_dim=width, vocab_size=60, pad_token_id=1,
        bos_token_id=1, eos_token_id=1, decoder_start_token_id=1,
    )  # fmt: skip
    WhisperForConditionalGeneration(whisper).save_pretrained(folder / "encoder")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<end>"]
    )
    tokenizer.train_from_iterator([*LABELS, PROMPT] * 5, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>").save_pretrained(folder / "decoder")
    width, depth = (96, 2) if quick else (576, 30)
    llama = LlamaConfig(
        vocab_size=49152, hidden_size=width, intermediate_size=width * 8 // 3, num_hidden_layers=depth,
        num_attention_heads=9 if not quick else 3, num_key_value_heads=3, tie_word_embeddings=True,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(llama).save_pretrained(folder / "decoder")
    made = [
        Checkpoint(folder / name, describe_folder(folder / name, {}, folder))
        for name in ("encoder", "decoder")
    ]
    return made[0], made[1]


@dataclass
class Sides:
    """Both ways on the same parts and clips."""

    tower: nn.Module
    public: Any
    """transformers' language model, with peft's adapter in it."""
    learning: Speaker
    """The same with our adapter."""
    speaker: Speaker
    """The same with its adapter in the weights: it adds nothing yet."""
    projector: Projector
    optimisers: tuple[torch.optim.Optimizer, torch.optim.Optimizer]
    files: list[Path]
    features: list[Tensor]
    labels: list[list[int]]
    """Of each clip, as ids."""
    captions: list[list[list[int]]]
    """The first of each clip, the second of each, and so on."""

    def encoded(self) -> tuple[Tensor, Tensor]:
        """Decode the clips and encode them, as the public way does in every step."""
        waves = [torch.from_numpy(soundfile.read(path, dtype="float32")[0]) for path in self.files]
        audio = torch.stack(waves).to(self.speaker.language.device)
        with torch.no_grad():
            features, _ = self.tower(audio, torch.ones_like(audio, dtype=torch.int32))
        return first_half(features.to(audio.device), [len(wave) for wave in waves])

    def public_step(self) -> float:
        """Return the loss of a step in the public way: logits of every position."""
        return self._public_step(self.labels)

    def our_step(self) -> float:
        """Return the loss of a step in ours."""
        return self._our_step(self.labels)

    def public_captions(self) -> float:
        """Return the mean loss of the public way's steps on all captions."""
        return sum(map(self._public_step, self.captions)) / CAPTIONS

    def our_captions(self) -> float:
        """Return the loss of our step on all captions."""
        return self._our_step(sum(self.captions, []), list(range(BATCH)) * CAPTIONS)

    def _public_step(self, targets: list[list[int]]) -> float:
        layout = self._layout(targets)
        made = self.public(
            inputs_embeds=self._embedded(layout),
            attention_mask=layout.mask,
            position_ids=layout.positions,
            labels=layout.labels,
            use_cache=False,
        )
        return step(self.optimisers[0], made.loss)

    def _our_step(self, targets: list[list[int]], about: list[int] | None = None) -> float:
        prompts = [self.speaker.ids(PROMPT)] * len(targets)
        loss = Learner(self.learning, self.projector).loss(Share(self.features, prompts, targets, 1, about))
        return step(self.optimisers[1], loss.total / loss.items)

    @torch.no_grad()
    def public_answers(self) -> None:
        """Encode and answer a batch in the public way."""
        layout = self._layout([[]] * BATCH)
        self.public.generate(
            inputs_embeds=self._embedded(layout),
            attention_mask=layout.mask,
            max_new_tokens=ANSWER,
            min_new_tokens=ANSWER,
            do_sample=False,
            repetition_penalty=PENALTY,
            pad_token_id=0,
        )

    @torch.no_grad()
    def our_answers(self) -> None:
        """Answer a batch from stored features."""
        prompt = self.speaker.ids(PROMPT)
        write(self.speaker, [Ask(self.projector(each), prompt) for each in self.features], ANSWER)

    def _layout(self, targets: Sequence[Sequence[int]]) -> Layout:
        features, mask = self.encoded()
        tokens = self.projector(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        return upstream(tokens, mask, [self.speaker.ids(PROMPT)] * BATCH, targets)

    def _embedded(self, layout: Layout) -> Tensor:
        return layout.embeddings(self.public.get_input_embeddings(), torch.float32)


def step(optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    """Take an optimiser step at a rate of 0: both sides meet the same weights."""
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach())


def sides(folder: Path, device: str, quick: bool) -> Sides:
    """Make the parts, the clips and their features."""
    encoder, decoder = parts(folder, quick)
    tower = towers.load(Tower(kind="whisper"), encoder, device)
    public = LlamaForCausalLM.from_pretrained(decoder.folder, dtype=torch.float32, trust_remote_code=False)
    public.to(device)
    learning, lora = Speaker(decoder, device), Lora(rank=8, alpha=32)
    theirs, ours = with_adapter(public.model, lora), with_adapter(learning.model, lora)
    public.model, learning.language.model = theirs.get_base_model(), ours.get_base_model()
    public.requires_grad_(False)
    for name, weight in public.named_parameters():
        weight.requires_grad_("lora_" in name)
    fuse(ours)
    projector = Projector(Shape(stack=1), int(tower.output_dim), learning.width).to(device)  # type: ignore[arg-type]
    optimisers = [
        torch.optim.AdamW(
            [w for w in (*adapted.parameters(), *projector.parameters()) if w.requires_grad],
            lr=0.0,
            weight_decay=0.0,
        )
        for adapted in (theirs, ours)
    ]
    drawn, files = np.random.default_rng(0), []
    for number in range(BATCH):
        files.append(folder / f"{number}.flac")
        soundfile.write(files[-1], drawn.standard_normal(SECONDS * 16_000) * 0.1, 16_000)
    speaker = Speaker(decoder, device)
    labels = [speaker.target(text) for text in LABELS]
    captions = drawn.integers(1, 400, (CAPTIONS, BATCH, CAPTION)).tolist()
    both = optimisers[0], optimisers[1]
    made = Sides(tower, public, learning, speaker, projector, both, files, [], labels, captions)
    made.features = list(made.encoded()[0])
    return made


def timed(run: Callable[[], object], device: str) -> float:
    """Return the seconds of one run: of this process on a CPU, of the clock on a GPU."""
    clock = time.perf_counter if device.startswith("cuda") else time.process_time
    started = clock()
    run()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return clock() - started


def main(device: str = "cpu", quick: bool = False, repeats: int = 3) -> None:
    """Time both sides of training and evaluation."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as every job does
    with tempfile.TemporaryDirectory() as folder:
        made = sides(Path(folder), device, quick)
        runs: dict[str, Callable[[], object]] = {
            "public step": made.public_step, "our step": made.our_step, "encoding": made.encoded,
            "public captions": made.public_captions, "our captions": made.our_captions,
            "public answers": made.public_answers, "our answers": made.our_answers,
        }  # fmt: skip
        for losses in (
            (made.public_step(), made.our_step()),
            (made.public_captions(), made.our_captions()),
        ):
            assert abs(losses[0] - losses[1]) < 1e-3, losses
            print(f"{device}; loss {losses[0]:.4f} both ways")
        best = dict.fromkeys(runs, float("inf"))
        for _ in range(1 if quick else repeats):
            for name, run in runs.items():
                best[name] = min(best[name], timed(run, device))
    for name, seconds in best.items():
        print(f"{name:16} {seconds:8.3f} s for {BATCH} clips")
    once = best["our step"] + best["encoding"] / VISITS
    metrics = {
        "train_ratio": round(best["public step"] / once, 3),
        "shared_ratio": round(best["public step"] / best["our step"], 3),
        "captions_ratio": round(best["public captions"] / best["our captions"], 3),
        "eval_ratio": round(best["public answers"] / best["our answers"], 3),
    }
    print(json.dumps({"bench": "encoders", "quick": quick, "device": device, "metrics": metrics}))


if __name__ == "__main__":
    typer.run(main)
