/*
 * A stand-alone Lua, for the sources in the crate `lua-src`, which leave out lua.c. scripts/lib/lua-sources.sh compiles
 * it together with them.
 *
 *   lua [-v] [-e CODE] [-l MODULE] [--] [SCRIPT | -] [ARGUMENTS...]
 *
 * It does what lua.c does with these options: `arg` and `...` have the arguments, an error is shown with a traceback
 * and ends the program with status 1, and Ctrl-C raises the error "interrupted!". `-` or no script reads stdin. It has
 * no prompt, and reads no LUA_INIT.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"

#if LUA_VERSION_NUM < 502
#define LUA_OK 0
#define VERSION LUA_RELEASE "  " LUA_COPYRIGHT
#else
#define VERSION LUA_COPYRIGHT
#endif

/* The state that Ctrl-C interrupts, and the name that stands before errors. */
static lua_State *running;
static const char *program = "lua";

static void raise_interrupt(lua_State *L, lua_Debug *unused)
{
    (void)unused;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "interrupted!");
}

/* A signal handler may not raise an error, so it sets a hook. A second Ctrl-C ends the program. */
static void interrupt(int signal_number)
{
    signal(signal_number, SIG_DFL);
    lua_sethook(running, raise_interrupt, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

/* Appends a traceback to the text of an error. */
static int add_traceback(lua_State *L)
{
    if (lua_tostring(L, 1) == NULL) {
        if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING)
            return 1;
        lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
        lua_replace(L, 1);
    }
    lua_settop(L, 1);
    lua_getglobal(L, "debug");
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        return 1;
    }
    lua_getfield(L, -1, "traceback");
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 2);
    lua_call(L, 2, 1);
    return 1;
}

/* Shows the error on top of the stack, unless the status says that there is none. Returns the status. */
static int report(lua_State *L, int status)
{
    if (status != LUA_OK) {
        const char *text = lua_tostring(L, -1);
        fflush(stdout);
        fprintf(stderr, "%s: %s\n", program, text != NULL ? text : "(error without a text)");
        fflush(stderr);
        lua_pop(L, 1);
    }
    return status;
}

/* Calls the function below its arguments, and shows an error. */
static int call(lua_State *L, int arguments, int results)
{
    int handler = lua_gettop(L) - arguments, status;
    lua_pushcfunction(L, add_traceback);
    lua_insert(L, handler);
    running = L;
    signal(SIGINT, interrupt);
    status = lua_pcall(L, arguments, results, handler);
    signal(SIGINT, SIG_DFL);
    lua_remove(L, handler);
    return report(L, status);
}

static int run_code(lua_State *L, const char *code)
{
    int status = luaL_loadbuffer(L, code, strlen(code), "=(command line)");
    return status == LUA_OK ? call(L, 0, 0) : report(L, status);
}

/* What the module returns becomes the global of its name. */
static int load_module(lua_State *L, const char *name)
{
    int status;
    lua_getglobal(L, "require");
    lua_pushstring(L, name);
    status = call(L, 1, 1);
    if (status == LUA_OK)
        lua_setglobal(L, name);
    return status;
}

/* argv[script] is the name of the script, NULL for stdin; what follows are its arguments. */
static int run_script(lua_State *L, char **argv, int script)
{
    const char *name = argv[script];
    int arguments = 0, status = luaL_loadfile(L, name != NULL && strcmp(name, "-") != 0 ? name : NULL);
    if (status != LUA_OK)
        return report(L, status);
    for (; name != NULL && argv[script + 1 + arguments] != NULL; arguments++) {
        luaL_checkstack(L, 2, "too many arguments");
        lua_pushstring(L, argv[script + 1 + arguments]);
    }
    return call(L, arguments, 0);
}

/* The script is arg[0], as in lua.c; without one the program itself is. */
static void set_arguments(lua_State *L, char **argv, int script)
{
    int i;
    if (argv[script] == NULL)
        script = 0;
    lua_newtable(L);
    for (i = 0; argv[i] != NULL; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - script);
    }
    lua_setglobal(L, "arg");
}

static int takes_argument(const char *option)
{
    return strcmp(option, "-e") == 0 || strcmp(option, "-l") == 0;
}

/* Returns the index of the first word that is no option, or 0 where an option is unknown or lacks its argument. */
static int end_of_options(char **argv)
{
    int i = 1;
    for (; argv[i] != NULL && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        if (takes_argument(argv[i])) {
            if (argv[++i] == NULL)
                return 0;
        } else if (strcmp(argv[i], "-v") != 0) {
            return 0;
        }
    }
    return i;
}

static int run_options(lua_State *L, char **argv, int end)
{
    int i, status = LUA_OK;
    for (i = 1; i < end && status == LUA_OK; i++) {
        if (strcmp(argv[i], "-e") == 0)
            status = run_code(L, argv[++i]);
        else if (strcmp(argv[i], "-l") == 0)
            status = load_module(L, argv[++i]);
    }
    return status;
}

/* As in lua.c, options without a script do not read stdin. */
static int run(lua_State *L, char **argv)
{
    int script = end_of_options(argv);
    if (script == 0) {
        fprintf(stderr, "usage: %s [-v] [-e CODE] [-l MODULE] [--] [SCRIPT | -] [ARGUMENTS...]\n", program);
        return 1;
    }
    if (script > 1 && strcmp(argv[1], "-v") == 0)
        printf("%s\n", VERSION);
    luaL_openlibs(L);
#if LUA_VERSION_NUM >= 504
    lua_gc(L, LUA_GCGEN, 0, 0); /* lua.c chooses this mode, a new state does not */
#endif
    set_arguments(L, argv, script);
    if (run_options(L, argv, script) != LUA_OK)
        return 1;
    if (script > 1 && argv[script] == NULL)
        return 0;
    return run_script(L, argv, script) != LUA_OK;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    int failed;
    if (argc > 0 && argv[0][0] != '\0')
        program = argv[0];
    if (L == NULL) {
        fprintf(stderr, "%s: not enough memory for a Lua state\n", program);
        return 1;
    }
    failed = argc > 0 ? run(L, argv) : 1;
    lua_close(L);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
