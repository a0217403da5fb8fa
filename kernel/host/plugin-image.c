/* SPDX-License-Identifier: MIT */
/* plugin-image.c - the file of a plugin: who may change it, whether it is whole, and the private copy of it that is mapped. The copy
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
#include "bus/frame.h"
#include "bus/port.h"
#include "host/plugin.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* since Linux 6.3 */
#endif
#define SEGMENTS_MAX 64
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* --- who may change it: a plugin runs with all the rights of the process --- */

static gboolean check_place(const char *path, const char *place, const struct stat *info, gboolean owner,
			    GError **error)
{
	if (info->st_mode & (S_IWGRP | S_IWOTH))
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

/* --- whether it is whole --- */

static gboolean read_at(int fd, gpointer to, gsize size, guint64 from)
{
	return pread(fd, to, size, (off_t)from) == (ssize_t)size;
}

/* The loader does not look whether the file has what its headers promise, and would be ended by SIGBUS. The table of sections is the last
 * thing that a linker writes. `*used`: what is mapped of it. */
static const char *find_damage(int fd, guint64 size, guint64 *used)
{
	ElfW(Phdr) segments[SEGMENTS_MAX];
	ElfW(Shdr) names;
	ElfW(Ehdr) head;

	if (!read_at(fd, &head, sizeof(head), 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_type != ET_DYN ||
	    head.e_phentsize != sizeof(*segments) || head.e_phnum > SEGMENTS_MAX)
		return "it is no plugin: not a shared library";
	if (!read_at(fd, segments, head.e_phnum * sizeof(*segments), head.e_phoff))
		return "its end is missing";
	*used = head.e_phoff + head.e_phnum * sizeof(*segments);
	for (guint i = 0; i < head.e_phnum; i++) {
		if (segments[i].p_offset > size || segments[i].p_filesz > size - segments[i].p_offset)
			return "its end is missing";
		if (segments[i].p_type == PT_LOAD)
			*used = MAX(*used, segments[i].p_offset + segments[i].p_filesz);
	}
	if (head.e_shnum && (head.e_shentsize != sizeof(names) || head.e_shoff > size ||
			     head.e_shnum * sizeof(names) > size - head.e_shoff || head.e_shstrndx >= head.e_shnum ||
			     !read_at(fd, &names, sizeof(names), head.e_shoff + head.e_shstrndx * sizeof(names)) ||
			     names.sh_type != SHT_STRTAB))
		return "its end is missing";
	return NULL;
}

/* A lease is given while nobody has the file open for writing. Who opens it then sends a signal, which is one that does nothing. */
static gboolean is_being_written(int fd, const struct stat *before)
{
	struct stat now;
	gboolean open;

	fcntl(fd, F_SETSIG, SIGURG);
	open = fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return open || fstat(fd, &now) || now.st_size != before->st_size ||
	       memcmp(&now.st_mtim, &before->st_mtim, sizeof(now.st_mtim)) != 0;
}

/* --- the copy --- */

static gboolean is_executable(int fd)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (page == MAP_FAILED)
		return FALSE;
	munmap(page, 1);
	return TRUE;
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
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || (copy_bytes(from, fd, size) && !fcntl(fd, F_ADD_SEALS, SEALS) && is_executable(fd) &&
		       !access("/proc/self/fd", X_OK)))
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

PluginImage *plugin_image_bytes(const PluginImage *image)
{
	PluginImage *bytes = g_new0(PluginImage, 1);

	bytes->path = g_strdup(image->path);
	bytes->size = image->size;
	bytes->copy = fcntl(image->copy, F_DUPFD_CLOEXEC, 0);
	return bytes;
}

PluginImage *plugin_image_open(const char *path, GError **error)
{
	g_autofree char *real = realpath(path, NULL);
	int fd = bp_file_open(real ? real : path, BP_FILE_READ, error);
	PluginImage *image = NULL;
	struct stat info;
	guint64 used;
	const char *why;

	if (fd < 0) {
		g_prefix_error(error, "cannot load a plugin: ");
		return NULL;
	}
	if (fstat(fd, &info) || !check_writers(path, real ? real : path, &info, error)) {
		close(fd);
		return NULL;
	}
	why = find_damage(fd, (guint64)info.st_size, &used);
	if (!why)
		image = image_copy(path, fd, used, error);
	if ((why || image) && is_being_written(fd, &info))
		why = "it is being written; try again when that has ended";
	close(fd);
	if (!why)
		return image ? image_map(image, error) : NULL;
	bus_fail(error, BP_HOST_ERROR, BP_INVALID, "%s cannot be loaded: %s", path, why);
	if (image)
		plugin_image_free(image, FALSE);
	return NULL;
}

static gboolean is_resident(const BpPluginInfo *info)
{
	return info && info->size > offsetof(BpPluginInfo, resident) && info->resident;
}

gboolean plugin_image_free(PluginImage *image, gboolean unmap)
{
	void *place = (void *)image->info;
	struct dl_find_object object;
	gboolean stays = FALSE;

	if (image->handle && unmap && !is_resident(image->info)) {
		frame_push(bp_kernel(), "closing a file", NULL);
		dlclose(image->handle);
		frame_pop();
		stays = place && !_dl_find_object(place, &object);
	}
	if (image->copy >= 0)
		close(image->copy);
	g_free(image->before);
	g_free(image->file);
	g_free(image->path);
	g_free(image);
	return !stays;
}
