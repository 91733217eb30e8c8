// Package arch keeps the house in order. Its tests read the source of the whole
// module and assert the import table of docs/architecture.md and the habits
// that no linter knows: which package may import which, what a file may hold,
// what has to be documented. Each check is shown to fail on a small bad tree
// before it is trusted with the real one.
package arch
