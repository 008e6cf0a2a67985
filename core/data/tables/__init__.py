"""Tables: their schema, how they are stored, and how rows and columns of two tables match."""
