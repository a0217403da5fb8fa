/* SPDX-License-Identifier: MIT */
/* metric.c - numbers that plugins and instances show of themselves. */
#include <string.h>
#include <backplane/metric.h>
#include "bus/owner.h"

struct BpMetric {
	BpOwned owned;
	const char *name, *help;
	BpMetricKind kind;
	double value; /* atomic, as its 8 bytes */
};

static GPtrArray *metrics; /* in order of making */

static void drop(BpOwned *owned)
{
	BpMetric *metric = OWNED_BY(owned, BpMetric, owned);

	owner_unlink(owned);
	g_ptr_array_remove(metrics, metric);
	if (!metrics->len)
		g_clear_pointer(&metrics, g_ptr_array_unref);
	g_free(metric);
}

GPtrArray *bp_metric_list(BpPlugin *owner)
{
	GPtrArray *list = g_ptr_array_new();

	for (guint i = 0; metrics && i < metrics->len; i++) {
		BpMetric *metric = metrics->pdata[i];

		if (!owner || metric->owned.owner == owner)
			g_ptr_array_add(list, metric);
	}
	return list;
}

BpMetric *bp_metric(BpPlugin *self, const char *name, BpMetricKind kind, const char *help)
{
	BpMetric *metric;

	for (guint i = 0; metrics && i < metrics->len; i++) {
		metric = metrics->pdata[i];
		if (metric->owned.owner == self && !strcmp(metric->name, name))
			return metric;
	}
	metric = g_new0(BpMetric, 1);
	metric->name = name;
	metric->help = help;
	metric->kind = kind;
	if (!metrics)
		metrics = g_ptr_array_new();
	g_ptr_array_add(metrics, metric);
	owner_link(self, &metric->owned, "metric", drop);
	return metric;
}

void bp_metric_set(BpMetric *metric, double value)
{
	__atomic_store(&metric->value, &value, __ATOMIC_RELAXED);
}

double bp_metric_value(const BpMetric *metric)
{
	double value;

	__atomic_load(&metric->value, &value, __ATOMIC_RELAXED);
	return value;
}

void bp_metric_add(BpMetric *metric, double value)
{
	double before = bp_metric_value(metric), after;

	do
		after = before + value;
	while (!__atomic_compare_exchange(&metric->value, &before, &after, TRUE, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

const char *bp_metric_name(const BpMetric *metric)
{
	return metric->name;
}

const char *bp_metric_help(const BpMetric *metric)
{
	return metric->help;
}

BpMetricKind bp_metric_kind(const BpMetric *metric)
{
	return metric->kind;
}

BpPlugin *bp_metric_owner(const BpMetric *metric)
{
	return metric->owned.owner;
}
