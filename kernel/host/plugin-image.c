/* SPDX-License-Identifier: MIT */
/* plugin-image.c - the file of a plugin: who may change it, and the private copy of it that is mapped. The copy
 * cannot be changed by anybody, so what was checked is what runs, whatever happens to the file.
 *
 * Each copy is an object of its own to the loader: a plugin that is loaded again gets new code, also if the old one cannot be unmapped
 * (unique symbols and thread-local variables of C++). The loader's name of it is that of the file, as debuggers and backtraces expect.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>
#include <backplane/leftovers.h>
#include "bus/frame.h"
#include "bus/port.h"
#include "host/plugin.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* since Linux 6.3 */
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* --- who may change it: a plugin runs with all the rights of the process --- */

/* A group with the number of its owner is that user's own: with umask 002 it may write everything that the user makes. */
static gboolean check_place(const char *path, const char *place, const struct stat *info, gboolean owner,
			    GError **error)
{
	gboolean is_private = info->st_uid && info->st_gid == info->st_uid;

	if (info->st_mode & (is_private ? S_IWOTH : S_IWGRP | S_IWOTH))
		return bus_fail(error, BP_HOST_ERROR, BP_NOT_PERMITTED,
				"%s can be written by %s, so %s is not loaded; chmod go-w %s makes it safe", place,
				info->st_mode & S_IWOTH ? "everybody" : "its group", path, place);
	if (owner && info->st_uid && info->st_uid != geteuid())
		return bus_fail(
			error, BP_HOST_ERROR, BP_NOT_PERMITTED,
			"%s belongs to another user (uid %u), so %s is not loaded; chown it to root or to yourself",
			place, info->st_uid, path);
	return TRUE;
}

/* Who may write a folder may exchange what is in it. In a folder like /tmp only one's own. */
static gboolean check_writers(const char *path, const char *real, const struct stat *file, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(real);
	gboolean good = check_place(path, path, file, TRUE, error), owner = TRUE;
	struct stat info;

	for (; good && !stat(folder, &info); owner = FALSE) {
		g_autofree char *below = folder;

		good = info.st_mode & S_ISVTX || check_place(path, below, &info, owner, error);
		folder = g_path_get_dirname(below);
		if (!below[1])
			break;
	}
	return good;
}

/* --- the copy --- */

/* Asked once of memory, and of each folder. */
static gboolean is_executable(int fd)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (page == MAP_FAILED)
		return FALSE;
	munmap(page, 1);
	return !access("/proc/self/fd", X_OK);
}

/* What is mapped of the file; the rest is for debuggers, which read the file itself. */
static guint64 mapped_size(int fd, guint64 size)
{
	ElfW(Phdr) rows[64];
	ElfW(Ehdr) head;
	guint64 end = 0;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) || head.e_phnum > G_N_ELEMENTS(rows) ||
	    pread(fd, rows, head.e_phnum * sizeof(*rows), (off_t)head.e_phoff) != head.e_phnum * (int)sizeof(*rows))
		return size;
	for (guint i = 0; i < head.e_phnum; i++)
		end = MAX(end, rows[i].p_type == PT_LOAD ? rows[i].p_offset + rows[i].p_filesz : 0);
	return CLAMP(end, MIN(head.e_phoff + sizeof(rows), size), size);
}

static gboolean copy_bytes(int from, int to, guint64 size)
{
	off_t at = 0;
	ssize_t sent = 1;

	while ((guint64)at < size && sent > 0)
		sent = sendfile(to, from, &at, size - (guint64)at);
	return (guint64)at == size;
}

static int copy_to_memory(const char *name, int from, guint64 size)
{
	static gboolean tried;
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 ||
	    (copy_bytes(from, fd, size) && !fcntl(fd, F_ADD_SEALS, SEALS) && (tried || (tried = is_executable(fd)))))
		return fd;
	close(fd);
	return -1;
}

