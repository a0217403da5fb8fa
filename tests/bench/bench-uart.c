/* SPDX-License-Identifier: MIT */
/* bench-uart.c - bench uart: a serial port on TCP against ser2net, each with a pseudo-terminal of its own that says
 * again what it hears; the device's own time does not count. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>

#define DEVICE "FOLDER/tty-PORT"

static void add_device(Side *side)
{
	static const char *const words[] = { "BUILD/tests/bench/bare-echo", "pty", DEVICE, NULL };
	g_autofree char *path = g_strdup_printf("%s/tty-%u", process_folder(), side->port);

	side_run_aside(side, words);
	wait_for_file(path);
}

static Side *ser2net(void)
{
	static const char *const words[] = { "ser2net", "-n", "-u", "-c", "FOLDER/ser2net.yaml", NULL };
	Side *side = side_new("ser2net", "tcp");
	g_autofree char *file = g_build_filename(process_folder(), "ser2net.yaml", NULL);
	g_autofree char *text = g_strdup_printf("connection: &c1\n"
						"  accepter: tcp,localhost,%u\n"
						"  connector: serialdev,%s/tty-%u,115200n81,local\n"
						"  options:\n"
						"    kickolduser: true\n",
						side->port, process_folder(), side->port);

	g_file_set_contents(file, text, -1, NULL);
	add_device(side);
	side_run(side, words);
	return side;
}

static Side *server(void)
{
	static const char *const commands[] = { "uart open " DEVICE " line",
						"module open UARTServer bench uart=line "
						"port=PORT mode=raw writers=many show_replay=no max_connections=0",
						NULL };
	Side *side = side_new("UARTServer", "tcp");

	add_device(side);
	side_run_backplane(side, commands);
	return side;
}

void bench_uart(void)
{
	static const Case cases[] = { { 1, 1 }, { 1, 16 }, { 1, 48 } };
	g_autoptr(GPtrArray) sides = sides_new();
	g_autofree char *framing = process_path("tests/bench/uart-framing");

	if (is_installed("ser2net", "ser2net")) {
		g_ptr_array_add(sides, ser2net());
		g_ptr_array_add(sides, server());
		sides_run(sides, "echo", cases, G_N_ELEMENTS(cases));
	}
	printf("\nFrames of a mesh, decoded:\n\n");
	fflush(stdout);
	if (system(framing) != 0)
		printf("skipped: %s has failed\n", framing);
}
