/* SPDX-License-Identifier: MIT */
/* access.c - finding who decides who may come in. */
#include <backplane/access.h>
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
