# SPDX-License-Identifier: MIT
"""samples.py - plugins that are built while the scenario runs, as README tells it."""
import os
import shutil
import subprocess

from harness import BUILD, Skipped, is_sanitized

# With a store of its own: SYNC.
KEEPER = r"""
#include <backplane/backplane.h>
#include <backplane/store.h>

static BpStore *store;

static void on_rows(BpPlugin *self, BpStore *from, const BpStoreRow *const *rows, guint count, const GError *error, gpointer data)
{
	for (guint i = 0; i < count; i++)
		bp_call_printf(data, "%.1f to %.1f, %s", rows[i]->min, rows[i]->max, bp_store_get(from, "unit"));
	bp_call_done(data, error ? g_error_copy(error) : NULL);
}

static gboolean run_keep(BpPlugin *self, BpCall *call, GError **error)
{
	return bp_store_add(store, "kitchen", 0, 21.5) && bp_store_add(store, "kitchen", 0, 22.5) &&
	       bp_store_set(store, "unit", "celsius", error);
}

static gboolean run_kept(BpPlugin *self, BpCall *call, GError **error)
{
	BpStoreQuery query = { .series = "kitchen", .step = BP_STORE_DAY };

	bp_call_hold(call, NULL, NULL);
	return bp_store_query(bp_call_scope(call), store, &query, on_rows, call, error);
}

static const BpCommand commands[] = {
	{ "keep", .help = "adds two values", .run = run_keep },
	{ "kept", .help = "what there is", .run = run_kept },
	{ NULL },
};

static gboolean load(BpPlugin *self, GError **error)
{
	return (store = bp_store_open(self, "keeper", &(BpStoreOptions){ .sync = SYNC }, NULL, NULL, error)) != NULL;
}

BP_PLUGIN(.name = "keeper", .version = "1.0", .summary = "Values", .commands = commands, .load = load);
"""


def build_sample(bp, name, package="backplane", source=None, headers=None):
    """As README tells it, with one line; the folder is the program's. `headers`: a folder that is looked in first."""
    if not shutil.which("cc"):
        raise Skipped("no cc")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", package], text=True, capture_output=True, check=True,
                           env=dict(os.environ, PKG_CONFIG_PATH=BUILD)).stdout.split()
    if is_sanitized():
        flags.append("-fsanitize=address,undefined")
    file = os.path.basename(name)
    subprocess.run(["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", f"{bp.folder}/{file}.so",
                    source or f"{os.environ['SRC']}/data/{name}.c", *([f"-I{headers}"] if headers else []), *flags], check=True)
    assert bp.run(f"plugin load ./{file}.so") == [f"Loaded {file} 1.0."]


def build_keeper(bp, sync="BP_STORE_NORMAL"):
    """`keep` adds two values and sets a key, `kept` shows them."""
    with open(bp.folder + "/keeper.c", "w") as file:
        file.write(KEEPER.replace("SYNC", sync))
    build_sample(bp, "keeper", "backplane-store", bp.folder + "/keeper.c")
