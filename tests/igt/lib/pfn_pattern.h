/* SPDX-License-Identifier: MIT */
/*
 * A seeded pattern in which every word depends on the seed and on its position. A page
 * of another buffer, or at the wrong position, does not match. Does not need IGT.
 */
#ifndef PFN_PATTERN_H
#define PFN_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* The 8-byte word at byte offset 8 * @word of a buffer */
static inline uint64_t pfn_pattern_word(uint64_t seed, uint64_t word)
{
	return (seed ^ 0x9e3779b97f4a7c15ULL) + word * 0xd1342543de82ef95ULL;
}

/*
 * @offset: byte offset of @data in the buffer. @offset and @length are multiples of 8.
 */
static inline void pfn_pattern_fill(void *data, uint64_t offset, size_t length,
				    uint64_t seed)
{
	uint64_t *p = data, word = offset / 8;
	size_t i;

	for (i = 0; i < length / 8; i++)
		p[i] = pfn_pattern_word(seed, word + i);
}

#define PFN_PATTERN_OK	UINT64_MAX

/* Byte offset from @data of the first wrong word, or PFN_PATTERN_OK */
static inline uint64_t pfn_pattern_check(const void *data, uint64_t offset,
					 size_t length, uint64_t seed)
{
	const uint64_t *p = data;
	uint64_t word = offset / 8;
	size_t i;

	for (i = 0; i < length / 8; i++)
		if (p[i] != pfn_pattern_word(seed, word + i))
			return i * 8;
	return PFN_PATTERN_OK;
}

/* xorshift: the next number after *@state, which must not be zero */
static inline uint64_t pfn_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/*
 * Compute the @n-th permutation of @num items: each digit of @n picks one of the rest.
 */
static inline void pfn_nth_order(int n, int *order, int num)
{
	int i, j, pick;

	for (i = 0; i < num; i++)
		order[i] = i;
	for (i = 0; i < num; i++) {
		pick = order[i + n % (num - i)];
		for (j = i + n % (num - i); j > i; j--)
			order[j] = order[j - 1];
		n /= num - i;
		order[i] = pick;
	}
}

#endif /* PFN_PATTERN_H */
