"""What the rules of embeddings share; no rules."""


def embedding_code(script, model):
    """Digest what embedding or captioning runs: the script and the model family."""
    return code_digest(script, f"earmark/models/families/{SETTINGS.model(model).kind}.py")


def caption_split():
    """Return the split whose clips are described."""
    return SETTINGS.config.caption.split


def generation_states(path):
    """Return the extra output of a caption job, if config asks for the states of what it generates."""
    return {"generated": path} if SETTINGS.config.caption.generation_states else {}
