"""What the rules of separation are given: names, shards, manifests and tables behind a target."""

from earmark.systems.separation import job_settings, request as separation

SEPARATORS = r"[a-z][a-z0-9-]*"


def mistaken(function, *arguments):
    """Return what a function of the request returns; a mistake ends in one line."""
    try:
        return function(SETTINGS, *arguments)
    except UserError as error:
        sys.exit(f"error: {error}")


def labelled(task, suffix, *splits):
    """Return the shards of some splits of a task."""
    of = SETTINGS.task(task).data.shards
    return [
        f"data/{task}/shards/{split}-{number:05d}-of-{of.of(split):05d}.{suffix}"
        for split in splits
        for number in range(of.of(split))
    ]


def trained_on(wildcards):
    """Return the task that a separator is trained on, if it is."""
    return mistaken(job_settings.trained_on, wildcards.separator)


def separator_shards(wildcards, suffix):
    """Return the shards that a separator is trained on; none of an imported one."""
    task = trained_on(wildcards)
    return labelled(task, suffix, "train") if task else []


def separator_texts(wildcards):
    """Return the table of a training's labels; none for an imported separator."""
    task = trained_on(wildcards)
    return f"separators/{wildcards.separator}/texts/{task}.safetensors" if task else []


def shards_of_texts(wildcards):
    """Return the indexes whose labels a table holds; none of a benchmark's, whose own table lists them."""
    found = mistaken(job_settings.texts_job, wildcards.separator, wildcards.named).mixtures
    return [] if found else labelled(wildcards.named, "parquet", "train", "test")


def text_wheels(name):
    """Return the wheels that a separator's text encoder lies in."""
    return wheel_files(mistaken(separation.text_wheel, name))


def partitioned(suffix):
    """Return a function of the shards of the task that domains are found in."""
    return lambda wildcards: labelled(separation.own(SETTINGS).task, suffix, "train")


def manifests(wildcards=None):
    """Return the manifest of every domain."""
    return [f"separators/{{separator}}/domains/{name}.parquet" for name in separation.domains(SETTINGS)]


def adapters_behind(wildcards, suffix):
    """Return the adapters that a model is made of: none for the base, all for the merge."""
    every = separation.domains(SETTINGS)
    names = {separation.BASE: [], separation.SOFT: every}.get(wildcards.scored, [wildcards.scored])
    return [f"separators/{wildcards.separator}/adapters/{name}.{suffix}" for name in names]


def partition_behind(wildcards):
    """Return the partition, where there are domains."""
    name = wildcards.get("separator") or mistaken(separation.chosen)
    return f"separators/{name}/partition.json" if separation.domains(SETTINGS) else []


def tables_behind(wildcards):
    """Return the tables that queries and classes are looked up in."""
    of = wildcards.get("separator") or mistaken(separation.chosen)
    names = mistaken(separation.text_tables, wildcards.mixtures)
    return [f"separators/{of}/texts/{name}.safetensors" for name in names]


def set_shards(wildcards, suffix):
    """Return the test shards that a set is drawn from; none of a rendered benchmark, whose files are checked."""
    found = mistaken(separation.mixtures, wildcards.mixtures)
    if found.layout == "drawn":
        return labelled(found.task, suffix, "test")
    whole(wildcards.mixtures)
    return []


@cache
def whole(mixtures):
    """Check, once, that a rendered benchmark has all its files, before anything runs."""
    mistaken(separation.check_files, mixtures)


def files_state(*found):
    """Return the state of local files that are no inputs, for a folder of them may be missing or have thousands."""
    return state_of(tuple(place for each in found for place in each.values() if place))


@cache
def state_of(places):
    """Return the state of files and folders, looked into once for all jobs."""
    return sources.state({"places": list(places)})


def text_state(name):
    """Return the state of the files that a separator's text encoder lies in."""
    return files_state(mistaken(job_settings.text_files, name))


def set_state(wildcards):
    """Return the state of a rendered benchmark, and of the encoder that estimates are listened to with."""
    return files_state(
        mistaken(job_settings.set_files, wildcards.mixtures),
        mistaken(job_settings.text_files, wildcards.separator),
    )


def texts_state(wildcards):
    """Return the state of a text encoder's files and, for a benchmark's queries, of its table."""
    named = wildcards.named
    table = {}
    if named.startswith(separation.OF_SET):
        table = {"table": mistaken(job_settings.set_files, named.removeprefix(separation.OF_SET))["table"]}
    return files_state(mistaken(job_settings.text_files, wildcards.separator), table)


def scores_behind(wildcards):
    """Return the scores of every model that a router's result is made of."""
    return [
        separation.scores(SETTINGS, wildcards.mixtures, model)
        for model in separation.models(SETTINGS, wildcards.router)
    ]


def option(name, path):
    """Return an option, or nothing where there is no path."""
    return repeated(name, [path] if path else [])
