"""Commands on what carries over: how far two sets of data are apart."""

import argparse

from core.commands.document import Document


def distance(args: argparse.Namespace) -> Document:
    """Say how far a target is from a source, and where they differ."""
    from core.domain.comparing import compare
    from core.schemas import DataRef

    found = compare(DataRef.parse(args.source), DataRef.parse(args.target), args.backbone)
    return found.as_json()
