"""Which designs to look at next, given what came of those before."""

from axbar.search.propose.proposals import Found, Proposer, Sampler, find, proposer

__all__ = ["Found", "Proposer", "Sampler", "find", "proposer"]
