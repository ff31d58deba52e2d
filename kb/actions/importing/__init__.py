"""`import_articles`, in parts: `run` says in which order; the rest is one job a module."""
