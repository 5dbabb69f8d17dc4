/* SPDX-License-Identifier: MIT */
/*
 * The part of the IGT API that our tests use.
 *
 * No distribution ships IGT's headers, but the library itself, libigt.so.0 of
 * igt-gpu-tools 2.5, is packaged. This file declares the entry points of that
 * library which the tests call, and the control flow blocks around them, with
 * IGT's names and meaning: the same sources compile unchanged inside a tree of
 * IGT 2.3 or later, where "igt.h" is IGT's own. Before 2.3, of December 2025, blocks
 * were written without parentheses: igt_main, igt_fixture and igt_subtest_group.
 *
 * A block such as igt_subtest() is a for loop with one iteration: the library
 * decides whether to enter it, and a failure or a skip jumps back to its head through
 * igt_subtest_jmpbuf. So no return, break or goto may leave a block.
 *
 * Only declarations of IGT itself may be added here and in the headers beside this one,
 * which have the names that they have in IGT. compat/ has functions that the packaged
 * library lacks. An IGT tree needs neither these headers nor compat/.
 */
#ifndef IGT_H
#define IGT_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "drmtest.h"

#ifndef IGT_LOG_DOMAIN
#define IGT_LOG_DOMAIN NULL
#endif

#define IGT_PRINTF(fmt, args)	__attribute__((format(printf, fmt, args)))
#define IGT_NORETURN		__attribute__((noreturn))

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

struct option;

/* Entry and exit */

typedef int (*igt_opt_handler_t)(int opt, int opt_index, void *data);
int igt_subtest_init_parse_opts(int *argc, char **argv,
				const char *extra_short_opts,
				const struct option *extra_long_opts,
				const char *help_str,
				igt_opt_handler_t extra_opt_handler,
				void *handler_data);
IGT_NORETURN void igt_exit(void);

typedef void (*igt_exit_handler_t)(int sig);
void igt_install_exit_handler(igt_exit_handler_t fn);

extern const char *__igt_test_description __attribute__((weak));
#define IGT_TEST_DESCRIPTION(str) const char *__igt_test_description = str

/* What a handler of options of the test's own returns */
#define IGT_OPT_HANDLER_SUCCESS	0
#define IGT_OPT_HANDLER_ERROR	(-2)

/* After "int" */
#define igt_main_args(short_opts, long_opts, help, handler, data) \
	main(int argc, char **argv); \
	static void igt_test_body(void); \
	int main(int argc, char **argv) \
	{ \
		igt_subtest_init_parse_opts(&argc, argv, short_opts, \
					    long_opts, help, handler, data); \
		igt_test_body(); \
		igt_exit(); \
	} \
	static void igt_test_body(void)
#define igt_main()	igt_main_args(NULL, NULL, NULL, NULL, NULL)

/* Blocks */

extern jmp_buf igt_subtest_jmpbuf;

bool __igt_fixture(void);
void __igt_fixture_complete(void);
bool __igt_run_subtest(const char *name, const char *file, const int line);
void __igt_subtest_group_save(int *skip, int *description);
void __igt_subtest_group_restore(int skip, int description);
void igt_success(void);
IGT_PRINTF(1, 2) void igt_describe_f(const char *fmt, ...);

#define IGT_PASTE2(a, b)	a##b
#define IGT_PASTE(a, b)		IGT_PASTE2(a, b)
#define IGT_UNIQUE(name)	IGT_PASTE(igt_unique_##name##_, __LINE__)

#define igt_describe(text)	igt_describe_f("%s", text)

#define igt_fixture() \
	for (volatile int IGT_UNIQUE(done) = 0; \
	     !IGT_UNIQUE(done) && __igt_fixture() && \
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0; \
	     IGT_UNIQUE(done) = 1, __igt_fixture_complete())

#define igt_subtest(name) \
	for (; __igt_run_subtest((name), __FILE__, __LINE__) && \
	       sigsetjmp(igt_subtest_jmpbuf, 1) == 0; igt_success())

#define IGT_SUBTEST_F(buf, f...) \
	for (char buf[256]; \
	     snprintf(buf, sizeof(buf), f), \
	     __igt_run_subtest(buf, __FILE__, __LINE__) && \
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0; igt_success())
#define igt_subtest_f(f...)	IGT_SUBTEST_F(IGT_UNIQUE(name), f)

#define igt_subtest_group() \
	for (int IGT_UNIQUE(done) = 0, IGT_UNIQUE(skip) = 0, \
	     IGT_UNIQUE(desc) = 0; \
	     !IGT_UNIQUE(done) && \
	     (__igt_subtest_group_save(&IGT_UNIQUE(skip), \
				       &IGT_UNIQUE(desc)), true); \
	     IGT_UNIQUE(done) = 1, \
	     __igt_subtest_group_restore(IGT_UNIQUE(skip), IGT_UNIQUE(desc)))

