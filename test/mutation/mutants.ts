/** A node of the syntax tree that solc gives; its fields depend on its type. */
export type Node = { readonly nodeType: string; readonly src: string; readonly [field: string]: unknown }

/** One small change to one contract's source. */
export type Mutant = {
  /** As solc names it: `contracts/ConsentLedger.sol`. */
  readonly file: string
  /** The function, modifier or constant that it is in. */
  readonly where: string
  readonly line: number
  readonly kind: string
  /** Bytes of the source that are replaced. */
  readonly start: number
  readonly end: number
  readonly before: string
  readonly after: string
}

const otherOperators: Readonly<Record<string, readonly string[]>> = {
  '+': ['-'],
  '-': ['+'],
  '*': ['+'],
  '/': ['*'],
  '%': ['*'],
  '<<': ['>>'],
  '>>': ['<<'],
  '&': ['|'],
  '|': ['&'],
  '^': ['&'],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '==': ['!='],
  '!=': ['=='],
  '&&': ['||'],
  '||': ['&&'],
  '+=': ['-='],
  '-=': ['+='],
  '|=': ['='],
  '&=': ['='],
  '++': ['--'],
  '--': ['++'],
}
const kindOfOperator = (operator: string) => {
  if (/^[<>]=?$|^[=!]=$/.test(operator)) return 'comparison'
  return operator === '&&' || operator === '||' ? 'boolean' : 'arithmetic'
}

/**
 * Every mutant of one file, in the order of its syntax tree.
 *
 * Visibility is left alone: a changed one changes the ABI or the bytecode, and `tools/contracts.ts --check` compares those.
 *
 * @param ast solc's syntax tree of the file
 * @param enums members of each enum, by name
 */
