"""What several pages share; every page folder may import it, and it imports none of them."""
