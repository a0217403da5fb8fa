/* SPDX-License-Identifier: MIT */
/* main.c - the program: all of it is in the library, but for the client of the control socket, which needs no kernel. */
#include <backplane/control.h>
#include <backplane/kernel.h>

static char *command;

static int run_client(const char *path, const char *unused)
{
	return control_client(path, command);
}

int main(int argc, char **argv)
{
	command = control_take_command(&argc, argv);
	return bp_program(argc, argv, run_client);
}
