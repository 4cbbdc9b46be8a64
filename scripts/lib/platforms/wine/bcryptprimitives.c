/*
 * What Wine 8 lacks of Windows: Rust's standard library takes random bytes from this DLL, which Windows has had since
 * version 7. It stands beside each program that runs in Wine, and is not shipped.
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID bytes, ULONG length); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length)
{
    return SystemFunction036(bytes, (ULONG)length);
}
