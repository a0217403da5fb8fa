/* SPDX-License-Identifier: MIT */
/* main.c - the program: all of it is in the library, but for the client of the control socket, which needs no kernel, and the
 * handlers of crashes. */
#include <backplane/control.h>
#include <backplane/crash.h>
#include <backplane/kernel.h>

int main(int argc, char **argv)
{
	bp_program_set_reporter(&crash_reporter);
	return bp_program(argc, argv, control_client);
}
