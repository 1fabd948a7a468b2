import { normaliseAddress } from '@cordon/address'
import { InvalidRuleError, ListError } from '@cordon/interface-connection-gater'
import { checkOptions } from './foreign-rules.ts'
import { readText } from './foreign-subject.ts'
import type { ForeignSubject } from './foreign-subject.ts'
import type { LiftedLimit, ListSource, Rule, RuleAction, RuleDirection } from '@cordon/interface-connection-gater'

const MAX_ERRORS = 100

/** What one entry of a list says */
export interface Entry {
  readonly subject: ForeignSubject
  readonly action: RuleAction
  readonly direction: RuleDirection
  readonly expires?: number | undefined
  readonly reason?: string | undefined
  readonly note?: string | undefined
  readonly lifts?: readonly LiftedLimit[] | undefined
}

type Preset = Pick<Entry, 'action' | 'direction' | 'reason'>

interface Raw {
  readonly line: number
  readonly value: unknown
}

async function join (content: ListSource['content']): Promise<string> {
  if (typeof content === 'string') return content
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of content) text += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true })
  return text + decoder.decode()
}

function words (line: string): string[] {
  const all = line.trim().split(/\s+/)
  const comment = all.findIndex(word => word.startsWith('#') || word.startsWith(';'))
  return (comment === -1 ? all : all.slice(0, comment)).filter(word => word !== '')
}

function readLine (line: string, preset: Preset): Entry[] {
  const all = words(line)
  if (all.length === 0) return []
  const action = all[0] === 'allow' || all[0] === 'block' ? all.shift() as RuleAction : preset.action
  const direction = ['any', 'inbound', 'outbound'].includes(all[0] ?? '') ? all.shift() as RuleDirection : preset.direction
  if (all.length !== 1) throw new InvalidRuleError('a line has one subject', line.slice(0, 64))
  return [{ ...preset, subject: readText(all[0] ?? ''), action, direction }]
}

function readHosts (line: string, preset: Preset): Entry[] {
  const [address, ...names] = words(line)
  if (address === undefined) return []
  const kind = address.includes('/') ? undefined : classOf(address)
  if (kind === undefined) throw new InvalidRuleError('a line begins with an IP address', line.slice(0, 64))
  if (kind !== 'loopback' && kind !== 'unspecified') return [{ ...preset, subject: readText(address) }]
  if (names.length === 0) throw new InvalidRuleError('there is no name', line.slice(0, 64))
  return names.filter(name => name !== 'localhost').map(name => ({ ...preset, subject: readText(`/dns/${name}`) }))
}

function classOf (text: string): string | undefined {
  try {
    const address = normaliseAddress(text)
    return address.family === 0 ? undefined : address.class
  } catch {
    return undefined
  }
}

function readElement (value: unknown, preset: Preset): Entry[] {
  if (typeof value === 'string') return [{ ...preset, subject: readText(value) }]
  if (typeof value !== 'object' || value == null) throw new InvalidRuleError('an element is a text or an object', String(value))
  const { subject, action = preset.action, direction = preset.direction, expires, reason = preset.reason, note, lifts, ...others } = value as Partial<Rule> & Record<string, unknown>
  if (typeof subject !== 'string' || Object.keys(others).length > 0 || !['allow', 'block'].includes(action)) throw new InvalidRuleError('an element has a subject, and nothing that a rule does not have', '')
  if (expires !== undefined && !(Number.isSafeInteger(expires) && expires >= 0)) throw new InvalidRuleError('a time is in ms', String(expires))
  checkOptions(action, { direction, reason, note, lifts })
  return [{ subject: readText(subject), action, direction, expires, reason, note, lifts }]
}

/** @throws {Error} when there is no array of rules */
function elements (text: string): Raw[] {
  const whole = JSON.parse(text) as unknown
  const rules = Array.isArray(whole) ? whole as unknown[] : (whole as { rules?: unknown } | null)?.rules
  if (!Array.isArray(rules)) throw new Error('there is no array of rules')
  return rules.map((value: unknown, index) => ({ line: index + 1, value }))
}

/** Reads a list to its end before anything is made of it */
export async function readList (name: string, { content, format = 'text', action = 'block', direction = 'any', reason = name, trusted = false }: ListSource): Promise<{ entries: Entry[], errors: ListError[], invalid: number }> {
  const text = await join(content)
  const preset: Preset = { action, direction, reason }
  const raws: Raw[] = format === 'json' ? elements(text) : text.split('\n').map((value, index) => ({ line: index + 1, value }))
  const read = (value: unknown): Entry[] => format === 'json' ? readElement(value, preset) : (format === 'hosts' ? readHosts : readLine)(String(value), preset)
  const errors: ListError[] = []
  const entries = raws.flatMap(({ line, value }) => {
    try {
      const found = read(value)
      if (!trusted && found.some(entry => entry.action !== action || entry.lifts !== undefined)) throw new InvalidRuleError('a list that is not trusted says only whom it is about', '')
      return found
    } catch (err) {
      errors.push(new ListError(name, line, typeof value === 'string' ? value.slice(0, 64) : '', err instanceof Error ? err.message : 'it cannot be read', { cause: err }))
      return []
    }
  })
  return { entries, errors: errors.slice(0, MAX_ERRORS), invalid: errors.length }
}

/** Writes rules as `readList` reads them */
export function * writeRules (rules: Iterable<Rule>, format: 'text' | 'json'): Generator<string> {
  const kept = [...rules].filter(({ kind }) => kind !== 'predicate')
  if (format === 'json') yield JSON.stringify(kept.map(({ subject, action, direction, expires, reason, note, lifts }) => ({ subject, action, direction, expires, reason, note, lifts })))
  else for (const { action, direction, subject } of kept) yield `${action} ${direction} ${subject}\n`
}
