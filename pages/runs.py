"""Runs: all of them in one table with filters, the details of each, searches, and the bin."""

from collections.abc import Mapping
from typing import cast

import streamlit as st

from core.jobs import queue
from core.methods.combinations import COMBINATIONS
from core.methods.learners import LEARNERS
from core.methods.strategies import STRATEGIES
from core.schemas import ACTIVE, FINISHED
from core.store import datasets, run_search
from core.store.run_search import Order, RunQuery
from core.ui.runs import study
from core.ui.runs.actions import show_actions, show_run_import
from core.ui.runs.details import show_bin, show_details
from core.ui.runs.table import choose_rows
from core.ui.shell.page import guard, show_empty_page, show_errors

guard("runs")

NEWEST: Order = "newest"
PER_PAGE = 50
WIDTH = 172  # two beside each other on a phone
ORDERS: dict[Order, str] = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "best": "Best accuracy first",
    "name": "By name",
    "longest": "Longest first",
}


def choose_filter(field: str, label: str, options: Mapping[str, str], none: str = "All") -> str | None:
    """A choice that is kept in the address (`?dataset=ID`); `none` is what no choice is called."""
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


def choose_filters() -> tuple[RunQuery, Order]:
    """The filters and the order, in a row; the address keeps them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = choose_filter("dataset", "Dataset", names)
        state = choose_filter("state", "State", {s: s.capitalize() for s in ("queued", *ACTIVE, *FINISHED)})
        titles = {name: known.title for name, known in (STRATEGIES | LEARNERS | COMBINATIONS).items()}
        tried = {name: titles.get(name, name) for name in run_search.strategies_tried()}
        strategy = choose_filter("strategy", "Method", tried)
        query = st.text_input("Search", key="words", bind="query-params", placeholder="Name, tag, note", width=WIDTH)
        by = choose_filter("order", "Order", {o: label for o, label in ORDERS.items() if o != NEWEST}, ORDERS[NEWEST])
        starred = st.toggle("Starred", key="starred", bind="query-params")
    wanted = {"dataset": dataset, "state": state, "strategy": strategy, "words": query or "", "starred": starred}
    return RunQuery.model_validate(wanted), cast(Order, by or NEWEST)


st.title("Runs", anchor=False)
with show_errors():
    queue.reconcile_runs()
show_run_import()
known = {d.id: d.name for d in datasets.list_datasets()}
names = {i: known.get(i, f"{i} (deleted)") for i in run_search.datasets_with_runs()}
in_bin = st.toggle("Show the bin", key="bin", bind="query-params") if run_search.is_bin_used() else False
if in_bin:
    show_bin(known | names)
    st.stop()
opened = st.query_params.get("study", "")
if opened:
    st.page_link("pages/runs.py", label="All runs", icon=":material/arrow_back:")
    study.show_search(opened)
else:
    study.list_searches()
if not names:
    show_empty_page("No run yet. Here you will see all of them.", "train", "Train", ":material/model_training:")
wanted, by = choose_filters() if not opened else (RunQuery(study=opened), NEWEST)
first = 0
n = run_search.find_runs(wanted, most=0)[1]
if n > PER_PAGE:
    first = (st.pagination(-(-n // PER_PAGE), key="page", bind="query-params") - 1) * PER_PAGE
shown = run_search.find_runs(wanted, by, first, PER_PAGE)[0]
if not shown:
    st.caption("No run matches.")
    st.stop()
chosen = choose_rows(shown, names)
if not chosen:
    st.caption("Choose a run on the left edge of its row to see more of it, two or more to compare them.")
    st.stop()
show_actions(chosen)
if len(chosen) == 1:
    show_details(chosen[0])
