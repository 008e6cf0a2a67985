"""Scores in sentences: the summary of a run, and what its scores do not say."""

from core.evaluation.scores import FoldScores, Scores, format_interval, format_score, format_spread


def describe_scores(scores: Scores, noun: str = "test images", folds: FoldScores | None = None) -> str:
    """The summary at the top of the Evaluate page."""
    accuracy = format_interval(scores.accuracy, *scores.ci["accuracy"])
    parts = [f"Right on {scores.correct} of {scores.n} {noun}: {accuracy}."]
    if folds is not None:
        spread = format_spread(folds.mean["accuracy"], folds.deviation["accuracy"])
        parts.append(f"Over {len(folds.folds)} folds {spread}.")
    worst = min((c for c in scores.per_class if c.support), key=lambda c: c.recall)
    if worst.recall < 1:
        recall, hits = format_score(worst.recall, scores), round(worst.recall * worst.support)
        parts.append(f"Worst class: {worst.name}, recall {recall} ({hits} of {worst.support}).")
    return " ".join([*parts, _describe_gap(scores)]).strip()


def _describe_gap(scores: Scores) -> str:
    """How far confidence is from accuracy, with its interval; empty where it is less than a point."""
    points = round(100 * abs(scores.confidence_gap))
    if not points:
        return ""
    low, high = scores.confidence_gap_ci
    way = "high" if scores.confidence_gap > 0 else "low"
    unit = "point" if points == 1 else "points"
    if low <= 0 <= high:
        return f"Confidence is {points} {unit} too {way} here, which may be chance."
    ends = sorted(round(100 * abs(end)) for end in (low, high))
    return f"Confidence is {points} {unit} too {way} ({ends[0]} to {ends[1]})."


def describe_single_prediction(scores: Scores) -> str | None:
    """A warning about a run that predicts one class for samples of several; `None` for any other."""
    predicted = [c for c in scores.per_class if c.predicted]
    if len(predicted) != 1 or scores.n - predicted[0].support == 0:
        return None
    only = predicted[0]
    return (
        f"It predicts “{only.name}” for every sample, so it has learnt nothing that tells the classes apart. It is"
        f" right on {only.support} of {scores.n} because so many are “{only.name}”, and finds none of the others."
    )


def describe_absent_classes(scores: Scores) -> str | None:
    """A warning about classes without test samples; `None` if there are none."""
    if not scores.absent:
        return None
    named = ", ".join(f"“{name}”" for name in scores.absent[:5]) + (" and others" if len(scores.absent) > 5 else "")
    lack = f"class {named} has" if len(scores.absent) == 1 else f"classes {named} have"
    return (
        f"The {lack} no test sample, so the recall there is unknown."
        " Add samples, or split the data again with a larger test part."
    )
