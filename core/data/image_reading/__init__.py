"""Which images an archive holds, what class, part and group they have, and how their pixels are rendered."""
