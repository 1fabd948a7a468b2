import { spawnSync } from 'node:child_process'

/** What a process is started through that gets a network of its own, in which all of these prefixes are its own addresses */
export function ownNetwork (prefixes: readonly string[]): string[] {
  const steps = [
    'ip link set lo up',
    ...prefixes.map(prefix => `ip -6 route add local ${prefix} dev lo`),
    // without it only addresses of an interface can be come from, and each would have to be added
    'echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind'
  ]
  return ['unshare', '-rn', 'sh', '-c', `${steps.join(' && ')} && exec "$0" "$@"`]
}

/** What another process is started through that shares the network of this one */
export function sameNetwork (pid: number): string[] {
  return ['nsenter', '--target', String(pid), '--user', '--net', '--preserve-credentials']
}

/** Why this machine can make no such network; nothing where it can */
export function noNetwork (prefixes: readonly string[]): string | undefined {
  const [command, ...args] = [...ownNetwork(prefixes), 'nsenter', '--version']
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 })
  if (status === 0) return undefined
  return error?.message ?? (stderr.trim() === '' ? `exit code ${status}` : stderr.trim())
}
