/* SPDX-License-Identifier: MIT */
/* main.c - the program backplane. Its code is in the library, so that program and plugins share one kernel; only the client of the control
 * socket is not, which needs no kernel.
 */
#include <backplane/control.h>
#include <backplane/kernel.h>

int main(int argc, char **argv)
{
	return bp_program(argc, argv, control_client);
}
