import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { parse } from './imports.ts'
import { files, packages, root } from './workspace.ts'

interface ErrorDoc {
  readonly name: string
  readonly base: string
  readonly text: string
  readonly fields: ReadonlyArray<{ readonly name: string, readonly type: string, readonly text: string }>
}

const HEAD = `# Errors

<!-- Made by \`npm run generate\` from the files named errors.ts; edit those instead. -->

Every error class of Cordon has its name as a static property, so that an error can be told by name and copies of a
package in one application do no harm: \`err.name === HandshakeTimeoutError.name\`. What a module refuses is not an error
but a value, a \`Refusal\`.
`

/** The page of every error class that the packages export */
export function errorsPage (top: string = root): string {
  const sections = packages(top).flatMap(({ manifest, absolute, path }) => {
    const errors = files(['src/errors.ts', 'src/**/errors.ts'], absolute).flatMap(file => errorsOf(`${path}/${file}`, readFileSync(join(absolute, file), 'utf8')))
    return errors.length === 0 ? [] : [`## ${manifest.name}\n\n${errors.map(section).join('\n')}`]
  })
  return [HEAD, ...sections].join('\n')
}

function errorsOf (path: string, text: string): ErrorDoc[] {
  const file = parse(path, text)
  return file.statements.filter(ts.isClassDeclaration).map(node => ({
    name: node.name?.text ?? '',
    base: node.heritageClauses?.[0]?.types[0]?.expression.getText() ?? 'Error',
    text: docOf(node),
    fields: node.members.filter(isDataField).map(member => ({ name: member.name.getText(), type: typeOf(member), text: docOf(member) }))
  }))
}

/** A field that a reader of the error may look at; `name` is on every error */
function isDataField (member: ts.ClassElement): member is ts.PropertyDeclaration {
  return ts.isPropertyDeclaration(member) && member.name.getText() !== 'name' && !ts.isPrivateIdentifier(member.name) &&
    (ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Static | ts.ModifierFlags.Private)) === 0
}

function typeOf ({ type, initializer }: ts.PropertyDeclaration): string {
  return (type ?? initializer)?.getText() ?? 'unknown'
}

function docOf (node: ts.Node): string {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)?.comment
  return (ts.getTextOfJSDocComment(comment) ?? '').replaceAll(/\s+/g, ' ').trim()
}

function section ({ name, base, text, fields }: ErrorDoc): string {
  const rows = fields.map(field => `| \`${field.name}\` | \`${field.type.replaceAll('|', '\\|')}\` | ${field.text} |`)
  const table = rows.length === 0 ? '' : `\n| field | type | |\n|---|---|---|\n${rows.join('\n')}\n`
  return `### ${name}\n\n${text}.${base === 'Error' ? '' : ` Extends \`${base}\`.`}\n${table}`
}
