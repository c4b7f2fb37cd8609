"""The way up: what each rung looks at, who climbs, and what is done there."""
