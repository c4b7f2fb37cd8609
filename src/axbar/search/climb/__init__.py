"""The ladder of a search: the question, its rungs, who climbs, and what is done there."""
