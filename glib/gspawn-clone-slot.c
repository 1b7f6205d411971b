/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The stacks that the children of the clone engine run on. */
#include "config.h"

#include "gspawn-clone-private.h"

#include <sys/mman.h>
#include <unistd.h>

/* A page would do for the code of ours; the dynamic linker, a profiler or a sanitizer may want to
 * store all the vector registers, or count in a frame of theirs. */
#define STACK_SIZE (32 * 1024)

static void
slot_free (gpointer data)
{
  GSpawnCloneSlot *slot = data;

  munmap (slot->base, slot->size);
  g_free (slot);
}

static GPrivate slot_key = G_PRIVATE_INIT (slot_free);

/* Returns NULL if the kernel has no memory to give. */
GSpawnCloneSlot *
_gspawn_clone_slot_new (void)
{
  gsize guard_size = (gsize) sysconf (_SC_PAGESIZE);
  gsize stack_size = MAX (STACK_SIZE, guard_size);
  gsize size = 2 * (guard_size + stack_size);
  char *base = mmap (NULL, size, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  char *first, *second;
  GSpawnCloneSlot *slot;

  if (base == MAP_FAILED)
    return NULL;

  first = base + guard_size;
  second = first + stack_size + guard_size;
  if (mprotect (first, stack_size, PROT_READ | PROT_WRITE) < 0 ||
      mprotect (second, stack_size, PROT_READ | PROT_WRITE) < 0)
    {
      munmap (base, size);
      return NULL;
    }

  slot = g_new (GSpawnCloneSlot, 1);
  *slot = (GSpawnCloneSlot) { .base = base, .size = size, .stacks = { first, second },
                              .stack_size = stack_size };

  return slot;
}

/* The slot of the calling thread, which waits for its child. */
GSpawnCloneSlot *
_gspawn_clone_slot_get (void)
{
  GSpawnCloneSlot *slot = g_private_get (&slot_key);

  if (slot == NULL && (slot = _gspawn_clone_slot_new ()) != NULL)
    g_private_set (&slot_key, slot);

  return slot;
}
