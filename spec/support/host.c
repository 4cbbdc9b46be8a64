/*
 * A program that hosts Lua in ways that a stock interpreter does not: with several states, on several threads, which
 * are opened and closed repeatedly, and with an allocator that can fail. The specs run it by host.lua;
 * scripts/lib/host.sh compiles it for each Lua.
 *
 *   host run FILE              one state: open, run, close
 *   host again N FILE          one state after another, N times
 *   host threads N FILE        N states at once, each on a thread of its own
 *   host beside N FILE         one state after another, N times, on each of two threads at once
 *   host moved FILE            a state that is opened and closed on the main thread, and run on another
 *   host atexit FILE           a state that is opened and run, and closed by a function of atexit
 *
 * A script is called with the number of its turn or thread, and finds the functions below in the global table `host`.
 * After a state was closed on the main thread, `host.closing()` tells the next state how long that took.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

#include "heap.h"

/* These belong to the state that runs on this thread. */
static __thread jmp_buf closed_within;
static __thread long until_failure, failures;
static __thread size_t in_use, limit = (size_t)-1;
static double last_closing, worst_closing;
static int no_threads, leaves_more_behind;
/* An emulator in which this program runs has a thread of its own. */
static int threads_of_emulator;

int __lsan_is_turned_off(void);

/* LeakSanitizer asks whether to look for leaks. It must not do so in a forked child, which has memory of threads that
 * it does not have, nor after a longjmp out of the module. */
int __lsan_is_turned_off(void)
{
    return leaves_more_behind;
}

/* The module, too, finds this function before that of the C library. It fails if the script wants it to. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_threads)
        return EAGAIN;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, start, argument);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Fails twice in a row, because from Lua 5.2 on the first failure makes Lua collect garbage and try again. Shrinking a
 * block must not fail. */
static void *allocate(void *unused, void *block, size_t old_size, size_t new_size)
{
    (void)unused;
    old_size = block == NULL ? 0 : old_size;
    if (new_size > old_size && until_failure > 0 && --until_failure < 2) {
        failures++;
        return NULL;
    }
    if (new_size > old_size && in_use + new_size - old_size > limit) {
        failures++;
        return NULL;
    }
    in_use += new_size - old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

/* host.fail(n): the n-th allocation from now on and the next one fail; with 0 none fails. Returns how many have failed
 * since the last call. */
static int host_fail(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1);
    lua_pushinteger(L, failures);
    until_failure = count > 0 ? (long)count + 1 : 0;
    failures = 0;
    return 1;
}

/* host.limit(bytes): limits how much more memory Lua may allocate; without a number there is no limit. */
static int host_limit(lua_State *L)
{
    limit = lua_isnumber(L, 1) ? in_use + (size_t)lua_tonumber(L, 1) : (size_t)-1;
    return 0;
}

/* host.memory(bytes): limits how much more memory the process may map; without a number there is no limit. */
static int host_memory(lua_State *L)
{
    struct rlimit limit;
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu", &pages) != 1)
        return luaL_error(L, "/proc/self/statm cannot be read");
    fclose(file);
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = lua_isnumber(L, 1) ? pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)lua_tonumber(L, 1)
                                        : limit.rlim_max;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return luaL_error(L, "setrlimit: %s", strerror(errno));
    return 0;
}

static int entries(const char *path)
{
    struct dirent *entry;
    int count = 0;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return -1;
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* host.usage(): the number of descriptors and threads, and the bytes of the C heap that are in use. */
static int host_usage(lua_State *L)
{
    lua_pushinteger(L, entries("/proc/self/fd") - 1);
    lua_pushinteger(L, entries("/proc/self/task") - threads_of_emulator);
    lua_pushnumber(L, (lua_Number)heap_in_use());
    return 3;
}

static int host_now(lua_State *L)
{
    lua_pushnumber(L, now());
    return 1;
}

/* host.closing(): seconds that the last lua_close took, and the worst. */
static int host_closing(lua_State *L)
{
    lua_pushnumber(L, last_closing);
    lua_pushnumber(L, worst_closing);
    return 2;
}

/* host.fork(): returns 0 in the child, and the number of the child in the parent. */
static int host_fork(lua_State *L)
{
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0)
        leaves_more_behind = 1;
    lua_pushinteger(L, child);
    return 1;
}

/* host.wait(child): returns the exit status of the child, and the signal that killed it or 0. */
static int host_wait(lua_State *L)
{
    int status = 0;
    if (waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0) < 0)
        return luaL_error(L, "waitpid: %s", strerror(errno));
    lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    lua_pushinteger(L, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 2;
}

/* host.files(allowed): allows or forbids more descriptors than those that are open. */
static int host_files(lua_State *L)
{
    struct rlimit limit;
    int first_free = dup(0);
    if (first_free >= 0)
        close(first_free);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = lua_toboolean(L, 1) || first_free < 0 ? limit.rlim_max : (rlim_t)first_free;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return luaL_error(L, "setrlimit: %s", strerror(errno));
    return 0;
}

/* host.threads(allowed): allows or forbids new threads. */
static int host_threads(lua_State *L)
{
    no_threads = !lua_toboolean(L, 1);
    return 0;
}

static void close_state(lua_State *L)
{
    double start = now();
    lua_close(L);
    last_closing = now() - start;
    if (last_closing > worst_closing)
        worst_closing = last_closing;
}

