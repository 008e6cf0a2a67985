"""Commands on what carries over: how far two sets of data are apart."""

import argparse

from core.commands.document import Document


def distance(args: argparse.Namespace) -> Document:
    """Say how far a target is from a source, and where they differ."""
    from core.domain.comparing import compare
    from core.schemas import DataRef

    found = compare(DataRef.parse(args.source), DataRef.parse(args.target), args.backbone, args.run)
    return found.as_json()


def rank(args: argparse.Namespace) -> Document:
    """Score the backbones at hand on a dataset of images, and recommend one."""
    from core.schemas import DataRef
    from core.transferability.ranking import rank

    return rank(DataRef.parse(args.data)).as_json()
