/**
 * Variables by which the C library or the dynamic loader is led to other files or behaviour (glibc drops the same ones
 * for set-uid programs, sysdeps/generic/unsecvars.h). The tools that switch the user still run as root, so they must
 * not see them: a job could otherwise have its own library loaded as root.
 */
const unsafe =
  /^(LD_.*|GCONV_PATH|GETCONF_DIR|GLIBC_TUNABLES|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_.*|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|TMPDIR|TZDIR)$/;

/** Its value passes through the arguments of a tool, which everybody on the machine can see for a moment. */
export function isLateVariable(name: string): boolean {
  return unsafe.test(name);
}

/** Which variables may be there from the start, and which only once the program is no longer root. */
export function splitEnvironment(env: Readonly<Record<string, string>>): {
  safe: Record<string, string>;
  late: string[];
} {
  const safe: Record<string, string> = {};
  const late: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (isLateVariable(name)) late.push(`${name}=${value}`);
    else safe[name] = value;
  }
  return { safe, late };
}
