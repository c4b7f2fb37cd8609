"""The parts that cost something: one file per component, equations first, every constant with its source."""
