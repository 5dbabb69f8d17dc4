// SPDX-License-Identifier: MIT
/*
 * Valid values of a word. In each page each thread has a word that only it writes, with
 * increasing numbers. A reader notes the last completed write before the read and the
 * last begun write after it: the word's number must be in this range. So the first
 * reader detects a word that was lost, is too old, or belongs to another page.
 *
 * A copy may be done byte by byte, also by a device, so a word that is written at the
 * same time may be torn. It is read again until no write is pending.
 */

#include "igt.h"
#include "race.h"

#define TRIES	50

/* The value includes the scenario, to detect memory that was not cleared. */
uint64_t race_value(const struct race_world *world, const struct race_buffer *buffer,
		    unsigned int page, unsigned int owner, uint32_t seq)
{
	uint64_t id = (buffer - world->buffers) << 13 | page << 5 | owner << 1 | 1;

	id ^= (world->scenario->seed * 0x9e3779b97f4a7c15ULL) >> 48 & 0x1c00;
	return id << 48 | (uint64_t)seq;
}

size_t race_offset(unsigned int page, unsigned int owner)
{
	/* Each word in its own cache line, and none in the first one */
	return page * PFN_PAGE_SIZE + 64 + owner * 192;
}

/* This word is not written after the setup. */
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
