"""Greedy text equals transformers' own; sampling depends on seed and clip alone; states are those of a rerun."""

from __future__ import annotations

import pytest
import torch
from transformers import Qwen2AudioForConditionalGeneration

from earmark.models.qwen2_audio import Decoder
from earmark.systems.embeddings.generate import Ask, Generation

PROMPT = "<|audio_bos|><|AUDIO|><|audio_eos|>Describe the music:"


@pytest.fixture(scope="module")
def decoder(qwen2_audio):
    return Decoder(qwen2_audio, "cpu", "float32", "sdpa")


def asks(decoder, lengths=(5, 12, 8)):
    torch.manual_seed(0)
    return [Ask(f"clip{n}", decoder.raw_ids(PROMPT, n), torch.randn(n, 32)) for n in lengths]


def generation(decoder, temperature=0.0, seed=0, top_p=1.0, keep_states=False, tokens=8):
    return Generation(decoder, tokens, temperature, top_p, seed, keep_states)


def test_greedy_text_equals_transformers_generate(qwen2_audio, decoder):
    stock = Qwen2AudioForConditionalGeneration.from_pretrained(qwen2_audio.folder).eval()
    for ask, ours in zip(asks(decoder), generation(decoder).write(asks(decoder))):
        ids = torch.tensor([ask.ids])
        with torch.no_grad():
            out = stock.generate(
                inputs_embeds=decoder.embed(ids, [ask.states]),
                attention_mask=torch.ones_like(ids),
                max_new_tokens=8,
                do_sample=False,
            )
        assert ours.text == decoder.tokenizer.decode(out[0], skip_special_tokens=True).strip()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_text_does_not_depend_on_its_batch(decoder, temperature):
    writer = generation(decoder, temperature)
    together = writer.write(asks(decoder))
    assert [t.text for t in together] == [writer.write([ask])[0].text for ask in asks(decoder)]


def test_sampling_follows_the_seed_and_a_narrow_top_p_is_greedy(decoder):
    def texts(**more):
        return [t.text for t in generation(decoder, **more).write(asks(decoder))]

    assert texts(temperature=1.0) == texts(temperature=1.0)
    assert texts(temperature=1.0) != texts(temperature=1.0, seed=1)
    assert texts(temperature=1.0, top_p=1e-6) == texts()


def test_states_of_every_token_equal_those_of_one_pass_over_the_text(decoder):
    ask = asks(decoder)[0]
    (written,) = generation(decoder, keep_states=True, tokens=4).write([ask])
    assert written.states.shape[1:] == (4, 32)
    ids = torch.tensor([ask.ids])
    embeddings = decoder.embed(ids, [ask.states])
    for number in range(len(written.states)):
        length = embeddings.shape[1]
        hidden = decoder.hidden(
            embeddings, torch.ones(1, length, dtype=torch.long), torch.arange(length)[None], range(4)
        )
        last = torch.stack([hidden[i][0, -1] for i in range(4)])
        assert torch.allclose(written.states[number], last, atol=1e-5)
        token = decoder.head(last[-1]).argmax()
        embeddings = torch.cat([embeddings, decoder.model.embed_tokens(token[None, None])], dim=1)
