/* SPDX-License-Identifier: MIT */
/* thermo.c - logs temperatures: the numbers that come on a channel, with a metric, a state and a page of their own.
 *
 *	module open Exec sensor command="python3 -u sensor.py"
 *	module open Thermometer kitchen source=sensor/recv high=30
 */
#include <backplane/backplane.h>
#include <backplane/resource.h>

typedef struct {
	BpInstance *self;
	BpChannel *log;
	BpMetric *last;
} Thermometer;

static void on_reading(BpPlugin *self, BpMessage *message, gpointer data)
{
	Thermometer *thermometer = data;
	char *end;
	double value = g_ascii_strtod(bp_message_data(message), &end);

	if (end == bp_message_data(message)) {
		bp_instance_set_state(self, BP_STATE_FAILED, "\"%.20s\" is no number",
				      (const char *)bp_message_data(message));
		return;
	}
	bp_metric_set(thermometer->last, value);
	bp_channel_printf(thermometer->log, "%.1f", value);
	if (value > (double)bp_instance_int(self, "high"))
		bp_instance_set_state(self, BP_STATE_FAILED, "%.1f degrees: too hot", value);
	else
		bp_instance_set_state(self, BP_STATE_OK, "%.1f degrees", value);
}

static gboolean open_thermometer(BpInstance *self, GError **error)
{
	Thermometer *thermometer = bp_instance_data(self);

	thermometer->self = self;
	thermometer->log = bp_instance_channel(self, "log");
	bp_channel_set_options(thermometer->log, &(BpChannelOptions){ .replay = 1000, .timestamp = TRUE });
	thermometer->last = bp_metric(self, "temperature_celsius", BP_GAUGE, "the last reading");
	bp_channel_watch(self, bp_channel(self, bp_instance_string(self, "source")), on_reading, thermometer, NULL);
	return TRUE;
}

static const char page[] =
	"export const title = 'Temperatures';\n"
	"export function show(element, api) {\n"
	"	const list = element.appendChild(document.createElement('ul'));\n"
	"	return api.watch('*/log', (message) => {\n"
	"		list.prepend(Object.assign(document.createElement('li'), { textContent: message.channel + ' ' + message.text }));\n"
	"	});\n"
	"}\n";

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpView view = { .size = sizeof(view),
				     .name = "temperatures",
				     .title = "Temperatures",
				     .script = page,
				     .script_size = sizeof(page) - 1 };

	return bp_registry_add(self, "view/temperatures", &view, error);
}

static const BpParam params[] = {
	{ "source", .required = 1, .names = BP_A_CHANNEL, .help = "where the numbers come from" },
	{ "high", .type = BP_INT, .fallback = "60", .help = "degrees that are too hot" },
	{ NULL },
};
static const BpModule modules[] = {
	{ "Thermometer", .help = "numbers of a channel as temperatures", .params = params, .size = sizeof(Thermometer),
	  .open = open_thermometer },
	{ NULL },
};

BP_PLUGIN(.name = "thermo", .version = "1.0", .summary = "Temperatures", .modules = modules, .load = load);
