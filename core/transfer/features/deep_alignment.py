"""Deep alignment: features trained on the labels and, at the same time, aligned between source and target."""

import math
from dataclasses import replace

import keras
import numpy as np
from keras import layers

from core.data.cleaning.steps.step import sample_positions
from core.models.heads import softmax_layers, squashing_layers
from core.transfer.features.domain_losses import Alignment
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source
from core.transfer.fitting.weighing import penalty_weight
from core.transfer.instances.weights import check_domain_sizes, domain_auc

BOTTLENECK = 256  # features learnt on a frozen backbone, as in Long et al. 2015
MOST = 2_000  # samples of a domain with which the domain AUC is measured


def deep_alignment(problem: VectorProblem, _learn: Learn) -> VectorFitted:
    """Train a layer of new features and a softmax on the labels and on a loss between the domains.

    The method is one of `core.transfer.features.domain_losses`: Deep CORAL (Sun and Saenko 2016), MMD (Long et al.
    2015) or a domain-adversarial critic (Ganin et al. 2016). A batch has about as many samples of the target as of
    the source. If the spec ignores the target's labels, its samples count only for the domain loss, and the last
    epoch is kept: the best one for the source alone comes before the domains are aligned.
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
        y[problem.train], weights[problem.train] = 0.0, 0.0  # nor in the class weights
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
    few = here[sample_positions(len(here), MOST)], there[sample_positions(len(there), MOST)]
    before = domain_auc(few[1], few[0], resolved.seed)
    ours, theirs = (features.predict(x, batch_size=256, verbose=0) for x in few)
    after = domain_auc(theirs, ours, resolved.seed)
    problem.recorder.note(
        f"A classifier separates source and target with an AUC of {before:.2f} on the embeddings, and of"
        f" {after:.2f} on the learnt features."
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
    """The rows of all domains, those of smaller domains repeated until all have the same number."""
    most = max(map(len, domains))
    return np.concatenate([np.resize(rows, most) for rows in domains])


def _networks(problem: VectorProblem, steps: int) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Models for training (vectors and domain), for prediction (vectors) and of the features, with shared layers."""
    resolved, d = problem.resolved, problem.x.shape[1]
    initial = keras.initializers.GlorotUniform(resolved.seed)
    hidden = layers.Dense(BOTTLENECK, activation="relu", kernel_initializer=initial)
    features = keras.Sequential([keras.Input((d,)), *squashing_layers(d), hidden], name="features")
    weight_decay = penalty_weight(problem, len(problem.train))
    last = softmax_layers(len(problem.classes), resolved.dropout, weight_decay, resolved.seed)
    top = keras.Sequential([keras.Input((BOTTLENECK,)), *last], name="classifier")
    packed = keras.Input((d + 1,))
    alignment = Alignment(resolved.method or "", steps, resolved.seed, resolved.alignment_weight)
    aligned = alignment([features(packed[:, :-1]), packed[:, -1]])
    return (
        keras.Model(packed, top(aligned)),
        keras.Sequential([keras.Input((d,)), features, top], name="head"),
        features,
    )
