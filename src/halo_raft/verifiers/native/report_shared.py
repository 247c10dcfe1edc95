"""How C and C++ tests report that share a process with the candidate: every check by itself, with a secret.

The secret is read from standard input before any constructor of the candidate runs, and standard input
is closed again; lines are written by a system call of our own, since the candidate may define `write`.
This makes forging hard, not impossible: verdicts from here say `integrity: in_process`.
"""

SHARED_HEADER = r"""
#define HALO_RAFT_SECRET 32
static char halo_raft_secret[HALO_RAFT_SECRET];
#if defined(__x86_64__)
static long halo_raft_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
enum { halo_raft_read = 0, halo_raft_write = 1, halo_raft_close = 3 };
#elif defined(__aarch64__)
static long halo_raft_call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
enum { halo_raft_read = 63, halo_raft_write = 64, halo_raft_close = 57 };
#endif
static void halo_raft_begin(int count, char** arguments, char** environment) {
  halo_raft_call(halo_raft_read, 0, (long)halo_raft_secret, HALO_RAFT_SECRET);
  halo_raft_call(halo_raft_close, 0, 0, 0);
}
__attribute__((section(".preinit_array"), used)) static void (*halo_raft_first)(int, char**, char**) = halo_raft_begin;
static void halo_raft_send(const char* word, int number) {
  char line[HALO_RAFT_SECRET + 24];
  int at = 0, scale = 100000;
  for (; at < HALO_RAFT_SECRET; at++) line[at] = halo_raft_secret[at];
  line[at++] = ' ';
  for (; *word; word++) line[at++] = *word;
  line[at++] = ' ';
  for (; scale; scale /= 10) line[at++] = (char)('0' + number / scale % 10);
  line[at++] = '\n';
  halo_raft_call(halo_raft_write, 3, (long)line, at);
}
static void halo_raft_check(int number, int right) { halo_raft_send(right ? "ok" : "bad", number); }
#undef assert
#define assert(...) halo_raft_check(__COUNTER__ - HALO_RAFT_BASE - 1, (__VA_ARGS__) ? 1 : 0)
enum { HALO_RAFT_BASE = __COUNTER__ };
#define main halo_raft_tests
"""
SHARED_MAIN = r"""
#undef main
int main(void) {
  int status = halo_raft_tests();
  if (!status) halo_raft_send("done", __COUNTER__ - HALO_RAFT_BASE - 1);
  return status;
}
"""
