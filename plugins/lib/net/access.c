/* SPDX-License-Identifier: MIT */
/* access.c - finding who decides who may come in. */
#include <backplane/access.h>
#include <string.h>
#include <backplane/kernel.h>
#include <backplane/module.h>
#include <backplane/owner.h>
#include <backplane/registry.h>

const BpAccess *bp_access(void)
{
	BpPlugin *owner = bp_registry_owner(BP_ACCESS);

	return owner && !bp_owner_is_dying(owner) ? bp_registry_find(BP_ACCESS) : NULL;
}

gboolean bp_access_is_needed(void)
{
	const BpAccess *access = bp_access();
	const char *folder = bp_kernel_state_folder();
	g_autofree char *path = NULL;

	if (access)
		return access->is_needed();
	path = folder ? g_build_filename(folder, BP_ACCESS_FILE, NULL) : NULL;
	return path && g_file_test(path, G_FILE_TEST_EXISTS);
}

static gboolean is_given(const BpValues *values, const char *name)
{
	const char *text = bp_values_string(values, name);

	return text && *text;
}

gboolean bp_access_covers(const BpValues *values)
{
	const BpParam *table = bp_values_table(values);
	const char *auth = bp_param_find(table, "auth") ? bp_values_string(values, "auth") : NULL;

	if (!auth || !(strcmp(auth, "auto") == 0 || strcmp(auth, "required") == 0))
		return FALSE;
	return bp_param_find(table, "tls") && bp_values_bool(values, "tls") && bp_access() && bp_access_is_needed() &&
	       (!bp_param_find(table, "handler") || is_given(values, "handler"));
}

/* A required file is what the module is for, as the device of a UART: the role of the module decides. */
static gboolean needs_admin(const BpValues *values, const BpParam *row)
{
	if (row->names == BP_A_FILE)
		return !row->required && bp_values_is_set(values, row->name);
	return strcmp(row->name, "auth") == 0 && strcmp(bp_values_string(values, "auth"), "none") == 0;
}

gboolean bp_access_may_open(const char *module, const BpValues *values, BpRole role, GError **error)
{
	BpRole needed = bp_module_role(module);
	g_autofree const BpParam **rows = NULL;
	guint count = 0;

	if (needed > role) {
		g_set_error(error, BP_HOST_ERROR, BP_NOT_PERMITTED, "opening %s is for an %s only", module,
			    needed == BP_ADMIN ? "admin" : "operator");
		return FALSE;
	}
	if (!values || role >= BP_ADMIN)
		return TRUE;
	rows = bp_param_rows(bp_values_table(values), &count);
	for (guint i = 0; i < count; i++) {
		if (!needs_admin(values, rows[i]))
			continue;
		g_set_error(error, BP_HOST_ERROR, BP_NOT_PERMITTED, "%s: %s%s is for an admin only", module,
			    rows[i]->name, rows[i]->names == BP_A_FILE ? "" : "=none");
		return FALSE;
	}
	return TRUE;
}
