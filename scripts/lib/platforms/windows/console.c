/*
 * Starts a program on a console of its own, and tells how it ends. scripts/lib/exits runs it.
 *
 *   console.exe PAUSE PROGRAM [ARGUMENTS...]
 *
 * The program prints the line "ready". After PAUSE milliseconds it gets Ctrl-C, or nothing if PAUSE is "-". Prints
 * "ready", the milliseconds from then to the end, and the exit status. What the program writes to stderr goes to
 * stderr.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds for the first line, and for the end. */
#define PATIENCE 30000

static BOOL WINAPI ignore(DWORD event)
{
    return event == CTRL_C_EVENT;
}

static int fail(const char *what)
{
    fprintf(stderr, "console: %s failed: error %lu\n", what, GetLastError());
    return 1;
}

/* Joins the arguments to a command line. None of them has a quotation mark or ends with a backslash. */
static char *command_line(char **words)
{
    size_t length = 1;
    char **word, *line;
    for (word = words; *word != NULL; word++)
        length += strlen(*word) + 3;
    line = calloc(1, length);
    for (word = words; line != NULL && *word != NULL; word++)
        sprintf(line + strlen(line), "\"%s\" ", *word);
    return line;
}

/* Ends a program that hangs, so that its pipe ends, too. */
static DWORD WINAPI watch(void *process)
{
    if (WaitForSingleObject(process, PATIENCE) == WAIT_TIMEOUT)
        TerminateProcess(process, 99);
    return 0;
}

static int is_ready(HANDLE pipe)
{
    char text[16];
    DWORD count = 0, more = 0;
    while (count < 6 && ReadFile(pipe, text + count, sizeof text - count, &more, NULL) && more > 0)
        count += more;
    return count >= 5 && memcmp(text, "ready", 5) == 0;
}

int main(int argc, char **argv)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    STARTUPINFOA start = {.cb = sizeof start};
    PROCESS_INFORMATION child;
    HANDLE pipe, other_end;
    DWORD begin, status;
    if (argc < 3)
        return fprintf(stderr, "usage: console.exe PAUSE PROGRAM [ARGUMENTS...]\n"), 2;
    FreeConsole();
    if (!AllocConsole())
        return fail("AllocConsole");
    SetConsoleCtrlHandler(ignore, TRUE);
    if (!CreatePipe(&pipe, &other_end, &inherited, 0) || !SetHandleInformation(pipe, HANDLE_FLAG_INHERIT, 0))
        return fail("CreatePipe");
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdOutput = other_end;
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!CreateProcessA(NULL, command_line(argv + 2), NULL, NULL, TRUE, 0, NULL, NULL, &start, &child))
        return fail("CreateProcess");
    CloseHandle(other_end);
    CreateThread(NULL, 0, watch, child.hProcess, 0, NULL);
    if (!is_ready(pipe))
        return fprintf(stderr, "console: the program did not print \"ready\"\n"), 1;
    if (strcmp(argv[1], "-") != 0)
        Sleep(strtoul(argv[1], NULL, 10));
    begin = GetTickCount();
    if (strcmp(argv[1], "-") != 0 && !GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0))
        return fail("GenerateConsoleCtrlEvent");
    WaitForSingleObject(child.hProcess, INFINITE);
    if (!GetExitCodeProcess(child.hProcess, &status))
        return fail("GetExitCodeProcess");
    printf("ready %lu %ld\n", GetTickCount() - begin, (long)status);
    return 0;
}
