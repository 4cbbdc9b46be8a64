/*
 * Connects a Lua in Wine to shell.py, which runs commands of the Unix shell for it. shell.lua makes io.popen and
 * os.execute of these functions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>

#include "lua.h"
#include "lauxlib.h"

int luaopen_shell(lua_State *L);

static SOCKET socket_of(lua_State *L)
{
    return (SOCKET)luaL_checknumber(L, 1);
}

static int send_all(SOCKET connection, const char *text, size_t length)
{
    while (length > 0) {
        int count = send(connection, text, length > 65536 ? 65536 : (int)length, 0);
        if (count <= 0)
            return 0;
        text += count;
        length -= (size_t)count;
    }
    return 1;
}

/* open(mode, command): returns a number for the other functions. */
static int open_shell(lua_State *L)
{
    size_t length;
    char head[128], secret[64];
    int port;
    struct sockaddr_in address;
    const char *mode = luaL_checkstring(L, 1), *command = luaL_checklstring(L, 2, &length), *shell = getenv("UNIX_SHELL");
    SOCKET connection;
    if (shell == NULL || sscanf(shell, "%d %63s", &port, secret) != 2)
        return luaL_error(L, "the variable UNIX_SHELL names no shell");
    connection = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((u_short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(head, sizeof head, "%s%c%010u", secret, mode[0], (unsigned)length);
    if (connection == INVALID_SOCKET || connect(connection, (struct sockaddr *)&address, sizeof address) != 0 ||
        !send_all(connection, head, strlen(head)) || !send_all(connection, command, length))
        return luaL_error(L, "no connection to the shell: error %d", WSAGetLastError());
    lua_pushnumber(L, (lua_Number)connection);
    return 1;
}

/* receive(connection): returns bytes, or nil at the end. */
static int receive(lua_State *L)
{
    char bytes[4096];
    int count = recv(socket_of(L), bytes, sizeof bytes, 0);
    if (count <= 0)
        return 0;
    lua_pushlstring(L, bytes, (size_t)count);
    return 1;
}

/* send(connection, text): tells whether all of it was sent. */
static int send_text(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 2, &length);
    lua_pushboolean(L, send_all(socket_of(L), text, length));
    return 1;
}

/* close(connection) */
static int close_shell(lua_State *L)
{
    closesocket(socket_of(L));
    return 0;
}

int luaopen_shell(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "open", open_shell }, { "receive", receive }, { "send", send_text }, { "close", close_shell }, { NULL, NULL },
    };
    const luaL_Reg *function;
    WSADATA unused;
    if (WSAStartup(MAKEWORD(2, 2), &unused) != 0)
        return luaL_error(L, "Winsock does not start");
    lua_newtable(L);
    for (function = functions; function->name != NULL; function++) {
        lua_pushcfunction(L, function->func);
        lua_setfield(L, -2, function->name);
    }
    return 1;
}