/* host.close(): closes the state while the script runs, as a program may do that gives up on it; does not return. */
static int host_close(lua_State *L)
{
    lua_State *state;
    lua_getfield(L, LUA_REGISTRYINDEX, "host.state");
    state = lua_touserdata(L, -1);
    close_state(state);
    leaves_more_behind = 1;
    longjmp(closed_within, 1);
}

static const luaL_Reg functions[] = {
    { "fail", host_fail }, { "limit", host_limit }, { "memory", host_memory },
    { "usage", host_usage }, { "now", host_now }, { "closing", host_closing },
    { "fork", host_fork }, { "wait", host_wait }, { "files", host_files }, { "threads", host_threads },
    { "close", host_close }, { NULL, NULL },
};

static lua_State *open_state(void)
{
    const luaL_Reg *each;
    lua_State *L;
    until_failure = 0;
    in_use = 0;
    limit = (size_t)-1;
#if LUA_VERSION_NUM >= 505
    L = lua_newstate(allocate, NULL, luaL_makeseed(NULL));
#else
    L = lua_newstate(allocate, NULL);
#endif
    if (L == NULL)
        return NULL;
    luaL_openlibs(L);
    lua_pushlightuserdata(L, L);
    lua_setfield(L, LUA_REGISTRYINDEX, "host.state");
    lua_newtable(L);
    for (each = functions; each->name != NULL; each++) {
        lua_pushcfunction(L, each->func);
        lua_setfield(L, -2, each->name);
    }
    lua_setglobal(L, "host");
    return L;
}

/* Runs the script; returns 0 if it has not raised an error. */
static int run_script(lua_State *L, const char *file, int number)
{
    int failed;
    lua_getglobal(L, "debug");
    lua_getfield(L, -1, "traceback");
    lua_remove(L, -2);
    failed = luaL_loadfile(L, file);
    if (!failed) {
        lua_pushinteger(L, number);
        failed = lua_pcall(L, 1, 0, -3);
    }
    if (failed) {
        const char *text = lua_tostring(L, -1);
        fprintf(stderr, "%s\n", text != NULL ? text : "(error is no string)");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return failed != 0;
}

static int whole_life(const char *file, int number)
{
    lua_State *L;
    volatile int failed = 0;
    if (setjmp(closed_within) != 0)
        return failed;
    L = open_state();
    if (L == NULL)
        return 1;
    failed = run_script(L, file, number);
    close_state(L);
    return failed;
}

struct job {
    pthread_t thread;
    lua_State *state;
    const char *file;
    int number, failed, lives;
};

static void *live_on_thread(void *argument)
{
    struct job *job = argument;
    job->failed = job->state != NULL ? run_script(job->state, job->file, job->number)
                                     : whole_life(job->file, job->number);
    return NULL;
}

static void *live_again(void *argument)
{
    struct job *job = argument;
    int i;
    for (i = 1; i <= job->lives && !job->failed; i++)
        job->failed = whole_life(job->file, i);
    return NULL;
}

static int run_threads(int count, void *(*live)(void *), int lives, const char *file)
{
    struct job *jobs = calloc((size_t)count, sizeof *jobs);
    int i, failed = 0;
    for (i = 0; i < count; i++) {
        jobs[i].file = file;
        jobs[i].number = i + 1;
        jobs[i].lives = lives;
        if (pthread_create(&jobs[i].thread, NULL, live, &jobs[i]) != 0)
            return 1;
    }
    for (i = 0; i < count; i++) {
        pthread_join(jobs[i].thread, NULL);
        failed |= jobs[i].failed;
    }
    free(jobs);
    return failed;
}

static int run_moved(const char *file)
{
    struct job job = { .state = open_state(), .file = file, .number = 1 };
    if (job.state == NULL || pthread_create(&job.thread, NULL, live_on_thread, &job) != 0)
        return 1;
    pthread_join(job.thread, NULL);
    close_state(job.state);
    return job.failed;
}

static lua_State *left_open;

static void close_what_is_left(void)
{
    close_state(left_open);
}

/* The thread-local data of the main thread is destroyed before this closes the state. */
static int run_atexit(const char *file)
{
    left_open = open_state();
    if (left_open == NULL || atexit(close_what_is_left) != 0)
        return 1;
    return run_script(left_open, file, 1);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    const char *file = argv[argc - 1];
    int count = argc > 3 ? atoi(argv[2]) : 1;
    int i, failed = 0;
    threads_of_emulator = entries("/proc/self/task") - 1;
    if (argc == 3 && strcmp(command, "moved") == 0)
        return run_moved(file);
    if (argc == 3 && strcmp(command, "atexit") == 0)
        return run_atexit(file);
    if (argc == 4 && strcmp(command, "threads") == 0)
        return run_threads(count, live_on_thread, 1, file);
    if (argc == 4 && strcmp(command, "beside") == 0)
        return run_threads(2, live_again, count, file);
    if ((argc == 3 && strcmp(command, "run") == 0) || (argc == 4 && strcmp(command, "again") == 0)) {
        for (i = 1; i <= count && !failed; i++)
            failed = whole_life(file, i);
        return failed;
    }
    fprintf(stderr, "usage: host run FILE | again N FILE | threads N FILE | beside N FILE | moved FILE | atexit FILE\n");
    return 2;
}
