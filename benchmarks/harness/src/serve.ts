import { inspect } from 'node:util'
import { READY } from './protocol.ts'
import type { Answer, Call, Procedures } from './protocol.ts'

/**
 * Offers procedures to the process that started this one. The process ends with its parent, whatever it is doing.
 */
export function serve (procedures: Procedures): void {
  process.on('disconnect', () => { process.exit(1) })
  process.on('message', (call: Call) => {
    answer(procedures, call).then(send, send)
  })
  // a terminal sends Ctrl-C to the whole group: the parent decides when this process ends
  process.on('SIGINT', () => {})
  send({ id: READY })
}

async function answer (procedures: Procedures, { id, name, params }: Call): Promise<Answer> {
  try {
    const procedure = procedures[name]

    if (procedure == null) {
      throw new Error(`there is no procedure ${name}`)
    }

    return { id, value: await procedure(...params as never[]) }
  } catch (error) {
    // with what caused it
    return { id, error: inspect(error) }
  }
}

function send (message: Answer): void {
  // false only says that the parent reads slowly; a parent that is gone ends us through `disconnect`
  process.send?.(message)
}
