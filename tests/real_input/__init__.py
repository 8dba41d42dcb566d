"""Real data through a running Carelog, and what comes out compared with what went in."""
