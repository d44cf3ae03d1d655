/*
 * What Go asks of Windows 10 and wine 8 does not have. Go loads this library,
 * for its random numbers, before it does anything else. A wine that has one of
 * its own is not given this one.
 */
#include <windows.h>
#include <winternl.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
	return RtlGenRandom(data, (ULONG)size);
}

/*
 * os.RemoveAll deletes an open file, and falls back to a plain deletion if a
 * status says that the system lacks this. The status of wine is another one.
 */
#define FILE_DISPOSITION_INFORMATION_EX_CLASS 64
#define NOT_SUPPORTED ((NTSTATUS)0xC00000BB)

typedef NTSTATUS (NTAPI *set_information)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, ULONG);

static set_information wines;

static NTSTATUS NTAPI ours(HANDLE file, IO_STATUS_BLOCK *status, void *data, ULONG size, ULONG class)
{
	if (class == FILE_DISPOSITION_INFORMATION_EX_CLASS)
		return NOT_SUPPORTED;
	return wines(file, status, data, size, class);
}

/* A system call's function can be moved: no address in it is relative. */
enum { LENGTH = 32 };

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *reserved)
{
	static const BYTE load[] = {0x48, 0xb8}, jump[] = {0xff, 0xe0}; /* mov rax, ours; jmp rax */
	set_information to = ours;
	BYTE *function, *copy;
	DWORD before;

	if (reason != DLL_PROCESS_ATTACH)
		return TRUE;
	function = (BYTE *)GetProcAddress(GetModuleHandleA("ntdll"), "NtSetInformationFile");
	copy = VirtualAlloc(NULL, LENGTH, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
	if (!function || !copy || !VirtualProtect(function, LENGTH, PAGE_EXECUTE_READWRITE, &before))
		return FALSE;
	memcpy(copy, function, LENGTH);
	wines = (set_information)copy;
	memcpy(function, load, sizeof load);
	memcpy(function + sizeof load, &to, sizeof to);
	memcpy(function + sizeof load + sizeof to, jump, sizeof jump);
	return TRUE;
}
