# SPDX-License-Identifier: MIT
# `make bench` builds and runs every bench, `make bench BENCH=tests/bench/NAME` one. A bench is measured with the real
# libbackplane, so besides its line in BENCHES it has two more:
#
#	tests_bench_NAME_LDFLAGS = $(BENCH_LDFLAGS)
#	tests_bench_NAME_LDADD = $(BENCH_LIBS)

BENCHES =
EXTRA_PROGRAMS += $(BENCHES)
BENCH_LDFLAGS = -Wl,-rpath,$(abs_top_builddir)
BENCH_LIBS = libbackplane.so.0 $(KERNEL_LIBS)

BENCH = $(BENCHES)
bench: all $(BENCHES)
	@for bench in $(BENCH); do BUILD='$(abs_top_builddir)' SRC='$(abs_top_srcdir)' ./$$bench || exit 1; done
.PHONY: bench
