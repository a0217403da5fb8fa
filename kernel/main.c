/* SPDX-License-Identifier: MIT */
/* main.c - the program: all of it is in the library, but for the client of the control socket, which needs no kernel. */
#include <backplane/control.h>
#include <backplane/kernel.h>

int main(int argc, char **argv)
{
	return bp_program(argc, argv, control_client);
}
