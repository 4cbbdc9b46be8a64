/*
 * Replaces getaddrinfo of the C library for some names: LD_PRELOAD=resolver.so.
 * hang.invalid never resolves and never fails; both.invalid is ::1 and 127.0.0.1, in this order, whatever /etc/hosts
 * contains; far.invalid is 192.0.2.1, an address for documentation. Every other name is passed on to the real
 * getaddrinfo. All results are freed by the real freeaddrinfo.
 * cc -shared -fPIC -o resolver.so resolver.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
    resolve *real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo *last;
    int error;

    if (real == NULL)
        return EAI_SYSTEM;
    while (name != NULL && strcasecmp(name, "hang.invalid") == 0)
        poll(NULL, 0, -1);
    if (name != NULL && strcasecmp(name, "far.invalid") == 0)
        return real("192.0.2.1", service, hints, list);
    if (name == NULL || strcasecmp(name, "both.invalid") != 0)
        return real(name, service, hints, list);
    error = real("::1", service, hints, list);
    if (error != 0)
        return error;
    for (last = *list; last->ai_next != NULL; last = last->ai_next)
        ;
    /* glibc frees a list node by node, so two lists may become one. */
    error = real("127.0.0.1", service, hints, &last->ai_next);
    if (error != 0)
        freeaddrinfo(*list);
    return error;
}
