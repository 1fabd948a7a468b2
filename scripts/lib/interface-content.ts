import ts from 'typescript'
import { lineOf } from './imports.ts'

/** Something that an interface package may not hold */
export interface Foreign {
  readonly line: number
  readonly what: string
}

/**
 * What in a file is more than a contract. An interface package holds types, symbols, constant tables, error classes
 * and type guards; whatever else runs belongs to an implementation.
 */
export function foreignContent (file: ts.SourceFile): Foreign[] {
  return file.statements.flatMap(statement => {
    const what = judge(statement)
    return what == null ? [] : [{ line: lineOf(file, statement), what }]
  })
}

function judge (statement: ts.Statement): string | undefined {
  if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) return undefined
  // adds a type to another package
  if (ts.isModuleDeclaration(statement) && statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword) === true) return undefined
  if (ts.isClassDeclaration(statement)) return isErrorClass(statement) ? undefined : `class ${nameOf(statement)}, which is no error class`
  if (ts.isFunctionDeclaration(statement)) return isGuard(statement) ? undefined : `function ${nameOf(statement)}, which is no type guard`
  if (ts.isVariableStatement(statement)) {
    const { flags, declarations } = statement.declarationList
    if ((flags & ts.NodeFlags.Const) === 0) return 'a variable that can change'
    const bad = declarations.find(({ initializer }) => initializer == null || !isConstant(initializer))
    return bad == null ? undefined : `constant ${bad.name.getText()}, which is neither a symbol nor a literal`
  }
  return 'a statement that runs'
}

function nameOf (node: ts.ClassDeclaration | ts.FunctionDeclaration): string {
  return node.name?.text ?? 'without a name'
}

function isErrorClass (node: ts.ClassDeclaration): boolean {
  const base = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0]?.expression
  return base != null && ts.isIdentifier(base) && base.text.endsWith('Error')
}

function isGuard (node: ts.FunctionDeclaration): boolean {
  return node.type != null && ts.isTypePredicateNode(node.type)
}

function isConstant (node: ts.Expression): boolean {
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)) return isConstant(node.expression)
  if (ts.isLiteralExpression(node) || node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword) return true
  if (ts.isPrefixUnaryExpression(node)) return isConstant(node.operand)
  if (ts.isArrayLiteralExpression(node)) return node.elements.every(isConstant)
  if (ts.isObjectLiteralExpression(node)) return node.properties.every(property => ts.isPropertyAssignment(property) && isConstant(property.initializer))
  if (ts.isNewExpression(node)) return /^(?:Set|Map)$/.test(node.expression.getText()) && (node.arguments ?? []).every(isConstant)
  // Symbol.for('…'), Object.freeze([…])
  return ts.isCallExpression(node) && /^(?:Symbol(?:\.for)?|Object\.freeze)$/.test(node.expression.getText()) && node.arguments.every(isConstant)
}
