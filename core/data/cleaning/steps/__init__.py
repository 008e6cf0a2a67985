"""The cleaning steps, a module a topic; `registry` lists them all."""
