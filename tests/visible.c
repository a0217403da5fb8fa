/* SPDX-License-Identifier: MIT */
/* visible.c - the one source of the libraries for tests; the rest of them are the libraries' own objects. */
typedef int NotEmpty;
