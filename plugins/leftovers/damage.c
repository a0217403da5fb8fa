/* SPDX-License-Identifier: MIT */
/* damage.c - whether the file of a plugin is whole. The loader takes it on trust: where a header promises what the file does not have, or
 * a table points elsewhere, the process would end.
 */
#include "leftovers.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define END_MISSING "its end is missing"
#define BROKEN "its tables are damaged"

typedef struct {
	int file;
	guint64 file_size;
	const guint8 *bytes; /* of the part that is mapped */
	guint64 size;
	const ElfW(Ehdr) * head;
	const ElfW(Phdr) * segments;
	/* of the dynamic table: */
	guint64 strings, string_size, symbols;
} Library;

static gboolean is_within(guint64 start, guint64 length, guint64 size)
{
	return start <= size && length <= size - start;
}

/* `length` bytes at an address, if the file has them. */
static gconstpointer at(const Library *library, guint64 address, guint64 length)
{
	for (guint i = 0; i < library->head->e_phnum; i++) {
		const ElfW(Phdr) *segment = &library->segments[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    is_within(address - segment->p_vaddr, length, segment->p_filesz))
			return library->bytes + segment->p_offset + (address - segment->p_vaddr);
	}
	return NULL;
}

static gboolean is_writable(const Library *library, guint64 address)
{
	for (guint i = 0; i < library->head->e_phnum; i++) {
		const ElfW(Phdr) *segment = &library->segments[i];

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_W && address >= segment->p_vaddr &&
		    is_within(address - segment->p_vaddr, sizeof(ElfW(Addr)), segment->p_memsz))
			return TRUE;
	}
	return FALSE;
}

/* The table of sections is the last thing that a linker writes. */
static const char *look_at_headers(Library *library)
{
	const ElfW(Ehdr) *head = library->head = (gconstpointer)library->bytes;
	ElfW(Shdr) names; /* the section that has the names of all */

	if (library->size < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) || head->e_type != ET_DYN)
		return "it is no plugin: not a shared library";
	if (head->e_phentsize != sizeof(ElfW(Phdr)) || head->e_phoff % sizeof(ElfW(Addr)) || !head->e_phnum)
		return BROKEN;
	if (!is_within(head->e_phoff, head->e_phnum * sizeof(ElfW(Phdr)), library->size))
		return END_MISSING;
	library->segments = (gconstpointer)(library->bytes + head->e_phoff);
	for (guint i = 0; i < head->e_phnum; i++)
		if (!is_within(library->segments[i].p_offset, library->segments[i].p_filesz,
			       library->segments[i].p_type == PT_LOAD || library->segments[i].p_type == PT_DYNAMIC
				       ? library->size
				       : library->file_size))
			return END_MISSING;
	if (!head->e_shnum)
		return NULL;
	if (head->e_shentsize != sizeof(names) || head->e_shstrndx >= head->e_shnum ||
	    !is_within(head->e_shoff, head->e_shnum * sizeof(names), library->file_size) ||
	    pread(library->file, &names, sizeof(names), (off_t)(head->e_shoff + head->e_shstrndx * sizeof(names))) !=
		    sizeof(names) ||
	    names.sh_type != SHT_STRTAB)
		return END_MISSING;
	return NULL;
}

static gboolean has_symbol(const Library *library, guint64 number)
{
	const ElfW(Sym) *symbol = at(library, library->symbols + number * sizeof(*symbol), sizeof(*symbol));

	return symbol && symbol->st_name < library->string_size;
}

/* The first `relative` ones are all of one kind. */
static gboolean has_relocations(const Library *library, guint64 address, guint64 size, guint64 relative)
{
	const ElfW(Rela) *relocations = at(library, address, size);

	if (!relocations || size % sizeof(*relocations) || address % sizeof(ElfW(Addr)))
		return FALSE;
	for (guint64 i = 0; i < size / sizeof(*relocations); i++) {
		guint64 symbol = sizeof(void *) == 8 ? ELF64_R_SYM(relocations[i].r_info)
						     : ELF32_R_SYM(relocations[i].r_info);

		if (!relocations[i].r_info) /* nothing to be done */
			continue;
		if (!is_writable(library, relocations[i].r_offset) || !has_symbol(library, symbol) ||
		    (i < relative && relocations[i].r_info != relocations[0].r_info))
			return FALSE;
	}
	return TRUE;
}

static gboolean has_hash(const Library *library, guint64 address)
{
	const guint32 *table = at(library, address, 4 * sizeof(*table));

	return table && table[0] &&
	       at(library, address,
		  4 * sizeof(*table) + (guint64)table[2] * sizeof(ElfW(Addr)) + (guint64)table[0] * sizeof(*table));
}

