"""Published models and claims, re-stated for comparison only."""
