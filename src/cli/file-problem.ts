// What a user can do about a file that cannot be read, in place of the system call's words.

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'that is a directory, not a file',
}

/** The error's own message where it is not about reading a file. */
export const fileProblem = (err: unknown): string =>
  WHY[(err as NodeJS.ErrnoException).code ?? ''] ?? (err as Error).message