/* A row that has an address or an offset that the loader follows. */
static gboolean is_good_row(const Library *library, const ElfW(Dyn) * row)
{
	guint64 value = row->d_un.d_val;

	switch (row->d_tag) {
	case DT_NEEDED:
	case DT_SONAME:
	case DT_RPATH:
	case DT_RUNPATH:
		return value < library->string_size;
	case DT_GNU_HASH:
		return has_hash(library, value);
	case DT_HASH:
	case DT_INIT:
	case DT_FINI:
	case DT_INIT_ARRAY:
	case DT_FINI_ARRAY:
	case DT_PLTGOT:
	case DT_VERSYM:
	case DT_VERNEED:
	case DT_VERDEF:
	case DT_RELR:
		return at(library, value, sizeof(ElfW(Addr))) != NULL;
	case DT_SYMENT:
		return value == sizeof(ElfW(Sym));
	case DT_RELAENT:
		return value == sizeof(ElfW(Rela));
	case DT_PLTREL:
		return value == (sizeof(void *) == 8 ? DT_RELA : DT_REL);
	case DT_VERNEEDNUM:
	case DT_VERDEFNUM:
		return value < 1000;
	default:
		return TRUE;
	}
}

static const char *look_at_dynamic(Library *library, const ElfW(Dyn) * rows, guint64 count)
{
	guint64 values[DT_NUM] = { 0 }, relative = 0;
	guint64 last = 0;

	for (; last < count && rows[last].d_tag != DT_NULL; last++)
		if (rows[last].d_tag > 0 && rows[last].d_tag < DT_NUM)
			values[rows[last].d_tag] = rows[last].d_un.d_val;
		else if (rows[last].d_tag == DT_RELACOUNT)
			relative = rows[last].d_un.d_val;
	library->strings = values[DT_STRTAB];
	library->string_size = values[DT_STRSZ];
	library->symbols = values[DT_SYMTAB];
	if (last == count || !library->string_size || !at(library, library->strings, library->string_size) ||
	    *(const char *)at(library, library->strings + library->string_size - 1, 1) || !has_symbol(library, 0))
		return BROKEN;
	for (guint64 i = 0; i < last; i++)
		if (!is_good_row(library, &rows[i]))
			return BROKEN;
	if ((values[DT_RELASZ] && !has_relocations(library, values[DT_RELA], values[DT_RELASZ], relative)) ||
	    (values[DT_PLTRELSZ] && values[DT_PLTREL] == DT_RELA &&
	     !has_relocations(library, values[DT_JMPREL], values[DT_PLTRELSZ], 0)) ||
	    (values[DT_INIT_ARRAYSZ] && !at(library, values[DT_INIT_ARRAY], values[DT_INIT_ARRAYSZ])) ||
	    (values[DT_FINI_ARRAYSZ] && !at(library, values[DT_FINI_ARRAY], values[DT_FINI_ARRAYSZ])))
		return BROKEN;
	return NULL;
}

static const char *look_at(Library *library)
{
	const guint8 machine[] = { sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32,
				   G_BYTE_ORDER == G_LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB };
	const char *why;

	/* Of another machine: the loader says it better. */
	if (!memcmp(library->bytes, ELFMAG, SELFMAG) &&
	    memcmp(library->bytes + EI_CLASS, machine, sizeof(machine)) != 0)
		return NULL;
	why = look_at_headers(library);
	for (guint i = 0; !why && i < library->head->e_phnum; i++) {
		const ElfW(Phdr) *segment = &library->segments[i];

		if (segment->p_type == PT_LOAD && segment->p_filesz > segment->p_memsz)
			why = BROKEN;
	}
	if (why)
		return why;
	for (guint i = 0; i < library->head->e_phnum; i++) {
		const ElfW(Phdr) *segment = &library->segments[i];

		if (segment->p_type == PT_DYNAMIC)
			return segment->p_offset % sizeof(ElfW(Addr))
				       ? BROKEN
				       : look_at_dynamic(library, (gconstpointer)(library->bytes + segment->p_offset),
							 segment->p_filesz / sizeof(ElfW(Dyn)));
	}
	return BROKEN;
}

/* A lease is given while nobody has the file open for writing. Who opens it then causes a signal: one that does nothing. */
static gboolean is_being_written(int file, const struct stat *before)
{
	struct stat now;
	gboolean open;

	fcntl(file, F_SETSIG, SIGURG);
	open = fcntl(file, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN;
	fcntl(file, F_SETLEASE, F_UNLCK);
	return open || fstat(file, &now) || now.st_size != before->st_size ||
	       memcmp(&now.st_mtim, &before->st_mtim, sizeof(now.st_mtim)) != 0;
}

const char *left_damage(BpPlugin *self, int file, gconstpointer info, int copy)
{
	const struct stat *before = info;
	Library library = { .file = file, .file_size = (guint64)before->st_size };
	const char *why = NULL;
	struct stat stat;

	if (is_being_written(file, before))
		return "it is being written; try again when that has ended";
	if (fstat(copy, &stat) || stat.st_size < (off_t)sizeof(ElfW(Ehdr)))
		return "it is no plugin: it is too short";
	library.size = (guint64)stat.st_size;
	library.bytes = mmap(NULL, library.size, PROT_READ, MAP_PRIVATE, copy, 0);
	if (library.bytes != MAP_FAILED) {
		why = look_at(&library);
		munmap((void *)library.bytes, library.size);
	}
	return why;
}