/* Child processes, whose failures igt_waitchildren() passes on */

bool __igt_fork(void);
void igt_waitchildren(void);
#define igt_fork(child, num) \
	for (int child = 0; child < (num); child++) \
		for (; __igt_fork(); exit(0))

/* Log */

enum igt_log_level {
	IGT_LOG_DEBUG,
	IGT_LOG_INFO,
	IGT_LOG_WARN,
	IGT_LOG_CRITICAL,
	IGT_LOG_NONE,
};

IGT_PRINTF(3, 4) void igt_log(const char *domain, enum igt_log_level level,
			      const char *format, ...);
void igt_emit_ignore_dmesg_regex(const char *regex);
#define igt_debug(f...)	igt_log(IGT_LOG_DOMAIN, IGT_LOG_DEBUG, f)
#define igt_info(f...)	igt_log(IGT_LOG_DOMAIN, IGT_LOG_INFO, f)

/* Verdicts: igt_require() is about the environment, igt_assert() about bugs */

IGT_NORETURN IGT_PRINTF(1, 2) void igt_skip(const char *f, ...);
IGT_NORETURN IGT_PRINTF(5, 6)
void __igt_skip_check(const char *file, const int line, const char *func,
		      const char *check, const char *format, ...);
IGT_NORETURN IGT_PRINTF(6, 7)
void __igt_fail_assert(const char *domain, const char *file, const int line,
		       const char *func, const char *assertion,
		       const char *format, ...);

#define igt_require(expr) \
	do { \
		if (!(expr)) \
			__igt_skip_check(__FILE__, __LINE__, __func__, \
					 #expr, NULL); \
	} while (0)
#define igt_require_f(expr, f...) \
	do { \
		if (!(expr)) \
			__igt_skip_check(__FILE__, __LINE__, __func__, \
					 #expr, f); \
	} while (0)

#define igt_assert(expr) \
	do { \
		if (!(expr)) \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__, __LINE__, \
					  __func__, #expr, NULL); \
	} while (0)
#define igt_assert_f(expr, f...) \
	do { \
		if (!(expr)) \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__, __LINE__, \
					  __func__, #expr, f); \
	} while (0)

#define IGT_ASSERT_CMP(type, n1, cmp, ncmp, n2, fmt, print) \
	do { \
		type igt_n1 = (n1), igt_n2 = (n2); \
		if (!(igt_n1 cmp igt_n2)) \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__, __LINE__, \
					  __func__, #n1 " " #cmp " " #n2, \
					  "error: " fmt " " #ncmp " " fmt "\n", \
					  (print)igt_n1, (print)igt_n2); \
	} while (0)

#define igt_assert_eq(n1, n2) \
	IGT_ASSERT_CMP(int, n1, ==, !=, n2, "%d", int)
#define igt_assert_neq(n1, n2) \
	IGT_ASSERT_CMP(int, n1, !=, ==, n2, "%d", int)
#define igt_assert_lte(n1, n2) \
	IGT_ASSERT_CMP(int, n1, <=, >, n2, "%d", int)
#define igt_assert_lt(n1, n2) \
	IGT_ASSERT_CMP(int, n1, <, >=, n2, "%d", int)
#define igt_assert_eq_u32(n1, n2) \
	IGT_ASSERT_CMP(uint32_t, n1, ==, !=, n2, "%#x", unsigned int)
#define igt_assert_neq_u32(n1, n2) \
	IGT_ASSERT_CMP(uint32_t, n1, !=, ==, n2, "%#x", unsigned int)
#define igt_assert_eq_u64(n1, n2) \
	IGT_ASSERT_CMP(uint64_t, n1, ==, !=, n2, "%#llx", long long)
#define igt_assert_neq_u64(n1, n2) \
	IGT_ASSERT_CMP(uint64_t, n1, !=, ==, n2, "%#llx", long long)
#define igt_assert_lte_u64(n1, n2) \
	IGT_ASSERT_CMP(uint64_t, n1, <=, >, n2, "%#llx", long long)
#define igt_assert_lt_u64(n1, n2) \
	IGT_ASSERT_CMP(uint64_t, n1, <, >=, n2, "%#llx", long long)
#define igt_assert_fd(fd) \
	igt_assert_f((fd) >= 0, "file descriptor " #fd " failed\n")

/* Time */

uint64_t igt_nsec_elapsed(struct timespec *start);

/* IGT has no such macros: tests must not use them. */
#undef IGT_PRINTF
#undef IGT_NORETURN

#endif /* IGT_H */
