"""Runs: all of them in one table that filters, sorts and pages; what each was made with; the bin."""

from collections.abc import Mapping
from typing import cast

import streamlit as st

from core.jobs import queue
from core.methods.combinations import COMBINATIONS
from core.methods.learners import LEARNERS
from core.methods.strategies import STRATEGIES
from core.schemas import ACTIVE, FINISHED
from core.store import datasets, run_search
from core.store.run_search import Order, Wanted
from core.ui import run_bringing, run_table, study
from core.ui.page import empty, guard, telling_errors

guard("runs")

PER_PAGE = 50
WIDTH = 172  # two beside each other on a phone
ORDERS: dict[Order, str] = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "best": "Best accuracy first",
    "name": "By name",
    "longest": "Longest first",
}


def choose(field: str, label: str, options: Mapping[str, str], none: str = "All") -> str | None:
    """A choice that stands in the address (`?dataset=ID`); `None` means what `none` says."""
    asked = st.query_params.get(field)
    st.session_state[f"runs-{field}"] = asked if asked in options else None

    def keep() -> None:
        chosen = st.session_state[f"runs-{field}"]
        if chosen is None:
            st.query_params.pop(field, None)
        else:
            st.query_params[field] = chosen

    return st.selectbox(
        label,
        list(options),
        index=None,
        format_func=lambda x: options[x],
        placeholder=none,
        key=f"runs-{field}",
        on_change=keep,
        width=WIDTH,
    )


def asked() -> tuple[Wanted, Order]:
    """The filters and the order, in a row; what they are set to stands in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = choose("dataset", "Dataset", names)
        state = choose("state", "State", {s: s.capitalize() for s in ("queued", *ACTIVE, *FINISHED)})
        titles = {name: known.title for name, known in (STRATEGIES | LEARNERS | COMBINATIONS).items()}
        tried = {name: titles.get(name, name) for name in run_search.strategies_tried()}
        strategy = choose("strategy", "Method", tried)
        words = st.text_input("Search", key="words", bind="query-params", placeholder="Name, tag, note", width=WIDTH)
        by = choose("order", "Order", {o: said for o, said in ORDERS.items() if o != "newest"}, ORDERS["newest"])
        starred = st.toggle("Starred", key="starred", bind="query-params")
    wanted = {
        "dataset": dataset,
        "state": state,
        "strategy": strategy,
        "words": words or "",
        "starred": starred,
    }
    return Wanted.model_validate(wanted), cast(Order, by or "newest")


st.title("Runs", anchor=False)
with telling_errors():
    queue.reconcile()
run_bringing.bring()
known = {d.id: d.name for d in datasets.list_datasets()}
names = {i: known.get(i, f"{i} (deleted)") for i in run_search.datasets_with_runs()}
in_bin = st.toggle("Show the bin", key="bin", bind="query-params") if run_search.is_bin_used() else False
if in_bin:
    run_table.show_bin(known | names)
    st.stop()
opened = st.query_params.get("study", "")
if opened:
    st.page_link("pages/runs.py", label="All runs", icon=":material/arrow_back:")
    study.show(opened)
else:
    study.listed()
if not names:
    empty("No run yet. Here you will see all of them.", "train", "Train", ":material/model_training:")
(wanted, by), first = (Wanted(study=opened), "newest") if opened else asked(), 0
_, n = run_search.find_runs(wanted, most=0)
if n > PER_PAGE:
    first = (st.pagination(-(-n // PER_PAGE), key="page", bind="query-params") - 1) * PER_PAGE
shown, _ = run_search.find_runs(wanted, by, first, PER_PAGE)
if not shown:
    st.caption("No run is like that.")
    st.stop()
chosen = run_table.choose_rows(shown, names)
if not chosen:
    st.caption("Choose a run on the left edge of its row to see more of it, two or more to compare them.")
    st.stop()
run_table.act(chosen)
if len(chosen) == 1:
    run_table.detail(chosen[0])
