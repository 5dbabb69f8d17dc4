// SPDX-License-Identifier: MIT
/*
 * What a word may be. In each page each thread has a word that it alone writes, with
 * numbers that go up. Whoever reads it notes before which one is there for sure,
 * and after which one was begun last: it must be one of these or one between. So a
 * word that was lost, that is too old, or that is another page's is found at once,
 * by whoever reads it first.
 *
 * A copy may go byte by byte, also that of a device. A word that is being written
 * meanwhile can be torn then, so it is read again until nobody writes.
 */

#include "igt.h"
#include "race.h"

#define TRIES	50

/* Words of two scenarios are different, too: of memory that was not cleared. */
uint64_t race_value(const struct race_world *world, const struct race_buffer *buffer,
		    unsigned int page, unsigned int owner, uint32_t seq)
{
	uint64_t id = (buffer - world->buffers) << 13 | page << 5 | owner << 1 | 1;

	id ^= (world->scenario->seed * 0x9e3779b97f4a7c15ULL) >> 48 & 0x1c00;
	return id << 48 | (uint64_t)seq;
}

size_t race_offset(unsigned int page, unsigned int owner)
{
	/* Lines of their own, and not the first */
	return page * PFN_PAGE_SIZE + 64 + owner * 192;
}

/* Nobody writes this one after the beginning. */
uint64_t race_mark(const struct race_world *world, const struct race_buffer *buffer,
		   unsigned int page)
{
	return pfn_pattern_word(world->scenario->seed,
				(buffer - world->buffers) * RACE_MAX_PAGES + page);
}

int race_check(struct race_thread *thread, struct race_buffer *buffer,
	       unsigned int page, unsigned int owner, race_word_fn read,
	       void *from, const char *how)
{
	struct race_word *state = &buffer->words[page][owner];
	struct race_world *world = thread->world;
	uint64_t word, least, most, low, high;
	int i, ret;

	for (i = 0; i < TRIES && !world->failed; i++) {
		low = atomic_load(&state->done);
		word = 0;
		ret = read(thread, from, race_offset(page, owner), &word);
		if (ret)
			return ret;
		high = atomic_load(&state->begun);

		least = race_value(world, buffer, page, owner, low);
		most = race_value(world, buffer, page, owner, high);
		if (word >= least && word <= most)
			return 0;
		if (low != high)
			continue;

		race_fail_buffer(world, buffer,
				 "%s by thread %u: word of thread %u in page %u of buffer %u is %#llx, %s%#llx",
				 how, thread->index, owner, page,
				 (unsigned int)(buffer - world->buffers),
				 (unsigned long long)word, word >> 48 == least >> 48 ?
				 "number wrong: " : "want ", (unsigned long long)least);
		return 0;
	}
	return 0;
}
