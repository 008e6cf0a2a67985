"""A table of the classes in which they are renamed, merged by equal names, or left out."""

import pandas as pd
import streamlit as st

from core.data.cleaning.steps.samples import LEAVE_OUT_CLASSES, RENAME_CLASSES
from core.schemas import DatasetRecord, Step, VersionRecord
from core.ui.data import version_making
from core.ui.shell.text import plural


def edit_classes(dataset: DatasetRecord, version: VersionRecord) -> None:
    """A fold with the table, and the button that makes a version of the changes."""
    box = st.expander(
        "Rename, merge or leave out classes", key=f"classes-{version.id}", on_change="rerun", icon=":material/edit:"
    )
    if not box.open:
        return
    with box:
        st.caption("Classes with the same new name become one. The imported data stay as they are.")
        counts = pd.DataFrame(version.counts).sum(axis=1).reindex(list(version.classes)).astype("int64")
        edited = st.data_editor(
            pd.DataFrame(
                {
                    "Class": list(version.classes),
                    "Samples": counts.to_numpy(),
                    "New name": list(version.classes),
                    "Leave out": False,
                }
            ),
            hide_index=True,
            disabled=["Class", "Samples"],
            key=f"class-table-{version.id}",
            column_config={"New name": st.column_config.TextColumn(required=True, max_chars=200)},
        )
        steps = make_steps(edited)
        if st.button(
            "Make this version", type="primary", icon=":material/check:", key="classes-make", disabled=not steps
        ):
            gone = int(edited["Leave out"].sum())
            renamed = len(edited) - gone - int((~edited["Leave out"] & (edited["Class"] == edited["New name"])).sum())
            changes = [plural(renamed, "class", "classes") + " renamed"] if renamed else []
            changes += [plural(gone, "class", "classes") + " left out"] if gone else []
            version_making.add_steps(version, steps, ", ".join(changes))


def make_steps(edited: pd.DataFrame) -> list[Step]:
    """The recipe steps of a table with the columns Class, New name and Leave out."""
    gone = edited.loc[edited["Leave out"], "Class"].tolist()
    stay = edited[~edited["Leave out"]]
    new = stay["New name"].fillna("").str.strip()
    changed = (new != stay["Class"]) & (new != "")
    steps = [Step(kind=LEAVE_OUT_CLASSES, params={"classes": gone})] if gone else []
    if changed.any():
        names = dict(zip(stay.loc[changed, "Class"], new[changed], strict=True))
        steps.append(Step(kind=RENAME_CLASSES, params={"names": names}))
    return steps
