/*
 * Chooses who unwinds the stack for a module that contains an unwinder of its own, LLVM's, which zig links in place of
 * GCC's libgcc_s. unwinder.sh compiles it together with that one, whose functions it names OWN_Raise and so on.
 *
 * An error of LuaJIT, or of a Lua that is compiled as C++, unwinds the frames of the module, too, by the libgcc_s of
 * the process. It asks a function of Rust about each frame, and that function asks the unwinder about what it was given.
 * If this were another one than has called it, the process would crash. So where libgcc_s is loaded when the module is,
 * the module uses that for everything.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

/* F(result, name, parameters, arguments) for each function that Rust's standard library calls. */
#define FUNCTIONS(F) \
    F(int, RaiseException, (void *exception), (exception)) \
    F(void, Resume, (void *exception), (exception)) \
    F(void, DeleteException, (void *exception), (exception)) \
    F(int, Backtrace, (void *visit, void *argument), (visit, argument)) \
    F(uintptr_t, GetLanguageSpecificData, (void *context), (context)) \
    F(uintptr_t, GetRegionStart, (void *context), (context)) \
    F(uintptr_t, GetTextRelBase, (void *context), (context)) \
    F(uintptr_t, GetDataRelBase, (void *context), (context)) \
    F(uintptr_t, GetIP, (void *context), (context)) \
    F(uintptr_t, GetIPInfo, (void *context, int *before), (context, before)) \
    F(uintptr_t, GetCFA, (void *context), (context)) \
    F(uintptr_t, GetGR, (void *context, int index), (context, index)) \
    F(void, SetGR, (void *context, int index, uintptr_t value), (context, index, value)) \
    F(void, SetIP, (void *context, uintptr_t value), (context, value)) \
    F(void *, FindEnclosingFunction, (void *address), (address))

#define DECLARE(result, name, parameters, arguments) \
    result OWN_##name parameters; \
    result _Unwind_##name parameters; \
    static result (*chosen_##name) parameters = OWN_##name;
FUNCTIONS(DECLARE)

#define FORWARD(result, name, parameters, arguments) \
    __attribute__((visibility("hidden"))) result _Unwind_##name parameters { return chosen_##name arguments; }
FUNCTIONS(FORWARD)

#define FIND(result, name, parameters, arguments) && (found[count++] = dlsym(library, "_Unwind_" #name)) != NULL
#define TAKE(result, name, parameters, arguments) *(void **)&chosen_##name = found[count++];
#define COUNT(result, name, parameters, arguments) +1

/* Runs when the module is loaded, before anything can call it. */
__attribute__((constructor)) static void choose(void)
{
    void *found[0 FUNCTIONS(COUNT)];
    size_t count = 0;
    void *library = dlopen("libgcc_s.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (library == NULL)
        return;
    if (1 FUNCTIONS(FIND)) {
        count = 0;
        FUNCTIONS(TAKE)
        return; /* the library stays open, so that it stays loaded */
    }
    dlclose(library);
}
