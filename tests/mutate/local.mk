# SPDX-License-Identifier: MIT
# `make mutate [ONLY='link-* hop-limit']`: every safety mechanism is taken away once, and a test must fail. By hand; see mutate.py.

EXTRA_DIST += tests/mutate/mutate.py tests/mutate/mutations.py

mutate: all
	@BUILD='$(abs_top_builddir)' SRC='$(abs_top_srcdir)' PYTHONDONTWRITEBYTECODE=1 $(srcdir)/tests/mutate/mutate.py $(ONLY)
.PHONY: mutate
