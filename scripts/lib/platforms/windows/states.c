/*
 * Opens and closes Lua states in turn, each of which runs a script that loads the module and leaves a connection open.
 *
 *   states.exe COUNT SCRIPT [ARGUMENT]
 *
 * `lua_close` frees the module's DLL while a thread of the module may still run in it. Unless the module stays in
 * memory this program says so, or crashes, because of the pauses after some of the states. The script finds the
 * argument in the global `argument`.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"

int main(int argc, char **argv)
{
    long i, count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    if (count < 1)
        return fprintf(stderr, "usage: states.exe COUNT SCRIPT [ARGUMENT]\n"), 2;
    for (i = 0; i < count; i++) {
        lua_State *L = luaL_newstate();
        luaL_openlibs(L);
        lua_pushstring(L, argc > 3 ? argv[3] : "");
        lua_setglobal(L, "argument");
        if (luaL_loadfile(L, argv[2]) || lua_pcall(L, 0, 0, 0)) {
            fprintf(stderr, "states: %s\n", lua_tostring(L, -1));
            return 1;
        }
        lua_close(L);
        if (GetModuleHandleA("core.dll") == NULL)
            return fprintf(stderr, "states: lua_close has removed core.dll from memory\n"), 1;
        Sleep((DWORD)(i % 3 * 20));
    }
    Sleep(300);
    printf("%ld states\n", count);
    return 0;
}
