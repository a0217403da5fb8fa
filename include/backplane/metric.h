/* SPDX-License-Identifier: MIT */
/* metric.h - metrics of a plugin or an instance, shown by `module info`, on the page and in /metrics.
 *
 *	laser->jobs = bp_metric(self, "jobs_total", BP_COUNTER, "jobs that ended");
 *	bp_metric_add(laser->jobs, 1);
 *
 * What is lost is counted by metrics whose names begin with lost_: `status` and the page show those that are not 0.
 *
 * A metric is freed with its owner. In /metrics it is backplane_PLUGIN_NAME, with the instance as a label.
 */
#pragma once
#include <backplane/types.h>

G_BEGIN_DECLS

typedef struct BpMetric BpMetric;
typedef enum {
	BP_COUNTER, /* never decreases during the life of its owner; its name ends in _total */
	BP_GAUGE,   /* goes up and down */
} BpMetricKind;

/* `name`: [a-z][a-z0-9_]*, with its unit as Prometheus has it (_seconds, _bytes, _celsius); `help`: one line; both static or
 * alive as long as `self`. The same name again gives the same metric. */
BP_API BpMetric *bp_metric(BpPlugin *self, const char *name, BpMetricKind kind, const char *help);
BP_API void bp_metric_set(BpMetric *metric, double value); /* any thread */
BP_API void bp_metric_add(BpMetric *metric, double value); /* any thread */
BP_API double bp_metric_value(const BpMetric *metric);	   /* any thread */

/* --- for plugins that show metrics; on the main loop --- */
/* Of one owner, in order of making; NULL: of all. Free the array, do not keep the pointers. */
BP_API GPtrArray *bp_metric_list(BpPlugin *owner);
BP_API const char *bp_metric_name(const BpMetric *metric);
BP_API const char *bp_metric_help(const BpMetric *metric);
BP_API BpMetricKind bp_metric_kind(const BpMetric *metric);
BP_API BpPlugin *bp_metric_owner(const BpMetric *metric);

G_END_DECLS
