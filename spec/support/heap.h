/*
 * heap_in_use(): the bytes of the C heap that are in use in this process. Included by host.c alone, before all that
 * allocates, since it replaces functions of a C library that does not tell.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>

#ifdef __GLIBC__
static size_t heap_in_use(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}
#else
/* The whole process, the module and musl's own calloc included, finds these functions before those of the C library. */
static size_t counted;

/* The type of the result is that of any function. */
typedef void (*function)(void);

static function next(void **real, const char *name)
{
    void *found = __atomic_load_n(real, __ATOMIC_RELAXED);
    function result;
    if (found == NULL) {
        found = dlsym(RTLD_NEXT, name);
        __atomic_store_n(real, found, __ATOMIC_RELAXED);
    }
    *(void **)&result = found;
    return result;
}

static void *count(void *block)
{
    if (block != NULL)
        __atomic_add_fetch(&counted, malloc_usable_size(block), __ATOMIC_RELAXED);
    return block;
}

void *malloc(size_t size)
{
    static void *real;
    return count(((void *(*)(size_t))next(&real, "malloc"))(size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    static void *real;
    return count(((void *(*)(size_t, size_t))next(&real, "aligned_alloc"))(alignment, size));
}

void *realloc(void *block, size_t size)
{
    static void *real;
    size_t before = block != NULL ? malloc_usable_size(block) : 0;
    void *moved = ((void *(*)(void *, size_t))next(&real, "realloc"))(block, size);
    if (moved != NULL)
        __atomic_sub_fetch(&counted, before, __ATOMIC_RELAXED);
    return count(moved);
}

void free(void *block)
{
    static void *real;
    if (block != NULL)
        __atomic_sub_fetch(&counted, malloc_usable_size(block), __ATOMIC_RELAXED);
    ((void (*)(void *))next(&real, "free"))(block);
}

static size_t heap_in_use(void)
{
    return __atomic_load_n(&counted, __ATOMIC_RELAXED);
}
#endif
