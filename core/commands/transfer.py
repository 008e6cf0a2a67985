"""Commands on transfer: the distance between two domains, and ranking of backbones or sources."""

import argparse

from core.commands.document import Document


def distance(args: argparse.Namespace) -> Document:
    """Say how far a target is from a source, and where they differ."""
    from core.advice.domain.comparing import compare_domains
    from core.schemas import DataRef

    found = compare_domains(DataRef.parse(args.source), DataRef.parse(args.target), args.backbone, args.run)
    return found.as_json()


def rank(args: argparse.Namespace) -> Document:
    """Recommend one of the backbones at hand for a dataset of images, or another dataset to learn from as well."""
    from core.advice.domain.candidates import rank_candidates
    from core.advice.transferability.backbone_ranking import rank_backbones
    from core.schemas import DataRef

    return (rank_candidates if args.sources else rank_backbones)(DataRef.parse(args.data)).as_json()
