"""Tests, and what they share."""

import os
import sys

# Keep compiled modules, with pytest's rewritten assertions: making them takes longer than most files' tests. Here, as
# nothing of the project is imported before.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
