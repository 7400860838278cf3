/* Prints lines that differ, about as many bytes as asked for, in writes of 64 KiB. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  long long wanted = argc > 1 ? atoll(argv[1]) : 1000000;
  unsigned long long seed = 88172645463325252ULL;
  long long printed = 0;
  setvbuf(stdout, 0, _IOFBF, 65536);
  for (long long line = 0; printed < wanted; line++) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    printed += printf("%010lld step %llu residual %016llx of the run, cell %llu\n", line, seed % 1000, seed, seed % 7919);
  }
  printf("the needle\n");
  return 0;
}
