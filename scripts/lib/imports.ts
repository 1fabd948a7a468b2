import ts from 'typescript'

/** One import or re-export of a source file */
export interface Import {
  readonly specifier: string
  /** It leaves nothing behind in the emitted JavaScript */
  readonly typeOnly: boolean
  /** From 1 */
  readonly line: number
}

export function parse (path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
}

/** Every import of a file: declarations, re-exports, `import()` and types written as `import('x').Y` */
export function importsOf (file: ts.SourceFile): Import[] {
  const found: Import[] = []
  const add = (node: ts.Node, typeOnly: boolean): void => {
    if (ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typeOnly, line: lineOf(file, node) })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, isTypeImport(node.importClause))
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier != null) {
      add(node.moduleSpecifier, node.isTypeOnly || isTypeExport(node.exportClause))
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0] != null) {
      add(node.arguments[0], false)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

export function lineOf (file: ts.SourceFile, node: ts.Node): number {
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1
}

function isTypeImport (clause: ts.ImportClause | undefined): boolean {
  if (clause == null) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = clause
  return name == null && namedBindings != null && ts.isNamedImports(namedBindings) && namedBindings.elements.length > 0 && namedBindings.elements.every(element => element.isTypeOnly)
}

function isTypeExport (clause: ts.NamedExportBindings | undefined): boolean {
  return clause != null && ts.isNamedExports(clause) && clause.elements.length > 0 && clause.elements.every(element => element.isTypeOnly)
}

/** The package that a specifier names: `@scope/name/sub` is `@scope/name` */
export function packageOf (specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}
