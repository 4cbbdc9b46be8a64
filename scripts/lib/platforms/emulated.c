/*
 * Runs PROGRAM in EMULATOR, with the arguments of this program and its name, so that a script which starts its own
 * interpreter by arg[-1] starts it in the emulator, too. A script of the shell in its place would not do: the shell
 * would try to load a library of the other processor that LD_PRELOAD names for PROGRAM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char *first[] = { EMULATOR, "-0", argv[0], "-L", ROOT, PROGRAM };
    const int count = sizeof first / sizeof *first;
    char **words = calloc((size_t)(count + argc), sizeof *words);
    int i;
    if (words == NULL)
        return 126;
    for (i = 0; i < count; i++)
        words[i] = first[i];
    for (i = 1; i < argc; i++)
        words[count + i - 1] = argv[i];
    execv(EMULATOR, words);
    perror(EMULATOR);
    return 127;
}
