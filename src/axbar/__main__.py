"""``python -m axbar`` is ``axbar``."""

from axbar.cli import main

main()
