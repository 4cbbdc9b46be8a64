/*
 * A C library for Lua which opens the module by itself, as programs do that have a loader of their own. The module's DLL
 * is in memory already.
 */
#include <windows.h>

typedef struct lua_State lua_State;

__declspec(dllexport) int luaopen_opener(lua_State *L)
{
    HMODULE module = GetModuleHandleA("core.dll");
    int (*open)(lua_State *) = (void *)GetProcAddress(module, "luaopen_websocket_core");
    volatile int results = open(L); /* a call of its own, and no jump */
    return results;
}
