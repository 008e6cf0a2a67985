"""Deep alignment: features that are learnt from the labels and, at once, made alike in source and target."""

import math
from dataclasses import replace

import keras
import numpy as np
from keras import layers

from core.data.cleaning.steps.step import sample
from core.models.heads import softmax_layers, squashing_layers
from core.transfer.features.domain_losses import Alignment
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source
from core.transfer.instances.weights import check_domain_sizes, domain_auc

BOTTLENECK = 256  # features that are learnt on a frozen backbone, as in Long et al. 2015
MOST = 2_000  # samples of a domain by which it is told how far they are apart


def deep_alignment(problem: VectorProblem, _learn: Learn) -> VectorFitted:
    """A layer of new features and a softmax on top, fitted to the labels and to a loss between the domains.

    The method is one of `core.transfer.features.domain_losses`: Deep CORAL (Sun and Saenko 2016), MMD (Long et al.
    2015) or a domain-adversarial critic (Ganin et al. 2016). A batch holds about as many samples of the target as of
    the source;
    where the spec ignores the target's labels, its samples count for that loss alone, and the last epoch is kept:
    the best one for the source alone comes before the domains have met.
    """
    source, resolved = problem.source, problem.resolved
    assert source
    here, there = problem.x[problem.train], source.x[source.train]
    check_domain_sizes(there, here)
    both = join_source(problem)
    n = len(problem.x)
    rows = _balanced(problem.train, n + source.train)
    y = both.targets.copy()
    weights = np.ones(len(y)) if both.weights is None else both.weights.copy()
    for domain in (problem.train, n + source.train):
        weights[domain] *= len(domain) / max(len(problem.train), len(source.train))
    if resolved.target_labels == "ignored":
        y[problem.train], weights[problem.train] = 0.0, 0.0  # nor do they count among the classes
    network, whole, features = _networks(problem, math.ceil(len(rows) / resolved.batch_size) * resolved.epochs)
    domain = (np.arange(len(y)) < n).astype("float32")
    facts = fit_by_spec(
        network,
        np.concatenate([both.x, domain[:, None]], axis=1),
        replace(both, train=rows),
        "head and domains",
        weights,
        targets=y,
        keep="last" if resolved.target_labels == "ignored" else "best",
    )
    few = here[sample(len(here), MOST)], there[sample(len(there), MOST)]
    before = domain_auc(few[1], few[0], resolved.seed)
    ours, theirs = (features.predict(x, batch_size=256, verbose=0) for x in few)
    after = domain_auc(theirs, ours, resolved.seed)
    problem.recorder.note(
        f"A classifier tells source and target apart with an area under the curve of {before:.2f}, and of {after:.2f}"
        " by the features that were learnt."
    )
    return VectorFitted(
        probabilities=whole.predict(problem.x[problem.judged], batch_size=256, verbose=0),
        model=whole,
        facts={
            "validation_loss": facts["loss"],
            "validation_accuracy": facts["accuracy"],
            "domain_auc": before,
            "domain_auc_after": after,
            "source_samples": float(len(there)),
        },
    )


def _balanced(*domains: np.ndarray) -> np.ndarray:
    """The rows of all domains, those of the smaller ones repeated until each has as many."""
    most = max(map(len, domains))
    return np.concatenate([np.resize(rows, most) for rows in domains])


def _networks(problem: VectorProblem, steps: int) -> tuple[keras.Model, keras.Model, keras.Model]:
    """To fit, from vectors and domain; to predict, from vectors; and the features alone. They share their layers."""
    resolved, d = problem.resolved, problem.x.shape[1]
    initial = keras.initializers.GlorotUniform(resolved.seed)
    hidden = layers.Dense(BOTTLENECK, activation="relu", kernel_initializer=initial)
    features = keras.Sequential([keras.Input((d,)), *squashing_layers(d), hidden], name="features")
    weight_decay = resolved.l2 / len(problem.train)
    last = softmax_layers(len(problem.classes), resolved.dropout, weight_decay, resolved.seed)
    top = keras.Sequential([keras.Input((BOTTLENECK,)), *last], name="classifier")
    packed = keras.Input((d + 1,))
    aligned = Alignment(resolved.method or "", steps, resolved.seed)([features(packed[:, :-1]), packed[:, -1]])
    return (
        keras.Model(packed, top(aligned)),
        keras.Sequential([keras.Input((d,)), features, top], name="head"),
        features,
    )
