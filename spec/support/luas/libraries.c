/*
 * The libraries in C that the specs need, for a Lua that no package has them for. `lfs`, `system.core` and `term.core`
 * have the functions that busted calls, and no others, which do what those of LuaFileSystem, lua-system and lua-term
 * do. `descriptor.core` is what spec/support/descriptor.lua does by LuaSocket otherwise, and `memory.core` is for
 * spec/support/memory.lua on Windows.
 * scripts/lib/lua-sources.sh compiles this file, and scripts/lib/borrow-busted.lua loads it.
 */
#ifdef _WIN32
#include <winsock2.h>
#include <psapi.h>
#include <tlhelp32.h>
#define poll WSAPoll
#define close_socket closesocket
#else
#define _GNU_SOURCE
#include <poll.h>
#define close_socket close
#endif
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"

int luaopen_lfs(lua_State *L);
int luaopen_system_core(lua_State *L);
int luaopen_term_core(lua_State *L);
int luaopen_descriptor_core(lua_State *L);
#ifdef _WIN32
int luaopen_memory_core(lua_State *L);
#endif

static int refuse(lua_State *L, const char *what)
{
    int number = errno;
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", what, strerror(number));
    lua_pushinteger(L, number);
    return 3;
}

/* lfs.attributes(path, "mode") */
static int attributes(lua_State *L)
{
    struct stat file;
    const char *path = luaL_checkstring(L, 1), *wanted = luaL_checkstring(L, 2);
    if (strcmp(wanted, "mode") != 0)
        return luaL_error(L, "of a file's attributes only its mode is known here, not '%s'", wanted);
    if (stat(path, &file) != 0)
        return refuse(L, path);
    lua_pushstring(L, S_ISDIR(file.st_mode) ? "directory" : S_ISREG(file.st_mode) ? "file" : "other");
    return 1;
}

static int next_name(lua_State *L)
{
    int index = (int)lua_tointeger(L, lua_upvalueindex(2)) + 1;
    lua_pushinteger(L, index);
    lua_replace(L, lua_upvalueindex(2));
    lua_rawgeti(L, lua_upvalueindex(1), index);
    return 1;
}

/* lfs.dir(path): an iterator over the names in a directory, all of which are read at once. */
static int dir(lua_State *L)
{
    struct dirent *entry;
    int count = 0;
    const char *path = luaL_checkstring(L, 1);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return luaL_error(L, "cannot open %s: %s", path, strerror(errno));
    lua_newtable(L);
    while ((entry = readdir(directory)) != NULL) {
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -2, ++count);
    }
    closedir(directory);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_name, 2);
    return 1;
}

static int currentdir(lua_State *L)
{
    char path[4096];
    if (getcwd(path, sizeof path) == NULL)
        return refuse(L, "getcwd");
    lua_pushstring(L, path);
    return 1;
}

static int change_dir(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    if (chdir(path) != 0)
        return refuse(L, path);
    lua_pushboolean(L, 1);
    return 1;
}

static int push_clock(lua_State *L, clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        return luaL_error(L, "clock_gettime: %s", strerror(errno));
    lua_pushnumber(L, (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec / 1e9);
    return 1;
}

static int get_time(lua_State *L)
{
    return push_clock(L, CLOCK_REALTIME);
}

static int get_monotonic_time(lua_State *L)
{
    return push_clock(L, CLOCK_MONOTONIC);
}

static int sleep_for(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);
    struct timespec left;
    left.tv_sec = (time_t)seconds;
    left.tv_nsec = (long)((seconds - (lua_Number)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
    return 0;
}

/* term.isatty(file). In every Lua the userdata of a file begins with its FILE. */
static int is_terminal(lua_State *L)
{
    FILE **file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    lua_pushboolean(L, *file != NULL && isatty(fileno(*file)));
    return 1;
}

static int is_readable(lua_State *L)
{
    struct pollfd descriptor = { .fd = luaL_checkinteger(L, 1), .events = POLLIN };
    if (poll(&descriptor, 1, 0) < 0)
        return luaL_error(L, "poll: %s", strerror(errno));
    lua_pushboolean(L, (descriptor.revents & (POLLIN | POLLHUP)) != 0);
    return 1;
}

static int close_descriptor(lua_State *L)
{
    if (close_socket(luaL_checkinteger(L, 1)) != 0)
        return luaL_error(L, "close: %s", strerror(errno));
    return 0;
}

static int push_library(lua_State *L, const luaL_Reg *functions)
{
    lua_newtable(L);
    for (; functions->name != NULL; functions++) {
        lua_pushcfunction(L, functions->func);
        lua_setfield(L, -2, functions->name);
    }
    return 1;
}

int luaopen_lfs(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "attributes", attributes }, { "dir", dir }, { "currentdir", currentdir }, { "chdir", change_dir },
        { NULL, NULL },
    };
    return push_library(L, functions);
}

int luaopen_system_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "gettime", get_time }, { "monotime", get_monotonic_time }, { "sleep", sleep_for }, { NULL, NULL },
    };
    return push_library(L, functions);
}

int luaopen_term_core(lua_State *L)
{
    static const luaL_Reg functions[] = { { "isatty", is_terminal }, { NULL, NULL } };
    return push_library(L, functions);
}

int luaopen_descriptor_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "is_readable", is_readable }, { "close", close_descriptor }, { NULL, NULL },
    };
    return push_library(L, functions);
}

#ifdef _WIN32
static int memory_in_use(lua_State *L)
{
    PROCESS_MEMORY_COUNTERS counters;
    if (!GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters))
        return luaL_error(L, "GetProcessMemoryInfo: error %d", (int)GetLastError());
    lua_pushnumber(L, (lua_Number)counters.PagefileUsage);
    return 1;
}

static int count_threads(lua_State *L)
{
    THREADENTRY32 thread = { .dwSize = sizeof thread };
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    int count = 0, more;
    if (all == INVALID_HANDLE_VALUE)
        return luaL_error(L, "CreateToolhelp32Snapshot: error %d", (int)GetLastError());
    for (more = Thread32First(all, &thread); more; more = Thread32Next(all, &thread))
        count += thread.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(all);
    lua_pushinteger(L, count);
    return 1;
}

/* Tries the numbers that handles have. GetProcessHandleCount would be simpler, but counts none in Wine. */
static int count_handles(lua_State *L)
{
    ULONG_PTR handle;
    DWORD flags;
    int count = 0;
    for (handle = 4; handle < 8192; handle += 4)
        count += GetHandleInformation((HANDLE)handle, &flags) != 0;
    lua_pushinteger(L, count);
    return 1;
}

/* usage(): handles, threads and bytes of memory. */
static int usage(lua_State *L)
{
    return count_handles(L) + count_threads(L) + memory_in_use(L);
}

int luaopen_memory_core(lua_State *L)
{
    static const luaL_Reg functions[] = { { "in_use", memory_in_use }, { "usage", usage }, { NULL, NULL } };
    return push_library(L, functions);
}
#endif
