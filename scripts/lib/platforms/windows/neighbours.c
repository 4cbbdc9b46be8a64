/*
 * Runs code in several Luas of one process, each of which is a DLL.
 *
 *   neighbours.exe DLL CODE [DLL CODE...]
 *
 * Every pair opens a state of its own in turn, and no state is closed before the end. Says which one raised an error, and
 * ends with status 1 then.
 */
#include <windows.h>
#include <stdint.h>
#include <stdio.h>

typedef struct lua_State lua_State;

/* Lua's functions, from the DLL at hand. Lua 5.1 has no lua_pcallk, and later ones have no lua_pcall. */
#define FUNCTION(result, name, arguments) result(*name) arguments = (void *)GetProcAddress(library, #name)

static int run(const char *dll, const char *code)
{
    HMODULE library = LoadLibraryA(dll);
    FUNCTION(lua_State *, luaL_newstate, (void));
    FUNCTION(void, luaL_openlibs, (lua_State *));
    FUNCTION(int, luaL_loadstring, (lua_State *, const char *));
    FUNCTION(int, lua_pcall, (lua_State *, int, int, int));
    FUNCTION(int, lua_pcallk, (lua_State *, int, int, int, intptr_t, void *));
    FUNCTION(const char *, lua_tolstring, (lua_State *, int, size_t *));
    lua_State *L;
    int status;
    if (luaL_newstate == NULL)
        return fprintf(stderr, "neighbours: %s has no Lua\n", dll), 1;
    L = luaL_newstate();
    luaL_openlibs(L);
    status = luaL_loadstring(L, code);
    if (status == 0)
        status = lua_pcallk != NULL ? lua_pcallk(L, 0, 0, 0, 0, NULL) : lua_pcall(L, 0, 0, 0);
    if (status != 0)
        fprintf(stderr, "neighbours: %s: %s\n", dll, lua_tolstring(L, -1, NULL));
    return status != 0;
}

int main(int argc, char **argv)
{
    int i, failed = 0;
    for (i = 1; i + 1 < argc; i += 2)
        failed |= run(argv[i], argv[i + 1]);
    return failed;
}
