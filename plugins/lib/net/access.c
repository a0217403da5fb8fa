/* SPDX-License-Identifier: MIT */
/* access.c - finding who decides who may come in. */
#include <backplane/access.h>
#include <string.h>
#include <backplane/kernel.h>
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