/* Where memory cannot be executed: a file of our own. `*path`: to be opened there, and removed. */
static int copy_to_file(const char *folder, int from, guint64 size, char **path)
{
	g_autofree char *file = g_build_filename(folder, "backplane-plugin-XXXXXX", NULL);
	int fd = mkostemp(file, O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (copy_bytes(from, fd, size) && !fchmod(fd, 0500) && is_executable(fd)) {
		*path = g_steal_pointer(&file);
		return fd;
	}
	unlink(file);
	close(fd);
	return -1;
}

/* One that no other copy has had: the loader takes a name that it knows for the object that it knows. */
static char *name_in_memory(int fd)
{
	static guint number;
	GString *path = g_string_new("/proc/self/fd");

	for (guint bits = ++number; bits; bits >>= 1)
		g_string_append(path, bits & 1 ? "/." : "/");
	g_string_append_printf(path, "/%d", fd);
	return g_string_free(path, FALSE);
}

/* --- mapping it --- */

/* With the loader's lock. It frees the name itself, with this free. */
static int rename_object(struct dl_phdr_info *info, size_t size, void *data)
{
	PluginImage *image = data;
	struct link_map *map = image->handle;

	if (info->dlpi_name != map->l_name)
		return 0;
	free(map->l_name);
	map->l_name = strdup(image->path);
	return 1;
}

static gboolean map(PluginImage *image, GError **error)
{
	g_autofree char *copy = image->file ? g_strdup(image->file) : name_in_memory(image->copy);
	gpointer before = leftover_before();

	frame_push(bp_kernel(), "loading a file", NULL);
	image->handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL);
	frame_pop();
	if (!image->handle) {
		const char *why = dlerror();

		if (g_str_has_prefix(why, copy) && strlen(why) > strlen(copy) + 2)
			why += strlen(copy) + 2;
		g_free(before);
		return bus_fail(error, BP_HOST_ERROR, BP_INVALID, "%s cannot be loaded: %s", image->path, why);
	}
	dl_iterate_phdr(rename_object, image);
	image->before = leftover_loaded(before, image->path);
	image->info = dlsym(image->handle, BP_PLUGIN_SYMBOL);
	return image->info ||
	       bus_fail(error, BP_HOST_ERROR, BP_INVALID,
			"%s is not a Backplane plugin: it has no symbol %s; end its source with BP_PLUGIN(...)",
			image->path, BP_PLUGIN_SYMBOL);
}

static PluginImage *image_copy(const char *path, int from, guint64 size, GError **error)
{
	const char *const folders[] = { g_get_user_runtime_dir(), g_get_tmp_dir(), g_get_user_cache_dir() };
	g_autofree char *name = g_path_get_basename(path);
	PluginImage *image = g_new0(PluginImage, 1);

	image->path = g_strdup(path);
	image->size = size;
	image->users = 1;
	image->copy = copy_to_memory(name, from, size);
	for (guint i = 0; i < G_N_ELEMENTS(folders) && image->copy < 0; i++)
		image->copy = copy_to_file(folders[i], from, size, &image->file);
	if (image->copy >= 0)
		return image;
	bus_fail(error, BP_HOST_ERROR, BP_FAILED,
		 "%s cannot be loaded: no copy of it can be executed, in memory or in %s: %s", path, folders[1],
		 g_strerror(errno));
	plugin_image_free(image, FALSE);
	return NULL;
}

/* Takes the image. */
static PluginImage *image_map(PluginImage *image, GError **error)
{
	gboolean good = map(image, error);

	if (image->file)
		unlink(image->file);
	if (good)
		return image;
	plugin_image_free(image, TRUE);
	return NULL;
}

PluginImage *plugin_image_again(const PluginImage *image, GError **error)
{
	PluginImage *again = image_copy(image->path, image->copy, image->size, error);

	return again ? image_map(again, error) : NULL;
}

PluginImage *plugin_image_open(const char *path, GError **error)
{
	BpPlugin *checker;
	const BpPluginCheck *check = registry_find("host/damage", &checker);
	int fd = bp_file_open(path, BP_FILE_READ, error);
	g_autofree char *opened = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *real = fd < 0 ? NULL : g_file_read_link(opened, NULL);
	PluginImage *image = NULL;
	const char *why = NULL;
	struct stat info;

	if (fd < 0)
		g_prefix_error(error, "cannot load a plugin: ");
	else if (!fstat(fd, &info) && check_writers(path, real ? real : path, &info, error))
		image = image_copy(path, fd, mapped_size(fd, (guint64)info.st_size), error);
	if (image && check)
		why = check->damage(checker, fd, &info, image->copy);
	if (fd >= 0)
		close(fd);
	if (!why)
		return image ? image_map(image, error) : NULL;
	bus_fail(error, BP_HOST_ERROR, BP_INVALID, "%s cannot be loaded: %s", path, why);
	plugin_image_free(image, FALSE);
	return NULL;
}

gboolean plugin_image_free(PluginImage *image, gboolean unmap)
{
	const BpPluginInfo *info = image->info;
	struct dl_find_object object;
	gboolean stays = FALSE;

	if (info && info->size > offsetof(BpPluginInfo, resident) && info->resident)
		unmap = FALSE;
	if (image->handle && unmap) {
		frame_push(bp_kernel(), "closing a file", NULL);
		image->info = NULL;
		dlclose(g_steal_pointer(&image->handle));
		frame_pop();
		stays = info && !_dl_find_object((void *)info, &object);
	}
	if (--image->users)
		return !stays;
	if (image->copy >= 0)
		close(image->copy);
	g_free(image->before);
	g_free(image->file);
	g_free(image->path);
	g_free(image);
	return !stays;
}
