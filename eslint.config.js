// The rules of js-libp2p's own configuration (neostandard with a space before the parentheses of a function), written
// out for the tools of today, and with the type-aware rules of typescript-eslint in their strictest form.

import stylistic from '@stylistic/eslint-plugin'
import { defineConfig } from 'eslint/config'
import importX from 'eslint-plugin-import-x'
import jsdoc from 'eslint-plugin-jsdoc'
import tseslint from 'typescript-eslint'

const HERE = import.meta.dirname

const SOURCES = ['packages/*/src/**/*.ts']
const TESTS = ['packages/*/test/**/*.ts', 'test/**/*.ts', 'scripts/test/**/*.ts', 'examples/*/test/**/*.ts', 'benchmarks/*/test/**/*.ts']
const PROGRAMS = ['scripts/**/*.ts', 'examples/**/*.ts', 'benchmarks/**/*.ts', 'vitest.config.ts']

export default defineConfig(
  {
    ignores: ['**/dist/', '**/node_modules/', 'coverage/', 'site/', 'temp/', '.doc-check/', '.cache/', '**/fixtures/']
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: false,
        project: ['packages/*/tsconfig.json', 'tsconfig.test.json'],
        tsconfigRootDir: HERE
      }
    }
  },
  {
    files: ['**/*.{js,mjs,ts}'],
    plugins: { '@stylistic': stylistic, 'import-x': importX },
    linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' },
    rules: {
      // form
      '@stylistic/array-bracket-spacing': ['error', 'never'],
      '@stylistic/arrow-spacing': 'error',
      '@stylistic/block-spacing': 'error',
      '@stylistic/brace-style': ['error', '1tbs', { allowSingleLine: true }],
      '@stylistic/comma-dangle': ['error', 'never'],
      '@stylistic/comma-spacing': 'error',
      '@stylistic/comma-style': 'error',
      '@stylistic/eol-last': 'error',
      '@stylistic/function-call-spacing': ['error', 'never'],
      '@stylistic/generator-star-spacing': ['error', 'both'],
      '@stylistic/indent': ['error', 2, { SwitchCase: 1, flatTernaryExpressions: true, ignoredNodes: ['TSTypeParameterInstantiation', 'TSUnionType', 'TSConditionalType'] }],
      '@stylistic/key-spacing': 'error',
      '@stylistic/keyword-spacing': 'error',
      '@stylistic/member-delimiter-style': ['error', { multiline: { delimiter: 'none' }, singleline: { delimiter: 'comma', requireLast: false } }],
      '@stylistic/no-extra-parens': ['error', 'functions'],
      '@stylistic/no-mixed-spaces-and-tabs': 'error',
      '@stylistic/no-multi-spaces': ['error', { ignoreEOLComments: true }],
      '@stylistic/no-multiple-empty-lines': ['error', { max: 1, maxBOF: 0, maxEOF: 0 }],
      '@stylistic/no-tabs': 'error',
      '@stylistic/no-trailing-spaces': 'error',
      '@stylistic/no-whitespace-before-property': 'error',
      '@stylistic/object-curly-spacing': ['error', 'always'],
      '@stylistic/operator-linebreak': ['error', 'after', { overrides: { '?': 'before', ':': 'before', '|>': 'before', '&&': 'ignore', '||': 'ignore', '??': 'ignore', '|': 'ignore', '&': 'ignore', '=': 'ignore', '+': 'ignore', '*': 'ignore', '-': 'ignore', '/': 'ignore' } }],
      '@stylistic/padded-blocks': ['error', 'never'],
      '@stylistic/quote-props': ['error', 'as-needed', { keywords: false, unnecessary: true, numbers: false }],
      '@stylistic/quotes': ['error', 'single', { avoidEscape: true, allowTemplateLiterals: 'never' }],
      '@stylistic/rest-spread-spacing': 'error',
      '@stylistic/semi': ['error', 'never'],
      '@stylistic/semi-spacing': 'error',
      '@stylistic/space-before-blocks': 'error',
      '@stylistic/space-before-function-paren': ['error', 'always'],
      '@stylistic/space-in-parens': 'error',
      '@stylistic/space-infix-ops': 'error',
      '@stylistic/space-unary-ops': 'error',
      '@stylistic/spaced-comment': ['error', 'always', { markers: ['/'] }],
      '@stylistic/template-curly-spacing': 'error',
      '@stylistic/type-annotation-spacing': 'error',
      '@stylistic/type-generic-spacing': 'off',
      '@stylistic/type-named-tuple-spacing': 'error',
      '@stylistic/yield-star-spacing': ['error', 'both'],

      // sense
      'array-callback-return': 'error',
      curly: ['error', 'multi-line'],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-else-return': 'off',
      'no-eval': 'error',
      'no-extend-native': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-return-assign': ['error', 'except-parens'],
      'no-self-compare': 'error',
      'no-sequences': 'error',
      'no-template-curly-in-string': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-unneeded-ternary': 'error',
      'no-useless-computed-key': 'error',
      'no-useless-rename': 'error',
      'no-var': 'error',
      'max-depth': ['error', 4],
      'max-nested-callbacks': ['error', 5],
      'object-shorthand': 'error',
      'one-var': ['error', { initialized: 'never' }],
      'prefer-const': 'error',
      yoda: ['error', 'never', { exceptRange: true }],

      // imports: values first, types last, both by path; nothing undeclared
      'import-x/first': 'error',
      'import-x/export': 'error',
      'import-x/consistent-type-specifier-style': ['error', 'prefer-top-level'],
      'import-x/no-absolute-path': 'error',
      'import-x/no-duplicates': 'off',
      'import-x/no-self-import': 'error',
      'import-x/no-useless-path-segments': ['error', { noUselessIndex: false }],
      'import-x/order': ['error', {
        groups: ['builtin', ['external', 'internal'], ['parent', 'sibling', 'index'], 'type'],
        'newlines-between': 'never',
        alphabetize: { order: 'asc', caseInsensitive: true }
      }]
    }
  },
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/array-type': ['error', { default: 'array-simple' }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { prefer: 'type-imports', fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/explicit-function-return-type': ['error', { allowExpressions: true, allowTypedFunctionExpressions: true }],
      '@typescript-eslint/explicit-member-accessibility': ['error', { accessibility: 'no-public' }],
      '@typescript-eslint/method-signature-style': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidOperator: true }],
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends', allowObjectTypes: 'always' }],
      // node:test waits for what it was given by itself
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', name: ['describe', 'it', 'test'], package: 'node:test' }] }],
      '@typescript-eslint/no-explicit-any': ['error', { ignoreRestArgs: false }],
      // `T extends ServiceMap = {}` is how libp2p types its services
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      // there are no enums: erasableSyntaxOnly
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'always' }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-nullish-coalescing': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowNullish: true }],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/strict-boolean-expressions': ['error', { allowNullableObject: false, allowNumber: false, allowString: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/unbound-method': ['error', { ignoreStatic: true }],
      '@typescript-eslint/no-deprecated': 'error'
    }
  },
  {
    files: SOURCES,
    plugins: { jsdoc },
    rules: {
      // what a declared dependency is, is a matter of the package that the file is in
      'import-x/no-extraneous-dependencies': ['error', { devDependencies: false, optionalDependencies: false, peerDependencies: true }],
      'import-x/no-default-export': 'error',
      'jsdoc/check-alignment': 'error',
      'jsdoc/check-param-names': ['error', { checkDestructured: false, disableMissingParamChecks: true }],
      'jsdoc/check-tag-names': ['error', { definedTags: ['packageDocumentation', 'internal', 'typeParam'], typed: true }],
      'jsdoc/empty-tags': 'error',
      'jsdoc/no-types': 'error',
      'jsdoc/no-undefined-types': 'off',
      'jsdoc/require-asterisk-prefix': 'error',
      'jsdoc/require-file-overview': 'off',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }]
    }
  },
  {
    // Everything else runs in browsers too
    files: SOURCES,
    ignores: ['**/*.node.ts'],
    rules: {
      'no-restricted-globals': ['error',
        { name: 'Buffer', message: 'use Uint8Array: this file runs in browsers' },
        { name: 'process', message: 'this file runs in browsers' },
        { name: 'setImmediate', message: 'this file runs in browsers' },
        { name: '__dirname', message: 'this file runs in browsers' }
      ],
      'no-restricted-imports': ['error', { patterns: [{ regex: '^node:', message: 'only *.node.ts may import from Node: this file runs in browsers' }] }]
    }
  },
  {
    files: [...TESTS, ...PROGRAMS],
    rules: {
      // tools and applications under test are dependencies of the repository, not of a package
      'import-x/no-extraneous-dependencies': ['error', { devDependencies: true, packageDir: [HERE] }],
      '@typescript-eslint/no-non-null-assertion': 'off'
    }
  },
  {
    files: ['packages/*/test/**/*.ts', 'examples/*/**/*.ts', 'benchmarks/*/**/*.ts', 'test/**/*.ts'],
    rules: {
      'import-x/no-extraneous-dependencies': 'off'
    }
  },
  {
    files: [...PROGRAMS, 'scripts/**/*.mjs'],
    rules: { 'no-console': 'off' }
  },
  {
    files: [...TESTS, 'packages/interface-compliance-tests/src/**/*.ts', 'packages/testing/src/**/*.ts'],
    rules: {
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unsafe-type-assertion': 'off',
      'no-restricted-syntax': ['error', {
        selector: 'CallExpression[callee.property.name=/^(toMatchObject|objectContaining)$/] > .arguments ObjectExpression[properties.length=0]',
        message: 'in what is matched, {} stands for any object: compare with toEqual or toHaveProperty'
      }]
    }
  }
)
