"""`make bench`: what Braid costs, measured beside its peers in one run."""
