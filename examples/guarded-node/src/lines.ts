export type Look = 'bold' | 'dim' | 'green' | 'yellow' | 'red'

/** Gives text a look; the identity where there are no colours */
export type Paint = (look: Look, text: string) => string

/** A line in parts, so that it can be cut to the width of the terminal before it has a look */
export type Line = ReadonlyArray<string | readonly [Look, string]>

/** Cuts off what is too long, and says so */
export function clip (text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** A line as it is written, no wider than `width` */
export function render (line: Line, width: number, paint: Paint): string {
  let room = width
  return line.map(part => {
    const [look, whole] = typeof part === 'string' ? [undefined, part] : part
    const text = room > 0 ? clip(whole, room) : ''
    room -= text.length
    return look == null || text === '' ? text : paint(look, text)
  }).join('')
}

/** A line that says something of what its title names */
export function titled (title: string, ...rest: Line): Line {
  return [['bold', ` ${title.padEnd(TITLE)}`], ...rest]
}

/** How wide a title is, with a space after the longest */
const TITLE = 19
