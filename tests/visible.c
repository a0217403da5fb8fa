/* SPDX-License-Identifier: MIT */
/* visible.c - tests/libbackplane.so.0 needs a source of its own to be linked; this says which kind it is. */

extern const char backplane_for_tests[];
const char backplane_for_tests[] = "every name of the kernel is visible in this library";
