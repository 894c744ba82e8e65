"""One self-contained HTML page of a run: its map, its elites at work, their ancestors, its curves."""
