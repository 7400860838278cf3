/* The limit to compare with: posix_spawn and waitpid of /bin/true, nothing captured. */
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
  int programs = argc > 1 ? atoi(argv[1]) : 1000;
  char *arguments[] = {"/bin/true", 0};
  for (int i = 0; i < programs; i++) {
    pid_t pid;
    int status;
    if (posix_spawn(&pid, arguments[0], 0, 0, arguments, environ) != 0) return 1;
    waitpid(pid, &status, 0);
  }
  return 0;
}
