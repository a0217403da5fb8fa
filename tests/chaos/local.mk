# SPDX-License-Identifier: MIT
# `make chaos SECONDS=3600 SEED=7 [MIX=leave] [GO_ON=yes]` in build/asan; a minute of it is part of check-scenarios. See chaos.py.

EXTRA_DIST += tests/chaos/chaos.py tests/chaos/clients.py tests/chaos/host.py tests/chaos/mixes.py \
	tests/chaos/terminals.py tests/chaos/traffic.py tests/chaos/words.py tests/chaos/world.py

chaos: all $(TEST_PLUGINS)
	@PYTHONDONTWRITEBYTECODE=1 BUILD='$(abs_top_builddir)' SEED='$(SEED)' SECONDS='$(SECONDS)' MIX='$(MIX)' GO_ON='$(GO_ON)' \
		$(srcdir)/tests/chaos/chaos.py
.PHONY: chaos
