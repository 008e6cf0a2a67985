"""Pure figure builders: data in, a Plotly figure (or a Vega-Lite specification) out; nothing here knows a page."""
