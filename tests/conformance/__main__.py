"""`python -m tests.conformance > docs/conformance.md`."""

import sys

from tests.conformance.page import markdown

sys.stdout.write(markdown())
