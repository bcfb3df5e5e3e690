// fsGroup: everything below a directory belongs to the group, which may read and write it, and new files inherit the group.
import { chmod, lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

export async function ownByGroup(path: string, group: number): Promise<void> {
  const stat = await lstat(path)
  await lchown(path, stat.uid, group)
  if (stat.isSymbolicLink()) return
  await chmod(path, (stat.mode & 0o7777) | (stat.isDirectory() ? 0o2770 : 0o660))
  if (!stat.isDirectory()) return
  for (const name of await readdir(path)) await ownByGroup(join(path, name), group)
}
