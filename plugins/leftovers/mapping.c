/* SPDX-License-Identifier: MIT */
/* mapping.c - which memory is a plugin's. */
#include "leftovers.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int add_object(struct dl_phdr_info *info, size_t size, void *data)
{
	guintptr base = info->dlpi_addr;

	g_array_append_val((GArray *)data, base);
	return 0;
}

GArray *left_objects(void)
{
	GArray *bases = g_array_new(FALSE, FALSE, sizeof(guintptr));

	dl_iterate_phdr(add_object, bases);
	return bases;
}

static const ElfW(Dyn) * dynamic_of(const struct dl_phdr_info *info)
{
	for (guint i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	return NULL;
}

static ElfW(Xword) entry(const ElfW(Dyn) * dynamic, ElfW(Sxword) tag)
{
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag == tag)
			return dynamic->d_un.d_val;
	return 0;
}

typedef struct {
	LeftMapping *mapping;
	const guintptr *bases;
	gsize count;
} MappingSearch;

static int add_ranges(struct dl_phdr_info *info, size_t size, void *data)
{
	const MappingSearch *wanted = data;
	gboolean found = FALSE;

	for (gsize i = 0; i < wanted->count; i++)
		found |= wanted->bases[i] == info->dlpi_addr;
	if (!found || entry(dynamic_of(info), DT_FLAGS_1) & DF_1_NODELETE)
		return 0;
	for (guint i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		LeftRange range = { info->dlpi_addr + header->p_vaddr,
				    info->dlpi_addr + header->p_vaddr + header->p_memsz };

		if (header->p_type == PT_LOAD)
			g_array_append_val(wanted->mapping->ranges, range);
	}
	return 0;
}

void left_mapping_open(LeftMapping *mapping, const guintptr *bases, gsize count)
{
	MappingSearch wanted = { mapping, bases, count };

	mapping->ranges = g_array_new(FALSE, FALSE, sizeof(LeftRange));
	dl_iterate_phdr(add_ranges, &wanted);
}

void left_mapping_close(LeftMapping *mapping)
{
	g_array_unref(mapping->ranges);
}

gboolean left_is_in(const LeftMapping *mapping, gconstpointer address)
{
	guintptr word = (guintptr)address;

	for (guint i = 0; i < mapping->ranges->len; i++) {
		const LeftRange *range = &g_array_index(mapping->ranges, LeftRange, i);

		if (word >= range->start && word < range->end)
			return TRUE;
	}
	return FALSE;
}

char *left_maps(void)
{
	return bp_file_load("/proc/self/maps", 1 << 24, BP_FILE_READ, NULL, NULL);
}

gsize left_copy(gpointer to, guintptr from, gsize words)
{
	struct iovec into = { to, words * sizeof(guintptr) }, of = { (void *)from, into.iov_len };
	ssize_t got = process_vm_readv(getpid(), &into, 1, &of, 1, 0);

	return got < 0 ? 0 : (gsize)got / sizeof(guintptr);
}

gconstpointer left_find_word(const LeftMapping *mapping, const guintptr *words, gsize count)
{
	for (gsize i = 0; i < count; i++)
		if (left_is_in(mapping, (gconstpointer)words[i]))
			return (gconstpointer)words[i];
	return NULL;
}

void left_append_name(GString *text, gconstpointer address)
{
	const char *file;
	Dl_info info;

	if (!dladdr(address, &info)) {
		g_string_append_printf(text, "%p", address);
		return;
	}
	file = strrchr(info.dli_fname, '/');
	if (info.dli_sname && info.dli_saddr == address)
		g_string_append(text, info.dli_sname);
	else
		g_string_append_printf(text, "%s+%#zx", file ? file + 1 : info.dli_fname,
				       (gsize)address - (gsize)info.dli_fbase);
}

/* --- imports --- */

typedef struct {
	guintptr base;
	const char *name;
	gboolean found;
} ImportSearch;

static gboolean relocates(const ElfW(Dyn) * dynamic, ElfW(Sxword) table, ElfW(Sxword) size, const char *name)
{
	const ElfW(Rela) *relocation = (const ElfW(Rela) *)entry(dynamic, table);
	const ElfW(Sym) *symbols = (const ElfW(Sym) *)entry(dynamic, DT_SYMTAB);
	const char *strings = (const char *)entry(dynamic, DT_STRTAB);
	gsize count = entry(dynamic, size) / sizeof(*relocation);

	if (!relocation || !symbols || !strings)
		return FALSE;
	for (gsize i = 0; i < count; i++) {
		gsize symbol = sizeof(void *) == 8 ? ELF64_R_SYM(relocation[i].r_info)
						   : ELF32_R_SYM(relocation[i].r_info);

		if (symbol && strcmp(strings + symbols[symbol].st_name, name) == 0)
			return TRUE;
	}
	return FALSE;
}

static int look_for_import(struct dl_phdr_info *info, size_t size, void *data)
{
	const ElfW(Dyn) *dynamic = dynamic_of(info);
	ImportSearch *import = data;

	if (info->dlpi_addr != import->base || (entry(dynamic, DT_PLTREL) && entry(dynamic, DT_PLTREL) != DT_RELA))
		return 0;
	import->found = relocates(dynamic, DT_JMPREL, DT_PLTRELSZ, import->name) ||
			relocates(dynamic, DT_RELA, DT_RELASZ, import->name);
	return 1;
}

gboolean left_imports(const guintptr base, const char *name)
{
	ImportSearch import = { base, name, FALSE };

	dl_iterate_phdr(look_for_import, &import);
	return import.found;
}