export function findMutants(
  file: string,
  source: string,
  ast: Node,
  enums: ReadonlyMap<string, readonly string[]>,
): Mutant[] {
  const bytes = Buffer.from(source)
  const mutants: Mutant[] = []
  const rangeOf = (node: Node): [number, number] => {
    const [start = 0, length = 0] = node.src.split(':').map(Number)
    return [start, start + length]
  }
  const text = (start: number, end: number) => bytes.subarray(start, end).toString()
  const textOf = (node: Node) => text(...rangeOf(node))

  function add(kind: string, where: string, start: number, end: number, after: string) {
    const line = text(0, start).split('\n').length
    mutants.push({ file, where, line, kind, start, end, before: text(start, end), after })
  }

  function replace(kind: string, where: string, node: Node, after: string) {
    add(kind, where, ...rangeOf(node), after)
  }

  /** The operator stands between its operands, perhaps among brackets. */
  function swapOperator(where: string, operator: string, from: number, to: number) {
    const at = text(from, to).indexOf(operator)
    const start = from + Buffer.byteLength(text(from, to).slice(0, at))
    for (const other of otherOperators[operator] ?? []) {
      add(kindOfOperator(operator), where, start, start + operator.length, other)
    }
  }

  function removeStatement(where: string, node: Node) {
    replace('statement', where, node, textOf(node).endsWith(';') ? '{}' : '0')
  }

  function swapArguments(where: string, values: readonly Node[]) {
    for (const [index, left] of values.entries()) {
      const right = values[index + 1]
      if (right === undefined || typeOf(left) !== typeOf(right) || textOf(left) === textOf(right)) continue
      const [leftStart, leftEnd] = rangeOf(left)
      const [rightStart, rightEnd] = rangeOf(right)
      add('arguments', where, leftStart, rightEnd, textOf(right) + text(leftEnd, rightStart) + textOf(left))
    }
  }

  function visit(node: Node, where: string, parent: Node | undefined) {
    const here = nameOf(node) ?? where
    mutate(node, here, parent)
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, here, node)
    }
  }

  function mutate(node: Node, where: string, parent: Node | undefined) {
    switch (node.nodeType) {
      case 'BinaryOperation': {
        const { leftExpression: left, rightExpression: right, operator } = node
        if (isNode(left) && isNode(right)) swapOperator(where, String(operator), rangeOf(left)[1], rangeOf(right)[0])
        return
      }
      case 'Assignment': {
        const { leftHandSide: left, rightHandSide: right, operator } = node
        if (isNode(left) && isNode(right)) swapOperator(where, String(operator), rangeOf(left)[1], rangeOf(right)[0])
        return
      }
      case 'UnaryOperation': {
        const { operator, subExpression } = node
        if (operator === '!' && isNode(subExpression)) replace('boolean', where, node, textOf(subExpression))
        else swapOperator(where, String(operator), ...rangeOf(node))
        return
      }
      case 'IfStatement': {
        const { condition, trueBody, falseBody } = node
        if (!isNode(condition)) return
        replace('condition', where, condition, 'false')
        if (falseBody || !isNode(trueBody) || !isLoneRevert(trueBody)) replace('condition', where, condition, 'true')
        return
      }
      case 'Conditional': {
        const { condition, trueExpression, falseExpression } = node
        if (!isNode(condition) || !isNode(trueExpression) || !isNode(falseExpression)) return
        replace(
          'condition',
          where,
          node,
          `${textOf(condition)} ? ${textOf(falseExpression)} : ${textOf(trueExpression)}`,
        )
        return
      }
      case 'ExpressionStatement':
      case 'EmitStatement':
        removeStatement(where, node)
        return
      case 'RevertStatement':
        // Alone behind its condition, it goes with the condition.
        if (parent?.nodeType !== 'IfStatement') removeStatement(where, node)
        return
      case 'Return': {
        const { expression } = node
        if (!isNode(expression)) removeStatement(where, node)
        else if (typeOf(expression) === 'bool' && !['BinaryOperation', 'Literal'].includes(expression.nodeType)) {
          replace('boolean', where, expression, `!(${textOf(expression)})`)
        }
        return
      }
      case 'Literal':
      case 'YulLiteral':
        mutateLiteral(node, where, parent)
        return
      case 'FunctionCall':
        if (Array.isArray(node['arguments'])) swapArguments(where, node['arguments'].filter(isNode))
        return
      case 'MemberAccess': {
        const { expression, memberName } = node
        const enumName = isNode(expression) ? /^type\(enum (?:\w+\.)*(\w+)\)$/.exec(typeOf(expression))?.[1] : undefined
        const members = enumName === undefined ? undefined : enums.get(enumName)
        if (members === undefined || !isNode(expression)) return
        const next = members[(members.indexOf(String(memberName)) + 1) % members.length]
        replace('constant', where, node, `${textOf(expression)}.${next}`)
        return
      }
      case 'ModifierInvocation':
        if (node['kind'] === 'modifierInvocation') replace('modifier', where, node, '')
        return
      case 'YulExpressionStatement':
        replace('statement', where, node, 'pop(0)')
        return
    }
  }

  function mutateLiteral(node: Node, where: string, parent: Node | undefined) {
    if (parent?.nodeType === 'ArrayTypeName') return
    const literal = textOf(node)
    if (node['kind'] === 'bool') replace('constant', where, node, literal === 'true' ? 'false' : 'true')
    else if (node['kind'] === 'string' && literal !== '""')
      replace('constant', where, node, `${literal.slice(0, -1)}x"`)
    else if (node['kind'] === 'number') {
      const [, digits = '', unit = ''] = /^(0x[0-9a-fA-F_]+|[0-9_]+)(.*)$/s.exec(literal) ?? []
      if (digits === '') return
      const value = BigInt(digits.replaceAll('_', ''))
      replace('constant', where, node, `${value + 1n}${unit}`)
      if (value > 0n) replace('constant', where, node, `${value - 1n}${unit}`)
    }
  }

  visit(ast, '', undefined)
  return mutants
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'nodeType' in value && 'src' in value
}

function typeOf(node: Node): string {
  const descriptions = node['typeDescriptions']
  if (typeof descriptions !== 'object' || descriptions === null || !('typeString' in descriptions)) return ''
  return String(descriptions.typeString)
}

function isLoneRevert(body: Node): boolean {
  if (body.nodeType === 'RevertStatement') return true
  const statements = body['statements']
  return Array.isArray(statements) && statements.length === 1 && isNode(statements[0]) && isLoneRevert(statements[0])
}

function nameOf(node: Node): string | undefined {
  if (node.nodeType === 'FunctionDefinition') return String(node['name'] || node['kind'])
  if (node.nodeType === 'ModifierDefinition') return String(node['name'])
  return node.nodeType === 'VariableDeclaration' && node['stateVariable'] === true ? String(node['name']) : undefined
}
